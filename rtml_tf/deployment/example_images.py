"""Some images of a pipeline, as one array."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def resize_of(batches: Any) -> int | tuple[int, int] | None:
    """What the images of a pipeline were resized to before their centre was cut out.

    None: nothing was cut out, or the pipeline does not say.
    """
    return getattr(getattr(batches, "source", None), "resize_to", None)


def first_images(
    batches: Any, count: int, *, input_shape: Sequence[int | None] | None = None
) -> np.ndarray:
    """The first images of a pipeline, which may be endless.

    Args:
        batches: An `OrderedBatches` or `TrainingBatches`, or any object whose `dataset()` gives
            dicts with "image".
        count: At most this many.
        input_shape: `(H, W, C)` that a network takes: larger images, from which training cuts at
            random, are cut to their centre, as for evaluation. None: they stay as they are.

    Returns:
        float32 `[N, H, W, C]`, `N <= count`.

    Raises:
        ValueError: If there are no images.
    """
    parts, found = [], 0
    for batch in batches.dataset():
        parts.append(batch["image"].numpy())
        found += len(parts[-1])
        if found >= count:
            break
    if not found:
        raise ValueError("The batches must hold at least one image, got none.")
    images = np.concatenate(parts)[:count]
    return images if input_shape is None else _centres(images, input_shape)


def _centres(images: np.ndarray, input_shape: Sequence[int | None]) -> np.ndarray:
    parts = [slice(None)]
    for given, wanted in zip(images.shape[1:3], input_shape):
        surplus = 0 if wanted is None else max(given - wanted, 0)
        parts.append(slice(surplus // 2, given - (surplus - surplus // 2)))
    return images[tuple(parts)]

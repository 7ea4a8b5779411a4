"""Some images of a pipeline, as one array."""

from typing import Any

import numpy as np


def first_images(batches: Any, count: int) -> np.ndarray:
    """The first images of a pipeline, which may be endless.

    Args:
        batches: An `OrderedBatches` or `TrainingBatches`, or any object whose `dataset()` gives
            dicts with "image".
        count: At most this many.

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
    return np.concatenate(parts)[:count]

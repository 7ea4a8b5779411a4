"""Class numbers for class names."""

import re
from collections.abc import Sequence

import numpy as np


def numbered_classes(names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Numbers the classes of examples whose classes are named.

    Args:
        names: The class of each of `N` examples.

    Returns:
        `(labels, class_names)`: int32 `[N]`, and the distinct names in label order: by number if
        all of them are whole numbers, by code points otherwise.
    """
    class_names = sorted(set(names))
    if all(re.fullmatch(r"-?[0-9]+", name) for name in class_names):
        class_names.sort(key=int)
    numbers = {name: number for number, name in enumerate(class_names)}
    return np.array([numbers[name] for name in names], np.int32), tuple(class_names)

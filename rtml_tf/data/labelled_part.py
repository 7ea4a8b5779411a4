"""The part of a source that has labels, where only a share does."""

import numpy as np

from rtml_tf.data.partial_labels import UNLABELLED, partial_labels
from rtml_tf.data.source import ImageSource, Subset


def labelled_part(
    *, source: ImageSource, classes: float = 1.0, examples: float = 1.0, seed: int = 0
) -> Subset:
    """The examples that keep their labels in a `PairedSource` of the same shares and seed.

    For methods that learn from labels alone, beside one that has the other examples too.

    Args:
        source: All examples.
        classes: The share of the classes that have labels, in [0, 1].
        examples: The share of the examples of these classes that do, in [0, 1].
        seed: Non-negative; chooses the labelled classes and examples.

    Raises:
        ValueError: If a share is out of range or leaves nothing, or the seed is negative.
    """
    labels = partial_labels(source.labels, classes=classes, examples=examples, seed=seed)
    return Subset(source, np.flatnonzero(labels != UNLABELLED))

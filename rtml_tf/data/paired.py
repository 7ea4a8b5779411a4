"""The same examples in two domains."""

import numpy as np

from rtml_tf.data.example_keys import match_keys
from rtml_tf.data.partial_labels import UNLABELLED, partial_labels
from rtml_tf.data.source import ImageSource, Subset
from rtml_tf.data.viewed_source import ViewedSource, images_and_view

_NO_CLASSES = ("unknown",)


class PairedSource:
    """The examples of two sources, matched by their keys.

    The two may be views of one image source (an image and its descriptor, an image and a smaller
    one), or come from different places (images and a `FeatureTable`, images and embeddings of
    another network in an `ArraySource`).

    The labels are those of `source`; where it has none, because its only class is "unknown", those
    of `target`. A share of them can be hidden, by classes or by examples (see `partial_labels`).

    Attributes:
        source: The examples in the source domain.
        target: The same examples, in the same order, in the target domain.
        keys: The names of the `N` examples, in the order of both.
        labels: int32 `[N]`: dense class numbers `0..C-1`, and -1 where there is no label.
        class_names: The names of the `C` classes of which at least one example is labelled.
    """

    def __init__(
        self,
        *,
        source: ImageSource,
        target: ImageSource,
        labelled_classes: float = 1.0,
        labelled_examples: float = 1.0,
        seed: int = 0,
        ignore_extra: bool = False,
    ):
        """Matches the examples; the order is that of `source`.

        Args:
            source: The examples as the teacher reads them.
            target: The examples as the student reads them.
            labelled_classes: The share of the classes that have labels, in [0, 1].
            labelled_examples: The share of the examples of these classes that do, in [0, 1].
            seed: Non-negative; chooses the labelled classes and examples.
            ignore_extra: Whether `target` may hold examples that `source` does not, which are left
                out.

        Raises:
            ValueError: If keys are missing, extra or duplicated (the first few are named), or a
                share or the seed is out of range.
        """
        order = match_keys(source.keys, target.keys, ignore_extra=ignore_extra)
        self.source = source
        self.target = _in_order(target, order)
        self.keys = tuple(source.keys)
        labels = partial_labels(
            self._labelled.labels,
            classes=labelled_classes,
            examples=labelled_examples,
            seed=seed,
        )
        if self._labelled.class_names == _NO_CLASSES:
            labels[:] = UNLABELLED
        known = labels != UNLABELLED
        kept, labels[known] = np.unique(labels[known], return_inverse=True)
        self.labels = labels
        self.class_names = tuple(self._labelled.class_names[label] for label in kept)

    @property
    def num_classes(self) -> int:
        """The number of classes `C` with labels; 0 where no example has one."""
        return len(self.class_names)

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def _labelled(self) -> ImageSource:
        return self.target if self.source.class_names == _NO_CLASSES else self.source


def _in_order(source: ImageSource, order: np.ndarray) -> ImageSource:
    if np.array_equal(order, np.arange(len(source))):
        return source
    images, view = images_and_view(source)
    images = Subset(images, order)
    return images if view is None else ViewedSource(source=images, view=view)

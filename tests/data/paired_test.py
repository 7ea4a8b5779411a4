"""Tests of the same examples in two domains."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.image_view import ImageView
from rtml_tf.data.paired import PairedSource
from rtml_tf.data.source import ImageSource
from rtml_tf.data.viewed_source import ViewedSource, images_and_view

_LABELS = np.repeat(np.arange(4), 3)
_NAMES = ("ant", "bee", "cat", "dog")


def _numbered(numbers, labels=None, class_names=None, **arguments) -> ArraySource:
    """Examples `[2]` that hold their number, with keys that do."""
    numbers = np.asarray(numbers)
    return ArraySource(
        keys=[f"key {number}" for number in numbers],
        array=np.stack([numbers, -numbers], axis=1),
        labels=labels,
        class_names=class_names,
        **arguments,
    )


def _values(source: ImageSource) -> np.ndarray:
    return np.stack(list(tf.data.Dataset.range(len(source)).map(source.load).as_numpy_iterator()))


class PairedSourceTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._labelled = _numbered(range(12), _LABELS, _NAMES)

    def test_matches_by_key(self):
        other = np.random.default_rng(0).permutation(12)
        pairs = PairedSource(source=self._labelled, target=_numbered(other))
        self.assertLen(pairs, 12)
        self.assertEqual(pairs.keys, self._labelled.keys)
        self.assertEqual(pairs.target.keys, pairs.keys)
        self.assertAllEqual(_values(pairs.source)[:, 0], range(12))
        self.assertAllEqual(_values(pairs.target)[:, 0], range(12))
        self.assertAllEqual(pairs.labels, _LABELS)
        self.assertEqual((pairs.class_names, pairs.num_classes), (_NAMES, 4))

    def test_a_view_in_another_order_stays_a_view(self):
        images = np.random.default_rng(0).random((12, 4, 4, 3))
        order = np.random.default_rng(1).permutation(12)
        keys = [f"key {number}" for number in order]
        view = ImageView(image_size=(2, 2))
        target = ViewedSource(source=ArraySource(keys=keys, array=images[order]), view=view)
        pairs = PairedSource(source=self._labelled, target=target)
        reordered, taken = images_and_view(pairs.target)
        self.assertIs(taken, view)
        self.assertAllClose(_values(reordered), images)
        self.assertAllClose(_values(pairs.target), view(tf.constant(images, tf.float32)))

    def test_what_does_not_match_is_named(self):
        target = _numbered([0, 1, 2, 30, 31])
        with self.assertRaisesRegex(
            ValueError,
            r"source \(9\): key 3, key 4, .*, \.\.\.; target has extra keys \(2\): key 30",
        ):
            PairedSource(source=self._labelled, target=target)
        some = _numbered([2, 31, 0])
        with self.assertRaisesRegex(ValueError, r"no example for keys of source \(1\): key 1\."):
            PairedSource(source=_numbered(range(3)), target=some, ignore_extra=True)
        pairs = PairedSource(source=_numbered([0, 2]), target=some, ignore_extra=True)
        self.assertAllEqual(_values(pairs.target)[:, 0], [0, 2])

    def test_labels_are_those_of_the_target_where_the_source_has_none(self):
        pairs = PairedSource(source=_numbered(range(11, -1, -1)), target=self._labelled)
        self.assertAllEqual(pairs.labels, _LABELS[::-1])
        self.assertEqual(pairs.class_names, _NAMES)

    def test_where_neither_has_labels_there_are_none(self):
        pairs = PairedSource(source=_numbered(range(3)), target=_numbered(range(3)))
        self.assertAllEqual(pairs.labels, [-1] * 3)
        self.assertEqual((pairs.class_names, pairs.num_classes), ((), 0))

    def test_labels_of_some_classes_are_numbered_anew(self):
        pairs = PairedSource(
            source=self._labelled, target=self._labelled, labelled_classes=0.5, seed=1
        )
        self.assertEqual(pairs.num_classes, 2)
        labels = np.array([_NAMES.index(name) for name in pairs.class_names])
        self.assertAllEqual(labels, sorted(labels))
        self.assertAllEqual(pairs.labels >= 0, np.isin(_LABELS, labels))
        self.assertAllEqual(labels[pairs.labels[pairs.labels >= 0]], _LABELS[pairs.labels >= 0])
        others = [
            PairedSource(
                source=self._labelled, target=self._labelled, labelled_classes=0.5, seed=seed
            ).class_names
            for seed in range(6)
        ]
        self.assertGreater(len(set(others)), 1)

    def test_labels_of_some_examples(self):
        pairs = PairedSource(
            source=self._labelled, target=self._labelled, labelled_examples=0.25, seed=2
        )
        known = pairs.labels >= 0
        self.assertEqual(np.count_nonzero(known), 3)
        self.assertEqual(
            [pairs.class_names[label] for label in pairs.labels[known]],
            [_NAMES[label] for label in _LABELS[known]],
        )
        self.assertCountEqual(set(pairs.labels[known]), range(pairs.num_classes))

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, r"labelled classes must be in \[0, 1\], got 2"):
            PairedSource(source=self._labelled, target=self._labelled, labelled_classes=2)


if __name__ == "__main__":
    tf.test.main()

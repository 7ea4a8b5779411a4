"""Tests of pairs that are drawn from labelled images."""

import numpy as np
from absl.testing import absltest

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.class_pairs import class_pairs


def _source(labels):
    return ArraySource(
        keys=[str(i) for i in range(len(labels))],
        array=np.zeros((len(labels), 2), np.float32),
        labels=labels,
    )


class ClassPairsTest(absltest.TestCase):
    def test_as_many_of_both_kinds_and_none_twice(self):
        source = _source(np.arange(60) % 12)
        pairs = class_pairs(source=source, pairs=40, seed=1)
        self.assertEqual((pairs.same.sum(), (~pairs.same).sum()), (40, 40))
        np.testing.assert_array_equal(
            pairs.same, source.labels[pairs.left] == source.labels[pairs.right]
        )
        self.assertLen({frozenset(p) for p in zip(pairs.left, pairs.right)}, 80)
        self.assertEqual(pairs.people[13], source.class_names[1])
        again = class_pairs(source=source, pairs=40, seed=1)
        np.testing.assert_array_equal(pairs.left, again.left)
        other = class_pairs(source=source, pairs=40, seed=2)
        self.assertFalse(np.array_equal(pairs.left, other.left))

    def test_no_more_than_there_are(self):
        """Two classes of three and one of one: 6 pairs of one class, 15 of two."""
        pairs = class_pairs(source=_source([0, 0, 0, 1, 1, 1, 2]), pairs=500, num_folds=3)
        self.assertEqual((pairs.same.sum(), (~pairs.same).sum()), (6, 15))

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "pairs must be at least 1, got 0"):
            class_pairs(source=_source([0, 0, 1]), pairs=0)
        with self.assertRaisesRegex(ValueError, r"num_folds .* of the same person \(0\)"):
            class_pairs(source=_source([0, 1, 2]), pairs=5, num_folds=2)


if __name__ == "__main__":
    absltest.main()

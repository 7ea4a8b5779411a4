"""Tests of pairs that are drawn from labelled images."""

import itertools

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

    def test_all_of_the_scarcer_kind_and_as_many_of_the_other(self):
        """Two classes of three and one of one: 6 pairs of one class, 15 of two."""
        pairs = class_pairs(source=_source([0, 1, 0, 1, 2, 0, 1]), pairs=500, num_folds=3)
        self.assertEqual((pairs.same.sum(), (~pairs.same).sum()), (6, 6))
        of_one_class = {frozenset(p) for p in zip(pairs.left[pairs.same], pairs.right[pairs.same])}
        expected = [(0, 2), (0, 5), (2, 5), (1, 3), (1, 6), (3, 6)]
        self.assertEqual(of_one_class, set(map(frozenset, expected)))
        # One class of three and one of one: 3 pairs of either kind.
        pairs = class_pairs(source=_source([0, 0, 0, 1]), pairs=500, num_folds=2)
        of_two = {frozenset(p) for p in zip(pairs.left[~pairs.same], pairs.right[~pairs.same])}
        self.assertEqual(of_two, {frozenset((i, 3)) for i in range(3)})

    def test_small_classes_give_all_their_pairs(self):
        pairs = class_pairs(source=_source(np.arange(200) % 100), pairs=100)
        self.assertEqual((pairs.same.sum(), (~pairs.same).sum()), (100, 100))

    def test_every_pair_is_equally_likely(self):
        """4 pairs of one class and 6 of two; 300 draws of one stay within 5 deviations."""
        source = _source([0, 1, 0, 1, 0])
        drawn = {frozenset(pair): 0 for pair in itertools.combinations(range(5), 2)}
        for seed in range(300):
            pairs = class_pairs(source=source, pairs=2, num_folds=2, seed=seed)
            for pair in zip(pairs.left, pairs.right):
                drawn[frozenset(pair)] += 1
        for pair, times in drawn.items():
            share = 2 / (4 if sum(pair) % 2 == 0 else 6)
            deviation = np.sqrt(300 * share * (1 - share))
            self.assertBetween(times, 300 * share - 5 * deviation, 300 * share + 5 * deviation)

    def test_a_choice_never_changes(self):
        """Recorded: thresholds under another NumPy must be those of the same pairs."""
        pairs = class_pairs(source=_source(np.arange(12) % 3), pairs=3, num_folds=2, seed=1)
        self.assertEqual(pairs.left.tolist(), [9, 8, 8, 9, 6, 3])
        self.assertEqual(pairs.right.tolist(), [3, 5, 2, 11, 11, 10])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, "pairs must be at least 1, got 0"):
            class_pairs(source=_source([0, 0, 1]), pairs=0)
        with self.assertRaisesRegex(ValueError, "seed must be >= 0, got -1"):
            class_pairs(source=_source([0, 0, 1]), seed=-1)
        with self.assertRaisesRegex(ValueError, r"num_folds .* of the same person \(0\)"):
            class_pairs(source=_source([0, 1, 2]), pairs=5, num_folds=2)


if __name__ == "__main__":
    absltest.main()

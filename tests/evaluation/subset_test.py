"""Tests of the smaller set of images."""

import numpy as np
from absl.testing import absltest, parameterized

from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation import subset


class _Labels(ImageSource):
    def __init__(self, sizes):
        self.labels = np.random.default_rng(0).permutation(np.repeat(range(len(sizes)), sizes))
        self.class_names = tuple(map(str, range(len(sizes))))
        self.keys = tuple(map(str, range(len(self.labels))))
        self.image_shape = (1, 1, 1)

    def load(self, index):
        raise NotImplementedError


class BalancedSubsetTest(parameterized.TestCase):
    @parameterized.parameters(
        ([10, 10, 10, 10], 20, [5, 5, 5, 5]),  # equally many of every class
        ([50, 50, 1, 2], 20, [5, 5, 2, 1]),  # all of a class that has less
        ([10, 10, 10, 10, 10], 6, [2, 2, 2]),  # at least two, of fewer classes
        ([10, 10, 10], 3, [2]),  # no class of which one image only would fit
        ([10, 10, 10, 10], 7, [2, 2, 2]),
        ([1] * 9, 5, [1] * 5),
    )
    def test_numbers_of_images_a_class(self, sizes, limit, expected):
        drawn = subset.balanced_subset(_Labels(sizes), limit)
        self.assertEqual(sorted(np.bincount(drawn.labels), reverse=True), expected)

    def test_keeps_the_order_of_the_source_and_depends_on_the_seed(self):
        source = _Labels([20, 20])
        keys = [subset.balanced_subset(source, 10, seed=seed).keys for seed in (1, 1, 2)]
        self.assertEqual(keys[0], keys[1])
        self.assertNotEqual(keys[0], keys[2])
        self.assertEqual(list(keys[0]), sorted(keys[0], key=int))

    def test_a_choice_never_changes(self):
        """Recorded: figures under another NumPy must be those of the same images."""
        source = _Labels([20, 20])
        source.labels = np.arange(40) % 2
        drawn = subset.balanced_subset(source, 6, seed=1)
        self.assertEqual(drawn.keys, ("0", "1", "2", "19", "20", "21"))

    def test_a_small_source_is_left_alone(self):
        source = _Labels([2, 3])
        self.assertIs(subset.balanced_subset(source, 5), source)

    def test_a_limit_below_two_is_refused(self):
        with self.assertRaisesRegex(ValueError, "limit must be at least 2, got 1"):
            subset.balanced_subset(_Labels([2, 3]), 1)

    def test_a_seed_below_zero_is_refused(self):
        with self.assertRaisesRegex(ValueError, "seed must be >= 0, got -1"):
            subset.balanced_subset(_Labels([2, 3]), 2, seed=-1)


if __name__ == "__main__":
    absltest.main()

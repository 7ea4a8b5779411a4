"""Tests of thresholds for chosen false accept rates."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.pair_set import PairSet
from rtml_tf.deployment.similarity_thresholds import SimilarityThresholds, threshold_at

# Different: 0.8, 0.5, 0.3, 0.1; same: 0.9, 0.7, 0.6, 0.2.
_SIMILARITIES = np.array([0.8, 0.5, 0.3, 0.1, 0.9, 0.7, 0.6, 0.2])
_SAME = np.repeat([False, True], 4)


class ThresholdAtTest(parameterized.TestCase):
    @parameterized.parameters(
        (0.1, 0.85, 0.0, 0.25),  # between 0.9 and 0.8
        (0.25, 0.55, 0.25, 0.75),  # between 0.6 and 0.5
        (0.49, 0.55, 0.25, 0.75),
        (0.5, 0.4, 0.5, 0.75),  # between 0.5 and 0.3
        (1.0, 0.1, 1.0, 1.0),
    )
    def test_known_by_hand(self, rate, threshold, far, tar):
        given = threshold_at(_SIMILARITIES, _SAME, rate)
        self.assertEqual(given.pop("false_accept_rate"), rate)
        expected = {"threshold": threshold, "measured_far": far, "measured_tar": tar}
        self.assertEqual({name: round(value, 6) for name, value in given.items()}, expected)
        accepted = _SIMILARITIES >= given["threshold"]
        self.assertEqual(accepted[~_SAME].mean(), far)
        self.assertEqual(accepted[_SAME].mean(), tar)

    def test_where_nothing_can_be_accepted(self):
        given = threshold_at(np.array([0.5, 0.4]), np.array([False, True]), 0.5)
        self.assertGreater(given["threshold"], 0.5)
        self.assertEqual(given["measured_tar"], 0.0)


class SimilarityThresholdsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        angles = np.array([0.0, 0.1, 1.0, 1.3])
        points = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
        self.pairs = PairSet(
            images=ArraySource(keys=list("abcd"), array=points),
            left=[0, 2, 0, 1],
            right=[1, 3, 2, 3],
            same=[True, True, False, False],
            fold=[0, 1, 0, 1],
        )

    def test_of_what_the_file_embeds(self):
        """Cosines of 0.1, 0.3 (same), 1.0 and 1.2 radians (different)."""
        thresholds = SimilarityThresholds(pairs=self.pairs, false_accept_rates=(0.5,))
        network = tf.keras.Sequential([tf.keras.Input((2,)), tf.keras.layers.ReLU()])
        (given,) = thresholds.measure(network)
        self.assertAlmostEqual(given["threshold"], (np.cos(1.0) + np.cos(1.2)) / 2, places=6)
        self.assertEqual((given["measured_far"], given["measured_tar"]), (0.5, 1.0))
        self.assertEqual(thresholds.describe(), {"same": 2, "different": 2})

    def test_refuses_rates_that_the_pairs_cannot_measure(self):
        with self.assertRaisesRegex(ValueError, "rate of 0.1 takes at least 10 pairs .* got 2"):
            SimilarityThresholds(pairs=self.pairs, false_accept_rates=(0.5, 0.1))
        with self.assertRaisesRegex(ValueError, r"must lie in \(0, 1\], got 0"):
            SimilarityThresholds(pairs=self.pairs, false_accept_rates=(0.0,))


if __name__ == "__main__":
    absltest.main()

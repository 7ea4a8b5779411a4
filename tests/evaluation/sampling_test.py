"""Tests of the stratified sample."""

import numpy as np
from absl.testing import absltest

from rtml_tf.evaluation.sampling import stratified_sample

_STRATA = np.array([7] * 50 + [3] * 30 + [5] * 2)


class StratifiedSampleTest(absltest.TestCase):
    def test_strata_are_equally_large_as_far_as_they_go(self):
        """By hand: 12 from three strata is 4 each; the one of two examples leaves 10 to share."""
        sample = stratified_sample(_STRATA, 12)
        kinds, counts = np.unique(_STRATA[sample], return_counts=True)
        self.assertEqual(dict(zip(kinds, counts)), {3: 5, 5: 2, 7: 5})
        self.assertEqual(sorted(set(sample)), list(sample))

    def test_one_stratum_gives_every_example_the_same_chance(self):
        draws = [stratified_sample(np.zeros(10), 4, seed=seed) for seed in range(2000)]
        share = np.bincount(np.concatenate(draws)) / 2000
        np.testing.assert_allclose(share, 0.4, atol=5 * np.sqrt(0.4 * 0.6 / 2000))

    def test_the_seed_decides(self):
        first = stratified_sample(_STRATA, 12, seed=1)
        np.testing.assert_array_equal(stratified_sample(_STRATA, 12, seed=1), first)
        self.assertNotEqual(list(stratified_sample(_STRATA, 12, seed=2)), list(first))

    def test_no_limit_or_a_large_one_takes_all(self):
        for limit in (None, 82, 1000):
            np.testing.assert_array_equal(stratified_sample(_STRATA, limit), np.arange(82))

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "limit must be at least 3, .* got 2"):
            stratified_sample(_STRATA, 2)
        with self.assertRaisesRegex(ValueError, "seed must be >= 0, got -1"):
            stratified_sample(_STRATA, 5, seed=-1)


if __name__ == "__main__":
    absltest.main()

"""Tests of the ROC curve and its figures."""

import numpy as np
from absl.testing import absltest, parameterized
from scipy import interpolate, optimize
from sklearn import metrics

from rtml_tf.evaluation import roc


def _pairs(seed, decimals):
    """Overlapping similarities; few decimals make many ties."""
    generator = np.random.default_rng(seed)
    same = generator.random(500) < 0.3
    return np.round(generator.normal(size=500) + same, decimals).astype(np.float32), same


class RocTest(parameterized.TestCase):
    @parameterized.product(seed=[0, 1], decimals=[0, 1, 8])
    def test_equals_scikit_learn(self, seed, decimals):
        similarities, same = _pairs(seed, decimals)
        expected = metrics.roc_curve(same, similarities, drop_intermediate=False)

        far, tar, thresholds = roc.roc_curve(similarities, same)

        np.testing.assert_allclose(far, expected[0])
        np.testing.assert_allclose(tar, expected[1])
        np.testing.assert_array_equal(thresholds, expected[2])
        self.assertAlmostEqual(
            roc.area_under_curve(far, tar), metrics.roc_auc_score(same, similarities)
        )

    @parameterized.product(seed=[0, 1], decimals=[0, 1, 8])
    def test_equal_error_rate_is_the_root_on_the_interpolated_curve(self, seed, decimals):
        """Reference: scipy's root finder on scikit-learn's curve."""
        similarities, same = _pairs(seed, decimals)
        far, tar, _ = metrics.roc_curve(same, similarities, drop_intermediate=False)
        curve = interpolate.interp1d(far, tar)
        # Along the diagonal FAR + TAR = 1; vertical pieces make the interpolation one-sided.
        expected = optimize.brentq(lambda rate: 1.0 - rate - curve(rate), 0.0, 1.0)

        self.assertAlmostEqual(roc.equal_error_rate(far, tar), expected, delta=1 / 300)

    def test_figures_by_hand(self):
        """Different: 1, 2, 3, 4. Same: 3, 4, 5, 6. At 4: FAR 1/4 and FRR 1/4."""
        similarities = np.array([1, 2, 3, 4, 3, 4, 5, 6])
        same = np.arange(8) >= 4

        far, tar, thresholds = roc.roc_curve(similarities, same)

        np.testing.assert_array_equal(thresholds, [np.inf, 6, 5, 4, 3, 2, 1])
        np.testing.assert_array_equal(tar, [0, 0.25, 0.5, 0.75, 1, 1, 1])
        np.testing.assert_array_equal(far, [0, 0, 0, 0.25, 0.5, 0.75, 1])
        self.assertEqual(roc.equal_error_rate(far, tar), 0.25)
        self.assertEqual(roc.area_under_curve(far, tar), (13 + 2 / 2) / 16)
        self.assertEqual(roc.true_accept_rate(far, tar, 0.25), 0.75)
        self.assertEqual(roc.true_accept_rate(far, tar, 0.24), 0.5)
        self.assertEqual(roc.true_accept_rate(far, tar, 1.0), 1.0)

    @parameterized.parameters((1.0, 1.0, 0.0), (-1.0, 0.0, 1.0))
    def test_perfect_and_reversed_similarities(self, sign, area, error):
        same = np.array([True, False, True])
        far, tar, _ = roc.roc_curve(np.where(same, sign, -sign), same)
        self.assertEqual(roc.area_under_curve(far, tar), area)
        self.assertEqual(roc.equal_error_rate(far, tar), error)

    def test_equal_similarities_tell_nothing(self):
        far, tar, _ = roc.roc_curve(np.ones(4), np.array([True, False, False, False]))
        self.assertEqual(roc.area_under_curve(far, tar), 0.5)
        self.assertEqual(roc.equal_error_rate(far, tar), 0.5)
        self.assertEqual(roc.true_accept_rate(far, tar, 0.99), 0.0)

    def test_bad_pairs_are_refused(self):
        with self.assertRaisesRegex(ValueError, r"got arrays of shapes \(3,\) and \(2,\)"):
            roc.roc_curve(np.ones(3), np.ones(2, bool))
        with self.assertRaisesRegex(ValueError, "finite, got 1 of 2"):
            roc.roc_curve(np.array([0, np.nan]), np.array([True, False]))
        with self.assertRaisesRegex(ValueError, "of different people, got 2 and 0"):
            roc.roc_curve(np.ones(2), np.ones(2, bool))


if __name__ == "__main__":
    absltest.main()

"""Tests of the confusion matrix and its figures."""

import numpy as np
from absl.testing import absltest, parameterized
from sklearn import metrics

from rtml_tf.evaluation.confusion_matrix import ConfusionMatrix


class ConfusionMatrixTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(0)
        self._truth = rng.integers(0, 5, (6, 20, 30))
        self._truth[rng.random(self._truth.shape) < 0.1] = 255
        right = rng.random(self._truth.shape) < 0.6
        guess = rng.integers(0, 5, self._truth.shape)
        self._prediction = np.where(right & (self._truth != 255), self._truth, guess)
        self._known = self._truth != 255

    def _matrix(self) -> ConfusionMatrix:
        matrix = ConfusionMatrix(num_classes=5)
        for truth, prediction in zip(self._truth, self._prediction):
            matrix.update(truth.astype(np.uint8), prediction)
        return matrix

    def test_agrees_with_scikit_learn(self):
        matrix = self._matrix()
        pixels = self._truth[self._known], self._prediction[self._known]
        np.testing.assert_array_equal(matrix.counts, metrics.confusion_matrix(*pixels))
        np.testing.assert_allclose(
            matrix.intersection_over_union(), metrics.jaccard_score(*pixels, average=None)
        )
        np.testing.assert_allclose(matrix.recall(), metrics.recall_score(*pixels, average=None))
        self.assertAlmostEqual(matrix.pixel_accuracy(), metrics.accuracy_score(*pixels))

    def test_other_classes_are_void(self):
        """As if the mask had the ignore value there."""
        self._truth[np.isin(self._truth, [1, 4])] = 255
        only, expected = self._matrix(), self._matrix().only([0, 2, 3])
        np.testing.assert_array_equal(only.counts, expected.counts)
        self.assertEqual(expected.counts[1].sum(), 0)
        self.assertGreater(expected.counts[:, 1].sum(), 0)

    def test_by_hand_with_absent_classes(self):
        """Class 2 is only predicted, class 3 neither: IoU 0 and 0 / 0."""
        matrix = ConfusionMatrix(num_classes=4)
        matrix.update([0, 0, 0, 1, 255], [0, 0, 1, 2, 3])
        np.testing.assert_array_equal(matrix.intersection_over_union(), [2 / 3, 0, 0, np.nan])
        np.testing.assert_array_equal(matrix.recall(), [2 / 3, 0, np.nan, np.nan])
        self.assertEqual(matrix.pixel_accuracy(), 0.5)

    def test_nothing_but_void(self):
        matrix = ConfusionMatrix(num_classes=2, ignore_value=7)
        matrix.update([[7, 7]], [[0, 1]])
        self.assertTrue(np.isnan(matrix.pixel_accuracy()))
        self.assertTrue(np.isnan(matrix.intersection_over_union()).all())

    @parameterized.parameters(
        ([0, 1], [0], r"one shape, got \(2,\) and \(1,\)"),
        ([0, 2], [0, 1], r"truth must hold classes in \[0, 2\), got values from 0 to 2"),
        ([0, 1], [-1, 1], "prediction must hold classes .* from -1 to 1"),
    )
    def test_refuses_pixels(self, truth, prediction, message):
        with self.assertRaisesRegex(ValueError, message):
            ConfusionMatrix(num_classes=2).update(truth, prediction)

    def test_refuses_arguments(self):
        with self.assertRaisesRegex(ValueError, "num_classes must be at least 2, got 1"):
            ConfusionMatrix(num_classes=1)
        with self.assertRaisesRegex(ValueError, "none of the 5 classes, got 4"):
            ConfusionMatrix(num_classes=5, ignore_value=4)


if __name__ == "__main__":
    absltest.main()

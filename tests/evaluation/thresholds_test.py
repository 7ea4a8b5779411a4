"""Tests of choosing thresholds."""

import numpy as np
from absl.testing import absltest, parameterized
from sklearn import model_selection

from rtml_tf.evaluation import thresholds


def _accuracy(threshold, similarities, same):
    return np.mean((similarities >= threshold) == same)


class BestThresholdTest(parameterized.TestCase):
    @parameterized.parameters(
        ([1, 2, 5, 6], [0, 0, 1, 1], 3.5),
        ([1, 2, 5, 6, 7], [0, 1, 0, 1, 1], 5.5),  # as good as 1.5, and higher
        ([1, 2], [1, 1], 1.0),
    )
    def test_by_hand(self, similarities, same, expected):
        self.assertEqual(
            thresholds.best_threshold(np.array(similarities), np.array(same, bool)), expected
        )

    def test_accepts_nothing_where_that_is_best(self):
        threshold = thresholds.best_threshold(np.array([1.0, 2.0]), np.array([True, False]))
        self.assertGreater(threshold, 2.0)

    @parameterized.parameters(0, 1, 2, 3)
    def test_no_threshold_is_better(self, seed):
        generator = np.random.default_rng(seed)
        same = generator.random(60) < 0.5
        similarities = np.round(generator.normal(size=60) + same, 1)
        tried = [_accuracy(t, similarities, same) for t in np.arange(-5, 5, 0.05)]

        threshold = thresholds.best_threshold(similarities, same)

        self.assertEqual(_accuracy(threshold, similarities, same), max(tried))

    def test_neighbouring_numbers_are_told_apart(self):
        low = 0.3
        similarities = np.array([low, np.nextafter(low, 1.0)])
        threshold = thresholds.best_threshold(similarities, np.array([False, True]))
        self.assertEqual(_accuracy(threshold, similarities, np.array([False, True])), 1.0)


class FoldAccuraciesTest(absltest.TestCase):
    def test_threshold_of_a_fold_comes_from_the_others(self):
        """By hand: the threshold of one fold is 0.5, that of the other 1.5."""
        similarities = np.array([0.0, 1.0, 1.0, 2.0])
        same = np.array([False, True, False, True])
        accuracies = thresholds.fold_accuracies(similarities, same, np.array([7, 7, 3, 3]))
        np.testing.assert_array_equal(accuracies, [0.5, 0.5])

    def test_a_similarity_at_the_threshold_is_accepted(self):
        accuracies = thresholds.fold_accuracies(np.ones(2), np.array([True, True]), np.arange(2))
        np.testing.assert_array_equal(accuracies, [1.0, 1.0])

    def test_equals_a_loop_over_folds(self):
        """Reference: scikit-learn's folds and a search over all similarities."""
        generator = np.random.default_rng(0)
        same = generator.random(200) < 0.5
        similarities = generator.normal(size=200) + 2 * same
        fold = np.empty(200, int)
        expected = []
        splits = model_selection.KFold(10, shuffle=True, random_state=0).split(same)
        for number, (rest, tested) in enumerate(splits):
            fold[tested] = number
            candidates = np.sort(similarities[rest])
            candidates = (candidates[1:] + candidates[:-1]) / 2
            scores = [_accuracy(t, similarities[rest], same[rest]) for t in candidates]
            best = candidates[len(scores) - 1 - np.argmax(scores[::-1])]
            expected.append(_accuracy(best, similarities[tested], same[tested]))

        np.testing.assert_array_equal(
            thresholds.fold_accuracies(similarities, same, fold), expected
        )

    def test_one_fold_is_refused(self):
        with self.assertRaisesRegex(ValueError, "at least two folds, .* got 1"):
            thresholds.fold_accuracies(np.ones(2), np.array([True, False]), np.zeros(2))


if __name__ == "__main__":
    absltest.main()

"""Tests of principal components with discriminant analysis."""

import numpy as np
import scipy.linalg
from absl.testing import absltest, parameterized

from rtml_tf.classical.pca_lda import PCALDA


def _gaussian(examples, covariance, rng):
    """Examples whose mean is 0 and whose covariance is as given, exactly."""
    scores = rng.normal(size=[examples, len(covariance)])
    scores = np.linalg.qr(scores - scores.mean(axis=0))[0] * np.sqrt(examples)
    return scores @ np.linalg.cholesky(covariance).T


class PCALDATest(parameterized.TestCase):
    @parameterized.parameters(0.0, 0.3)
    def test_two_gaussian_classes(self, shrinkage):
        """The discriminant of N(m, S) and N(-m, S) is `S^-1 m`; shrinkage replaces S."""
        rng = np.random.default_rng(0)
        covariance = np.array([[4.0, 1.5, 0.0], [1.5, 1.0, 0.2], [0.0, 0.2, 0.5]])
        mean = np.array([1.0, 0.5, -0.5])
        features = np.concatenate(
            [_gaussian(40, covariance, rng) + mean, _gaussian(40, covariance, rng) - mean]
        )
        method = PCALDA(embedding_size=1, components=None, shrinkage=shrinkage)
        embedding = method.solve(None, features + 7.0, np.repeat([0, 1], 40))

        within = (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / 3 * np.eye(3)
        expected = np.linalg.solve(within, mean)
        direction = embedding.weights[:, 0]
        cosine = direction @ expected / np.linalg.norm(direction) / np.linalg.norm(expected)
        self.assertAlmostEqual(abs(cosine), 1.0, places=9)
        self.assertAlmostEqual(embedding(np.full([1, 3], 7.0)).item(), 0.0, places=9)

    def test_labelled_examples_of_many_classes(self):
        """Reference: `scipy.linalg.eigh(S_b, S_w)`, the largest eigenvalues, scaled to S_w = I."""
        rng = np.random.default_rng(0)
        labels = np.repeat(np.arange(5), 8)
        features = rng.normal(size=[5, 6])[labels] * 2 + rng.normal(size=[40, 6])
        hidden = np.where(np.arange(40) % 8 < labels, -1, labels)  # 8, 7, 6, 5 and 4 of a class
        method = PCALDA(embedding_size=3, components=None, shrinkage=0.0)
        embedding = method.solve(None, features, hidden)

        seen, seen_labels = features[hidden >= 0], labels[hidden >= 0]
        class_means = np.array([seen[seen_labels == label].mean(axis=0) for label in range(5)])
        within = np.cov((seen - class_means[seen_labels]).T, bias=True)
        between = np.cov(class_means[seen_labels].T, bias=True)
        expected = scipy.linalg.eigh(between, within)[1][:, :-4:-1]
        np.testing.assert_allclose(
            embedding.weights @ embedding.weights.T, expected @ expected.T, rtol=1e-6, atol=1e-9
        )

    def test_components_come_from_all_examples(self):
        """Only unlabelled examples vary in the direction that is kept."""
        rng = np.random.default_rng(0)
        labels = np.array([0, 0, 1, 1] + [-1] * 20)
        features = 0.01 * rng.normal(size=[24, 3])
        features[4:, 2] += 10 * rng.normal(size=20)
        embedding = PCALDA(embedding_size=1, components=1).solve(None, features, labels)
        weights = np.abs(embedding.weights[:, 0])
        self.assertGreater(weights[2], 100 * weights[:2].max())

    def test_more_dimensions_than_classes_allow(self):
        rng = np.random.default_rng(0)
        features, labels = rng.normal(size=[30, 5]), np.repeat(np.arange(3), 10)
        with self.assertRaisesRegex(ValueError, "at most 2, .* classes less one, got 4"):
            PCALDA(embedding_size=4).check(
                source_shape=None, target_shape=features.shape, labels=labels
            )
        with self.assertRaisesRegex(ValueError, "at most 1, .* principal components, got 2"):
            PCALDA(embedding_size=2, components=1).solve(None, features, labels)
        whole = PCALDA(embedding_size=None, components=None).solve(None, features, labels)
        self.assertEqual(whole.weights.shape, (5, 2))

    def test_fewer_labelled_examples_than_components(self):
        rng = np.random.default_rng(0)
        features, labels = rng.normal(size=[30, 10]), np.array([0, 0, 1, 1] + [-1] * 26)
        with self.assertRaisesRegex(
            ValueError, "4 examples .* 10 components; shrinkage must be larger, got 0.0"
        ):
            PCALDA(embedding_size=1, components=None, shrinkage=0.0).solve(None, features, labels)
        PCALDA(embedding_size=1, components=None, shrinkage=0.1).solve(None, features, labels)

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, r"shrinkage must be in \[0, 1\], got 1.5"):
            PCALDA(shrinkage=1.5)
        with self.assertRaisesRegex(ValueError, "components must be .* got 0"):
            PCALDA(components=0)


if __name__ == "__main__":
    absltest.main()

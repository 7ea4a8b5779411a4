"""Tests of the Mahalanobis distance as an embedding."""

import numpy as np
from absl.testing import absltest
from scipy.spatial.distance import cdist
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from rtml_tf.classical.mahalanobis import Mahalanobis


class MahalanobisTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(0)
        self.labels = np.repeat(np.arange(4), 10)
        mixing = rng.normal(size=[5, 5])
        self.features = rng.normal(size=[4, 5])[self.labels] + rng.normal(size=[40, 5]) @ mixing

    def _distances(self, method, labels):
        embeddings = method.solve(None, self.features, labels)(self.features)
        return cdist(embeddings, embeddings)

    def test_covariance_within_classes(self):
        """References: `cdist(metric="mahalanobis")`, and scikit-learn's pooled covariance."""
        hidden = np.where(np.arange(40) % 3 == 0, -1, self.labels)
        analysis = LinearDiscriminantAnalysis(solver="lsqr", store_covariance=True)
        analysis.fit(self.features[hidden >= 0], hidden[hidden >= 0])
        inverse = np.linalg.inv(analysis.covariance_)
        np.testing.assert_allclose(
            self._distances(Mahalanobis(components=None, shrinkage=0.0), hidden),
            cdist(self.features, self.features, "mahalanobis", VI=inverse),
            rtol=1e-7,
            atol=1e-6,
        )

    def test_covariance_of_all_needs_no_labels(self):
        inverse = np.linalg.inv(np.cov(self.features.T, bias=True))
        np.testing.assert_allclose(
            self._distances(
                Mahalanobis(components=None, within_classes=False, shrinkage=0.0), np.full(40, -1)
            ),
            cdist(self.features, self.features, "mahalanobis", VI=inverse),
            rtol=1e-7,
            atol=1e-6,
        )

    def test_shrunk_to_the_identity_it_is_the_euclidean_distance(self):
        distances = self._distances(Mahalanobis(components=None, shrinkage=1.0), self.labels)
        euclidean = cdist(self.features, self.features)
        ratios = distances[euclidean > 0] / euclidean[euclidean > 0]
        np.testing.assert_allclose(ratios, np.full_like(ratios, ratios[0]))

    def test_fewer_labelled_examples_than_components(self):
        labels = np.array([0, 0, 1, 1] + [-1] * 36)
        with self.assertRaisesRegex(ValueError, "4 examples .* 5 components; .* got 0.0"):
            Mahalanobis(components=None, shrinkage=0.0).solve(None, self.features, labels)

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, r"shrinkage must be in \[0, 1\], got -0.1"):
            Mahalanobis(shrinkage=-0.1)
        with self.assertRaisesRegex(ValueError, "components must be .* got 1.0"):
            Mahalanobis(components=1.0)


if __name__ == "__main__":
    absltest.main()

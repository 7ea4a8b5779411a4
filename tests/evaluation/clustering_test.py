"""Tests of the clustering figure."""

from unittest import mock

import numpy as np
from absl.testing import absltest
from sklearn import cluster, metrics

from rtml_tf.evaluation import clustering


class NormalizedMutualInformationTest(absltest.TestCase):
    def test_merged_classes_give_the_closed_form(self):
        """Four equal classes, of which two pairs lie on the same two points: k-means can only
        find two clusters, so I = H(clusters) = log 2 and NMI = 2 log 2 / (log 4 + log 2)."""
        labels = np.repeat(np.arange(4), 10)
        embeddings = np.eye(2)[labels // 2]

        with self.assertWarns(UserWarning):  # scikit-learn: fewer distinct points than clusters.
            value = clustering.normalized_mutual_information(embeddings, labels)

        self.assertAlmostEqual(value, 2 / 3)

    def test_separate_classes_give_one_at_any_length_and_under_any_name(self):
        generator = np.random.default_rng(0)
        labels = np.repeat([3, 900, -5], 20)
        embeddings = np.eye(3)[np.repeat(np.arange(3), 20)] + generator.normal(size=(60, 3)) / 50
        embeddings *= generator.uniform(0.1, 100, size=(60, 1))
        value = clustering.normalized_mutual_information(embeddings, labels, seed=0)
        self.assertAlmostEqual(value, 1.0)

    def test_a_random_start_stands_in_on_large_sets(self):
        """Reference: scikit-learn's k-means and NMI, run as the docstring says."""
        generator = np.random.default_rng(2)
        labels = np.repeat(np.arange(30), 10)
        embeddings = np.eye(30)[labels] + generator.normal(size=(300, 30)) / 100
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        clusters = cluster.KMeans(30, init="random", n_init=1, max_iter=25, random_state=0)
        clusters = clusters.fit_predict(embeddings.astype(np.float32))
        expected = metrics.normalized_mutual_info_score(labels, clusters)

        with mock.patch.object(clustering, "LARGEST_PLUS_PLUS", 8_999):
            value = clustering.normalized_mutual_information(embeddings, labels, seed=0)
        self.assertAlmostEqual(value, expected, places=3)
        with mock.patch.object(clustering, "LARGEST_PLUS_PLUS", 9_000):
            value = clustering.normalized_mutual_information(embeddings, labels, seed=0)
        self.assertGreater(value, expected + 0.01)

    def test_unrelated_embeddings_give_almost_nothing(self):
        generator = np.random.default_rng(1)
        embeddings, labels = generator.normal(size=(2000, 4)), generator.integers(0, 3, 2000)
        value = clustering.normalized_mutual_information(embeddings, labels)
        self.assertLess(value, 0.01)

    def test_labels_of_another_length_are_refused(self):
        with self.assertRaisesRegex(ValueError, r"each of 3 embeddings, got an array of shape \(2"):
            clustering.normalized_mutual_information(np.eye(3), np.array([0, 1]))


if __name__ == "__main__":
    absltest.main()

"""Tests of metric imitation."""

import numpy as np
import scipy.linalg
from absl.testing import absltest, parameterized

from rtml_tf.classical.locally_linear import LocallyLinear
from rtml_tf.classical.metric_imitation import MetricImitation
from rtml_tf.classical.neighbour_laplacian import NeighbourLaplacian


def _largest_angle(first, second):
    """The largest angle between the column spaces, in degrees."""
    return np.degrees(scipy.linalg.subspace_angles(first, second)[0])


class MetricImitationTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(0)
        self.sheet = rng.uniform(-1, 1, size=[300, 2])
        noise = 5 * rng.normal(size=[300, 4])
        rotation = np.linalg.qr(rng.normal(size=[6, 6]))[0]
        self.target = np.concatenate([self.sheet, noise], axis=1) @ rotation + 3.0
        self.places = self.sheet - self.sheet.mean(axis=0)
        self.labels = np.full(300, -1)

    @parameterized.named_parameters(
        ("locally_linear", LocallyLinear()), ("laplacian", NeighbourLaplacian())
    )
    def test_finds_what_the_source_metric_measures(self, structure):
        """The target hides the sheet among noise of 80 times its variance."""
        method = MetricImitation(embedding_size=2, structure=structure)
        embedding = method.solve(self.sheet, self.target, self.labels)
        self.assertLess(_largest_angle(embedding(self.target), self.places), 3.0)

    def test_equal_to_the_published_eigenproblem(self):
        """Reference: `scipy.linalg.eigh` of `Y' M Y v = l Y' Y v`, smallest `l`."""
        method = MetricImitation(embedding_size=3, regularization=0.0)
        embedding = method.solve(self.sheet, self.target, self.labels)
        matrix = LocallyLinear().matrix(self.sheet).toarray()
        centred = self.target - self.target.mean(axis=0)
        expected = scipy.linalg.eigh(centred.T @ matrix @ centred, centred.T @ centred / 300)[1]
        np.testing.assert_allclose(
            embedding.weights @ embedding.weights.T,
            expected[:, :3] @ expected[:, :3].T,
            rtol=1e-6,
            atol=1e-9,
        )
        embeddings = embedding(self.target)
        np.testing.assert_allclose(embeddings.mean(axis=0), np.zeros(3), atol=1e-9)
        np.testing.assert_allclose(embeddings.T @ embeddings / 300, np.eye(3), atol=1e-9)

    def test_more_dimensions_than_the_features_have(self):
        flat = np.concatenate([self.target, self.target[:, :2]], axis=1)
        with self.assertRaisesRegex(ValueError, "embedding_size must be at most 6, .* got 7"):
            MetricImitation(embedding_size=7).solve(self.sheet, flat, self.labels)
        whole = MetricImitation(embedding_size=None).solve(self.sheet, flat, self.labels)
        self.assertEqual(whole.weights.shape, (8, 6))

    def test_refuses(self):
        for arguments, message in (
            ({"embedding_size": 0}, "embedding_size must be a positive integer or None, got 0"),
            ({"components": 1.5}, "components must be .* got 1.5"),
            ({"regularization": -1.0}, "regularization must be at least 0 and finite, got -1.0"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                MetricImitation(**arguments)


if __name__ == "__main__":
    absltest.main()

"""Tests of principal components."""

import numpy as np
from absl.testing import absltest, parameterized

from rtml_tf.classical.principal_components import principal_components


def _features(examples, deviations, seed=0):
    """Features with exactly these deviations along the columns of a random rotation."""
    rng = np.random.default_rng(seed)
    size = len(deviations)
    scores = rng.normal(size=[examples, size])
    scores = np.linalg.qr(scores - scores.mean(axis=0))[0] * np.sqrt(examples)
    rotation = np.linalg.qr(rng.normal(size=[size, size]))[0]
    return scores * deviations @ rotation.T + 5.0, rotation


class PrincipalComponentsTest(parameterized.TestCase):
    @parameterized.parameters(200, 9)
    def test_finds_the_axes_that_the_features_were_made_of(self, examples):
        features, axes = _features(examples, [4.0, 3.0, 2.0, 1.0])
        features += 1e5
        projection = principal_components(features, components=3)
        np.testing.assert_allclose(np.abs(projection.weights.T @ axes[:, :3]), np.eye(3), atol=1e-9)
        np.testing.assert_allclose(projection(features).mean(axis=0), np.zeros(3), atol=1e-9)
        np.testing.assert_allclose(projection(features).std(axis=0), [4.0, 3.0, 2.0], rtol=1e-9)

    @parameterized.parameters((0.5, 1), (0.6, 2), (0.95, 3), (0.97, 4), (None, 4), (2, 2))
    def test_a_share_of_the_variance(self, components, kept):
        """Variances 16, 9, 4, 1: the shares are 0.53, 0.83, 0.97 (29 of 30), 1."""
        features, _ = _features(50, [4.0, 3.0, 2.0, 1.0])
        self.assertEqual(
            principal_components(features, components=components).weights.shape[1], kept
        )

    @parameterized.parameters(100, 10)
    def test_directions_without_variance_are_left_out(self, examples):
        features, _ = _features(examples, [4.0, 3.0, 0.0])
        features = np.concatenate([features, features[:, :1], np.ones([examples, 1])], axis=1)
        features = features.astype(np.float32).astype(np.float64)
        self.assertEqual(principal_components(features, components=None).weights.shape, (5, 2))
        with self.assertRaisesRegex(ValueError, "components must be at most 2, .* got 3"):
            principal_components(features, components=3)

    @parameterized.parameters(0, -1, 1.0, 0.0, True, float("nan"))
    def test_refuses(self, components):
        with self.assertRaisesRegex(ValueError, f"components must be .* got {components}"):
            principal_components(np.eye(3), components=components)

    def test_equal_examples_are_refused(self):
        with self.assertRaisesRegex(ValueError, "features must vary, got 4 equal examples"):
            principal_components(np.ones([4, 3]), components=None)


if __name__ == "__main__":
    absltest.main()

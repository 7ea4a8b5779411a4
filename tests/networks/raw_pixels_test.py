"""Tests of the baseline without learning."""

import numpy as np
import tensorflow as tf

from rtml_tf.networks.raw_pixels import raw_pixels


class RawPixelsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.images = np.random.default_rng(0).uniform(size=[5, 4, 3, 2]).astype(np.float32)

    def test_inner_products_are_correlation_coefficients(self):
        """Reference: `numpy.corrcoef`."""
        embeddings = raw_pixels(input_shape=(4, 3, 2))(self.images).numpy()
        self.assertAllClose(
            embeddings @ embeddings.T, np.corrcoef(self.images.reshape(5, -1)), atol=1e-5
        )

    def test_without_the_mean_the_embedding_is_the_image_at_unit_length(self):
        embeddings = raw_pixels(input_shape=(4, 3, 2), subtract_mean=False)(self.images)
        pixels = self.images.reshape(5, -1)
        expected = pixels / np.linalg.norm(pixels, axis=-1, keepdims=True)
        self.assertAllClose(embeddings, expected)

    def test_has_no_weights_and_gives_a_flat_image_zeros(self):
        network = raw_pixels(input_shape=(4, 3, 2))
        self.assertEmpty(network.weights)
        self.assertAllClose(network(tf.fill([1, 4, 3, 2], 0.3)), tf.zeros([1, 24]), atol=1e-3)

    def test_bad_shape_is_named(self):
        with self.assertRaisesRegex(ValueError, "input_shape must be three positive integers"):
            raw_pixels(input_shape=(4, 0, 1))


if __name__ == "__main__":
    tf.test.main()

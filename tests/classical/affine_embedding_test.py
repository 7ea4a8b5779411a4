"""Tests of affine maps as networks."""

import pathlib

import numpy as np
import tensorflow as tf

from rtml_tf.classical.affine_embedding import AffineEmbedding
from rtml_tf.networks.checking import check_network
from rtml_tf.networks.saving import load_network, save_network


class AffineEmbeddingTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(0)
        self.images = rng.uniform(size=[5, 4, 3, 2]).astype(np.float32)
        self.vectors = self.images.reshape(5, -1)
        self.embedding = AffineEmbedding(rng.normal(size=[24, 6]), rng.normal(size=6))
        mapped = self.vectors @ self.embedding.weights + self.embedding.bias
        self.expected = mapped / np.linalg.norm(mapped, axis=1, keepdims=True)

    def test_networks_of_images_and_of_descriptors_give_the_map_at_unit_length(self):
        for shape, examples in (((4, 3, 2), self.images), ((24,), self.vectors)):
            network = self.embedding.network(input_shape=shape, name="linear")
            check_network(network)
            self.assertAllClose(network(examples), self.expected, atol=1e-5)

    def test_the_network_is_saved_and_loaded(self):
        file = pathlib.Path(self.create_tempdir().full_path, "network.keras")
        save_network(self.embedding.network(input_shape=(4, 3, 2), name="linear"), file)
        self.assertAllClose(load_network(file)(self.images), self.expected, atol=1e-5)

    def test_centred_and_composed(self):
        mean = np.arange(24.0)
        centred = AffineEmbedding.centred(self.embedding.weights, mean)
        self.assertAllClose(centred(self.vectors), (self.vectors - mean) @ self.embedding.weights)
        second = AffineEmbedding(np.ones([6, 2]), np.array([1.0, -1.0]))
        self.assertAllClose(
            self.embedding.then(second)(self.vectors), second(self.embedding(self.vectors))
        )

    def test_another_number_of_values_is_refused(self):
        with self.assertRaisesRegex(ValueError, r"the 24 values .* got \(4, 4, 2\)"):
            self.embedding.network(input_shape=(4, 4, 2), name="linear")


if __name__ == "__main__":
    tf.test.main()

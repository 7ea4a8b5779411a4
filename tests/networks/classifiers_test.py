"""Tests of the two classifiers of embeddings."""

import numpy as np
import tensorflow as tf

from rtml_tf.networks.classifiers import two_classifiers


class TwoClassifiersTest(tf.test.TestCase):
    def test_are_linear_in_the_scaled_embedding(self):
        network = two_classifiers(embedding_size=4, num_classes=3, scale=2.0)
        embeddings = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
        kernels = {}
        for head, logits in network(embeddings).items():
            kernels[head], bias = network.get_layer(head).get_weights()
            self.assertAllClose(logits, 2.0 * embeddings @ kernels[head] + bias, atol=1e-5)
        self.assertNotAllClose(kernels["p1"], kernels["p2"])

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "num_classes must be at least 2, got 1"):
            two_classifiers(embedding_size=4, num_classes=1)
        with self.assertRaisesRegex(ValueError, "scale must be above 0, got 0"):
            two_classifiers(embedding_size=4, num_classes=2, scale=0)


if __name__ == "__main__":
    tf.test.main()

"""Tests of the discriminators."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.networks.discriminator import embedding_discriminator, map_discriminator


class DiscriminatorTest(tf.test.TestCase, parameterized.TestCase):
    def test_paper_form_has_its_layers_and_size(self):
        """AdaptSegNet's: 4x4 kernels with biases, 19-64-128-256-512-1 channels."""
        network = map_discriminator(input_shape=(None, None, 19))
        channels = (19, 64, 128, 256, 512, 1)
        expected = sum(16 * a * b + b for a, b in zip(channels, channels[1:]))
        self.assertEqual(network.count_params(), expected)
        self.assertEqual(network(tf.zeros([2, 96, 130, 19])).shape, (2, 3, 4, 1))
        slopes = [float(x.alpha) for x in network.layers if "relu" in x.name]
        self.assertAllClose(slopes, [0.2] * 4)

    def test_pads_by_one_on_each_side(self):
        """PyTorch's padding: a kernel that picks its first tap sees pixel 2i - 1."""
        network = map_discriminator(input_shape=(4, 6, 1), filters=(1,))
        pick, keep = np.zeros([4, 4, 1, 1]), np.zeros([4, 4, 1, 1])
        pick[0, 0] = keep[1, 1] = 1.0
        network.set_weights([pick, np.zeros(1), keep, np.zeros(1)])
        x = np.arange(1.0, 25.0).reshape(1, 4, 6, 1)
        # After the first: rows -1, 1 and columns -1, 1, 3; the second keeps row 0, column 0.
        self.assertAllEqual(network(x)[0, :, :, 0], [[0.0]])
        network.set_weights([keep, np.zeros(1), keep, np.zeros(1)])
        self.assertAllEqual(network(x)[0, :, :, 0], [[1.0]])

    @parameterized.parameters(((32, 32, 2),), ((None, 40, 2),))
    def test_takes_maps_down_to_its_stride(self, shape):
        self.assertEqual(map_discriminator(input_shape=shape).output_shape[-1], 1)

    def test_embedding_form(self):
        network = embedding_discriminator(embedding_size=8, filters=(5,))
        self.assertEqual(network.count_params(), 8 * 5 + 5 + 5 + 1)
        self.assertEqual(network(tf.zeros([3, 8])).shape, (3, 1))

    @parameterized.parameters(
        (
            lambda: map_discriminator(input_shape=(31, 64, 2)),
            r"5 convolutions takes maps of at least 32x32, got \(31, 64, 2\); give it fewer",
        ),
        (lambda: map_discriminator(input_shape=(64, 64, 2), filters=()), "filters must be at"),
        (lambda: embedding_discriminator(embedding_size=0), "embedding_size must be at least 1"),
    )
    def test_refuses(self, make, message):
        with self.assertRaisesRegex(ValueError, message):
            make()


if __name__ == "__main__":
    tf.test.main()

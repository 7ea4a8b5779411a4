"""Tests of networks with batch norms that are partly frozen or synchronised."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.networks.batch_norm_modes import (
    freeze_batch_norm_affine,
    freeze_batch_norm_statistics,
    synchronize_batch_norm,
)
from rtml_tf.networks.resnet import cifar_resnet
from rtml_tf.networks.saving import load_network, save_network


def _network():
    network = cifar_resnet(input_shape=(8, 8, 1), width=0.25, embedding_size=3)
    network.set_weights([tf.random.uniform(w.shape, 0.5, 1.5) for w in network.weights])
    return network


class BatchNormModesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        freeze_batch_norm_affine, freeze_batch_norm_statistics, synchronize_batch_norm
    )
    def test_is_the_same_network_in_inference_and_can_be_saved(self, freeze):
        network, images = _network(), tf.random.uniform([4, 8, 8, 1])
        frozen = freeze(network=network)
        file = self.create_tempdir().full_path + "/network.keras"
        save_network(frozen, file)
        for copy in (frozen, load_network(file)):
            self.assertAllClose(copy(images), network(images), atol=1e-6)
            self.assertEqual([x.name for x in copy.layers], [x.name for x in network.layers])

    def test_what_is_trained(self):
        """A network of depth 8 has 9 batch norms (7 convolutions and 2 projections)."""
        network, images = _network(), tf.random.uniform([4, 8, 8, 1])
        affine = freeze_batch_norm_affine(network=network)
        statistics = freeze_batch_norm_statistics(network=network)
        count = len(network.trainable_weights)
        self.assertLen(affine.trainable_weights, count - 2 * 9)
        self.assertLen(statistics.trainable_weights, count)
        self.assertAllClose(affine(images, training=True), network(images, training=True))
        self.assertAllClose(statistics(images, training=True), statistics(images))
        affine.layers[2].set_weights([0.0 * w for w in affine.layers[2].get_weights()])
        self.assertNotAllClose(
            network.layers[2].get_weights()[0], affine.layers[2].get_weights()[0]
        )

    def test_synchronised_on_one_device_is_what_it_was(self):
        network, images = _network(), tf.random.uniform([4, 8, 8, 1])
        synchronized = synchronize_batch_norm(network=network)
        self.assertAllClose(
            synchronized(images, training=True), network(images, training=True), atol=1e-4
        )
        self.assertLen([x for x in synchronized.layers if getattr(x, "synchronized", False)], 9)

    def test_refuses_a_network_without_batch_norms(self):
        network = tf.keras.Sequential([tf.keras.layers.Dense(1, input_shape=(2,))], name="plain")
        with self.assertRaisesRegex(ValueError, "network must have layers .* got 'plain' without"):
            freeze_batch_norm_affine(network=network)


if __name__ == "__main__":
    tf.test.main()

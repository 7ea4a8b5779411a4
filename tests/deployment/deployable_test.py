"""Tests of the part of a network that is deployed."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.deployment.deployable import deployable_network
from rtml_tf.layers.multi_batch_norm import MultiBatchNormalization
from rtml_tf.networks.branches import with_branches
from tests.deployment.tiny_networks import embedding_network, images


class DeployableNetworkTest(parameterized.TestCase, tf.test.TestCase):
    def test_a_plain_network_is_itself(self):
        network = embedding_network()
        self.assertIs(deployable_network(network), network)

    def test_of_branches_the_clean_one_is_left(self):
        plain = embedding_network()
        network = with_branches(network=plain, branches=("clean", "attacked"))
        (norm,) = (x for x in network.layers if isinstance(x, MultiBatchNormalization))
        norm.set_branch_weights("attacked", [w + 1.0 for w in norm.branch_weights("attacked")])
        deployed = deployable_network(network)
        self.assertAllClose(deployed(images(3)), plain(images(3)), atol=1e-6)
        self.assertEqual(
            [type(x) for x in deployed.layers if "Normalization" in type(x).__name__],
            [type(x) for x in plain.layers if "Normalization" in type(x).__name__],
        )

    def test_lower_precision_becomes_float32(self):
        expected = embedding_network()
        self.addCleanup(tf.keras.mixed_precision.set_global_policy, "float32")
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        network = embedding_network()
        deployed = deployable_network(network)
        self.assertEqual({layer.compute_dtype for layer in deployed.layers}, {"float32"})
        self.assertAllClose(deployed(images(3)), expected(images(3)), atol=1e-6)
        self.assertNotAllClose(network(images(3)), expected(images(3)), atol=1e-6)

    @parameterized.parameters(((5,),), ((None, 6, 3),))
    def test_refuses_what_are_no_images_of_known_size(self, shape):
        inputs = tf.keras.Input(shape)
        network = tf.keras.Model(inputs, tf.keras.layers.ReLU()(inputs))
        with self.assertRaisesRegex(ValueError, r"must have one input, images .*got \[\(None"):
            deployable_network(network)


if __name__ == "__main__":
    tf.test.main()

"""Tests of one branch as an attack sees it."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.branch_view import BranchView
from rtml_tf.attacks.embedding_objectives import EmbeddingShiftObjective
from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.layers.branch_routing import branch
from rtml_tf.networks.branches import one_branch, with_branches

layers = tf.keras.layers


def _network(shared_affine, axis=-1):
    """Branches with statistics of their own; the second batch norm cannot be folded."""
    image = layers.Input((6, 6, 3))
    x = layers.Conv2D(4, 3, name="conv")(image)
    x = layers.ReLU()(layers.BatchNormalization(name="folded")(x))
    x = layers.BatchNormalization(name="kept", axis=axis)(x)
    network = tf.keras.Model(image, layers.Dense(5)(layers.Flatten()(x)))
    network = with_branches(network=network, shared_affine=shared_affine)
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if weight.shape.rank == 1:
            weight.assign(rng.uniform(0.5, 2.0, weight.shape))
    return network


def _images():
    return tf.random.stateless_uniform([3, 6, 6, 3], (1, 2))


class BranchViewTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(
        name=("clean", "multi"), shared_affine=(True, False), fold=(True, False), axis=(-1, 1)
    )
    def test_equal_to_the_network_routed_through_the_branch(self, name, shared_affine, fold, axis):
        """With axis 1 the second batch norm is neither folded nor a scale and a shift."""
        network = _network(shared_affine, axis)
        view = BranchView(network=network, branch=name, fold=fold)
        with branch(name):
            expected = network(_images())
        self.assertAllClose(view(_images()), expected, atol=1e-5)
        self.assertAllClose(tf.function(view)(_images()), expected, atol=1e-5)
        self.assertEqual(view.folded, ("folded",) if fold else ())
        self.assertEqual("kept" in view.kept, axis == 1)

    def test_an_attack_through_a_branch_is_the_attack_on_that_branch_alone(self):
        network = _network(shared_affine=False)
        attack, batch = FastGradientMethod(epsilon=0.1), {"image": _images()}

        def attacked(view):
            return attack(view, batch, EmbeddingShiftObjective(), seed=(3, 4))

        weights = network.get_weights()
        found = attacked(BranchView(network=network, branch="multi"))
        expected = attacked(one_branch(network=network, branch="multi"))
        clean = attacked(BranchView(network=network, branch="clean"))
        self.assertLess(np.mean(np.abs(found - expected) > 1e-6), 0.01)
        self.assertGreater(np.mean(np.abs(clean - expected) > 1e-6), 0.01)
        for weight, before in zip(network.get_weights(), weights, strict=True):
            self.assertAllEqual(weight, before)

    def test_an_unknown_branch_is_refused(self):
        with self.assertRaisesRegex(ValueError, "one of those of 'folded'.*got 'pgd'"):
            BranchView(network=_network(shared_affine=False), branch="pgd")


if __name__ == "__main__":
    tf.test.main()

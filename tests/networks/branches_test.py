"""Tests of giving networks branches, of taking one out, and of saving them."""

import itertools
import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.branch_routing import branch, mixed_batch
from rtml_tf.layers.frozen_batch_norm import FrozenStatisticsBatchNormalization
from rtml_tf.layers.multi_batch_norm import MultiBatchNormalization
from rtml_tf.networks.branches import branches_of, clean_branch_of, one_branch, with_branches
from rtml_tf.networks.resnet import cifar_resnet
from rtml_tf.networks.saving import load_network, save_network

layers = tf.keras.layers
_BRANCHES = ("clean", "single", "multi")


def _randomised(network):
    rng = np.random.default_rng(0)
    network.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in network.weights])
    return network


def _resnet():
    return _randomised(cifar_resnet(input_shape=(8, 8, 3), width=0.25, embedding_size=4))


def _nested():
    """Networks in a network, and a batch norm that is called twice."""
    inner_image = layers.Input((6, 6, 3))
    inner = layers.BatchNormalization(name="norm")(layers.Conv2D(4, 3)(inner_image))
    inner = tf.keras.Model(inner_image, inner, name="inner")
    image = layers.Input((6, 6, 3), name="image")
    twice = layers.BatchNormalization(name="twice", momentum=0.5, synchronized=True)
    features = layers.Conv2D(3, 3, name="conv")(twice(image))
    features = layers.Concatenate()([features, inner(twice(image))])
    head = [layers.Flatten(), layers.Dense(4), layers.BatchNormalization(name="norm")]
    head = tf.keras.Sequential(head, name="head")
    return _randomised(tf.keras.Model(image, head(tf.nn.relu(features)), name="nested"))


def _images(network, rows=5):
    return tf.random.stateless_uniform([rows, *network.input_shape[1:]], (0, 1))


def _trained(network):
    """The network with statistics, and scales and shifts that are not shared, of each branch."""
    with mixed_batch({"clean": 2, "multi": 2, "single": 1}):
        network(_images(network), training=True)
    rng = np.random.default_rng(1)
    for norm in network.submodules:
        if isinstance(norm, MultiBatchNormalization):
            for name in norm.branches:
                for weight in norm.batch_norm(name).trainable_weights:
                    weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return network


class BranchesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(build=(_resnet, _nested), shared_affine=(True, False))
    def test_each_branch_starts_as_the_network(self, build, shared_affine):
        network = build()
        weights = network.get_weights()
        branched = with_branches(network=network, shared_affine=shared_affine)
        images = _images(network)
        for name in _BRANCHES:
            with branch(name):
                self.assertAllClose(branched(images), network(images), atol=1e-6)
        _trained(branched)
        for weight, before in zip(network.get_weights(), weights, strict=True):
            self.assertAllEqual(weight, before)
        self.assertEqual(branches_of(branched), _BRANCHES)
        self.assertEqual(branches_of(network), ())
        self.assertEqual([x.name for x in branched.layers], [x.name for x in network.layers])

    @parameterized.product(build=(_resnet, _nested), shared_affine=(True, False))
    def test_a_branch_taken_out_is_a_plain_network_with_its_outputs(self, build, shared_affine):
        network = build()
        branched = _trained(with_branches(network=network, shared_affine=shared_affine))
        images = _images(network)
        found = []
        for name in _BRANCHES:
            plain = one_branch(network=branched, branch=name)
            with branch(name):
                self.assertAllClose(plain(images), branched(images), atol=1e-6)
            self.assertEqual(_types(plain), _types(network))
            self.assertEqual(plain.name, network.name)
            found.append(plain(images))
        for one, other in itertools.combinations(found, 2):
            self.assertNotAllClose(one, other, atol=1e-3)

    def test_an_application_of_keras(self):
        image = layers.Input((32, 32, 3))
        build = tf.keras.applications.MobileNet
        backbone = build((32, 32, 3), alpha=0.25, include_top=False, weights=None)
        network = tf.keras.Model(image, layers.Flatten()(backbone(image)))
        branched = _trained(with_branches(network=network))
        self.assertEqual(_types(branched).count(MultiBatchNormalization), 27)
        plain = one_branch(network=branched, branch="multi")
        with branch("multi"):
            self.assertAllClose(plain(_images(plain)), branched(_images(plain)), atol=1e-6)

    def test_an_earlier_result_is_brought_up_to_date(self):
        branched = with_branches(network=_resnet())
        plain = one_branch(network=branched)
        images = _images(branched)
        branched.get_layer("embedding").kernel.assign_add(
            tf.random.normal(branched.get_layer("embedding").kernel.shape)
        )
        _trained(branched)
        self.assertNotAllClose(plain(images), branched(images), atol=1e-3)
        self.assertIs(one_branch(network=branched, into=plain), plain)
        self.assertAllClose(plain(images), branched(images), atol=1e-6)

    def test_the_clean_branch_is_one_network_with_the_weights_of_the_moment(self):
        branched = with_branches(network=_resnet())
        finished, images = clean_branch_of(branched), _images(branched)
        plain = finished()
        _trained(branched)
        self.assertNotAllClose(plain(images), branched(images), atol=1e-3)
        self.assertIs(finished(), plain)
        self.assertAllClose(plain(images), branched(images), atol=1e-6)
        self.assertIs(clean_branch_of(plain)(), plain)

    def test_counts_of_weights(self):
        """Nine batch norms with two trained and two other weights each."""
        network = _resnet()
        three, shared = (
            with_branches(network=network),
            with_branches(network=network, shared_affine=True),
        )
        for kind, per_norm in (("trainable_weights", 2), ("non_trainable_weights", 2)):
            once = len(getattr(network, kind))
            self.assertLen(getattr(three, kind), once + 2 * 9 * per_norm)
        self.assertLen(shared.trainable_weights, len(network.trainable_weights))
        self.assertLen(shared.non_trainable_weights, len(three.non_trainable_weights))

    def test_a_pass_moves_the_statistics_of_its_branches_alone(self):
        branched = with_branches(network=_resnet())
        norms = [x for x in branched.layers if isinstance(x, MultiBatchNormalization)]
        before = {name: [n.branch_weights(name) for n in norms] for name in _BRANCHES}
        with mixed_batch({"clean": 3, "multi": 2}):
            branched(_images(branched), training=True)
        for name in _BRANCHES:
            for norm, old in zip(norms, before[name], strict=True):
                moved = not np.array_equal(norm.branch_weights(name)[2], old[2])
                self.assertEqual(moved, name != "single")

    def test_options_of_batch_norms_are_kept_or_replaced(self):
        network = _nested()
        kept = with_branches(network=network).get_layer("twice")
        self.assertEqual(kept.batch_norm("multi").momentum, 0.5)
        self.assertTrue(kept.batch_norm("multi").synchronized)
        changed = with_branches(network=network, synchronized=False, branches=("clean", "other"))
        self.assertFalse(changed.get_layer("twice").batch_norm("other").synchronized)

    def test_networks_that_have_no_batch_norm_or_an_unknown_one_are_refused(self):
        image = layers.Input((4, 4, 3))
        none = tf.keras.Model(image, layers.Flatten()(image), name="none")
        with self.assertRaisesRegex(ValueError, "'none' has no BatchNormalization"):
            with_branches(network=none)
        with self.assertRaisesRegex(ValueError, "'none' has no MultiBatchNormalization"):
            one_branch(network=none)
        frozen = tf.keras.Model(image, FrozenStatisticsBatchNormalization(name="bn")(image))
        with self.assertRaisesRegex(ValueError, "'bn'.* FrozenStatisticsBatchNormalization, which"):
            with_branches(network=frozen)
        hidden = layers.TimeDistributed(layers.BatchNormalization(), name="wrapper")
        with self.assertRaisesRegex(ValueError, "'wrapper' .* holds a BatchNormalization, which"):
            with_branches(network=tf.keras.Model(image, hidden(image)))
        with self.assertRaisesRegex(ValueError, "MultiBatchNormalization, which cannot be given"):
            with_branches(network=with_branches(network=_resnet()))
        with self.assertRaisesRegex(ValueError, r"one of those of 'stem_bn'.*got 'pgd'"):
            one_branch(network=with_branches(network=_resnet()), branch="pgd")


class SavingTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(form=("keras", "h5", "tf"), shared_affine=(True, False))
    def test_every_format_gives_back_every_branch(self, form, shared_affine):
        network = _trained(with_branches(network=_nested(), shared_affine=shared_affine))
        path = os.path.join(self.create_tempdir(), f"network.{form}")
        if form == "keras":
            save_network(network, path)
            loaded = load_network(path)
        else:
            network.save(path, save_format=form)
            loaded = tf.keras.models.load_model(path)
        images, found = _images(network), []
        for name in _BRANCHES:
            with branch(name):
                found.append(loaded(images))
                self.assertAllClose(found[-1], network(images), atol=1e-6)
        for one, other in itertools.combinations(found, 2):
            self.assertNotAllClose(one, other, atol=1e-3)
        self.assertEqual(branches_of(loaded), _BRANCHES)
        self.assertLen(loaded.weights, len(network.weights))


def _types(network):
    return [type(x) for x in network.submodules if isinstance(x, tf.keras.layers.Layer)]


if __name__ == "__main__":
    tf.test.main()

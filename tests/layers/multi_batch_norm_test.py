"""Tests of batch normalisation with branches."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.branch_routing import branch, mixed_batch
from rtml_tf.layers.multi_batch_norm import MultiBatchNormalization
from tests import two_cpus

_EPSILON, _MOMENTUM = 0.01, 0.75


def setUpModule():
    two_cpus.start()


def _layer(shape=(None, 3), seed=0, **arguments):
    """A built layer whose branches all differ."""
    layer = MultiBatchNormalization(epsilon=_EPSILON, momentum=_MOMENTUM, name="norm", **arguments)
    layer.build(shape)
    rng = np.random.default_rng(seed)
    for variable in layer.variables:
        variable.assign(rng.uniform(0.5, 2.0, variable.shape))
    return layer


def _inputs(rows=6, seed=1):
    return np.random.default_rng(seed).normal(1.0, 2.0, (rows, 3)).astype(np.float32)


def _normalised(inputs, mean, variance, norm):
    return norm.gamma * (inputs - mean) / np.sqrt(variance + _EPSILON) + norm.beta


def _weights(layer, name):
    return [weight.numpy() for weight in layer.batch_norm(name).weights]


class MultiBatchNormalizationTest(tf.test.TestCase, parameterized.TestCase):
    def test_each_branch_normalises_with_its_own_weights(self):
        """Reference: the formula in NumPy; what is not routed is clean."""
        layer, inputs = _layer(), _inputs()
        for name in ("clean", "single", "multi"):
            norm = layer.batch_norm(name)
            expected = _normalised(inputs, norm.moving_mean, norm.moving_variance, norm)
            with branch(name):
                self.assertAllClose(layer(inputs), expected, atol=1e-5)
            if name == "clean":
                self.assertAllClose(layer(inputs), expected, atol=1e-5)

    @parameterized.parameters(True, False)
    def test_a_mixed_batch_of_odd_sizes_is_normalised_part_by_part(self, in_graph):
        """Reference: batch statistics and their moving averages in NumPy."""
        layer, inputs = _layer(), _inputs(rows=10)
        clean = _weights(layer, "clean")
        before = {name: _statistics(layer, name) for name in ("single", "multi")}

        def call(inputs):
            with mixed_batch({"multi": 7, "single": 3}):
                return layer(inputs, training=True)

        outputs = (tf.function(call) if in_graph else call)(tf.constant(inputs))
        for name, rows in (("multi", slice(0, 7)), ("single", slice(7, 10))):
            part = inputs[rows]
            moments = part.mean(axis=0), part.var(axis=0)
            expected = _normalised(part, *moments, layer.batch_norm(name))
            self.assertAllClose(outputs[rows], expected, atol=1e-5)
            expected = _MOMENTUM * before[name] + (1 - _MOMENTUM) * np.stack(moments)
            self.assertAllClose(_statistics(layer, name), expected, atol=1e-5)
        self.assertAllEqual(_weights(layer, "clean"), clean)

    def test_a_graph_updates_the_statistics_of_the_branches_that_run_and_no_others(self):
        layer = _layer()

        def updates(rows):
            def call(inputs):
                with mixed_batch(rows):
                    return layer(inputs, training=True)

            graph = tf.function(call).get_concrete_function(tf.TensorSpec([6, 3])).graph
            return sum(x.type.startswith("Assign") for x in graph.get_operations())

        self.assertEqual(updates({"clean": 6}), 2)
        self.assertEqual(updates({"clean": 3, "multi": 3}), 4)
        self.assertEqual(updates({"clean": 3, "multi": 2, "single": 1}), 6)

    def test_gradients_reach_the_branches_that_run_and_no_others(self):
        layer = _layer()
        with tf.GradientTape() as tape, mixed_batch({"clean": 2, "multi": 4}):
            value = tf.reduce_sum(layer(_inputs(), training=True) ** 2)
        names = ("clean", "single", "multi")
        gradients = tape.gradient(value, [layer.batch_norm(name).gamma for name in names])
        self.assertEqual([gradient is not None for gradient in gradients], [True, False, True])

    def test_counts_of_weights(self):
        """Four a branch; shared, two statistics a branch and one scale and shift."""
        layer, shared = _layer(), _layer(shared_affine=True)
        self.assertLen(layer.trainable_weights, 6)
        self.assertLen(layer.non_trainable_weights, 6)
        self.assertLen(shared.trainable_weights, 2)
        self.assertLen(shared.non_trainable_weights, 6)
        self.assertLen({weight.name for weight in layer.weights}, 12)
        layer.trainable = False
        self.assertEmpty(layer.trainable_weights)

    @parameterized.parameters(-1, 1)
    def test_shared_scale_and_shift_are_those_of_every_branch(self, axis):
        layer = _layer((None, 3, 3), shared_affine=True, axis=axis)
        plain = tf.keras.layers.BatchNormalization.from_config(layer.batch_norm_config())
        plain.build((None, 3, 3))
        plain.set_weights(layer.branch_weights("multi"))
        inputs = tf.random.stateless_normal([4, 3, 3], (1, 2))
        with branch("multi"):
            self.assertAllClose(layer(inputs), plain(inputs), atol=1e-5)
            self.assertAllClose(layer(inputs, training=True), plain(inputs, training=True))

    def test_frozen_it_is_in_inference_mode(self):
        layer, inputs = _layer(trainable=False), _inputs()
        self.assertAllEqual(layer(inputs, training=True), layer(inputs, training=False))

    def test_mixed_precision_keeps_statistics_in_float32(self):
        layer = _layer((None, 2, 2, 3), dtype="mixed_bfloat16")
        with mixed_batch({"clean": 1, "single": 2}):
            outputs = layer(tf.ones([3, 2, 2, 3], tf.bfloat16), training=True)
        self.assertEqual(outputs.dtype, tf.bfloat16)
        self.assertEqual(layer.batch_norm("single").moving_mean.dtype, tf.float32)

    @parameterized.parameters(True, False)
    def test_survives_serialisation(self, shared_affine):
        layer = _layer(
            branches=("clean", "other"),
            shared_affine=shared_affine,
            scale=False,
            synchronized=True,
            gamma_initializer="zeros",
        )
        copy = tf.keras.layers.deserialize(tf.keras.layers.serialize(layer))
        self.assertEqual(copy.get_config(), layer.get_config())
        copy.build((None, 3))
        copy.set_weights(layer.get_weights())
        with mixed_batch({"clean": 4, "other": 2}):
            self.assertAllEqual(copy(_inputs()), layer(_inputs()))

    @parameterized.parameters(True, False)
    def test_batch_statistics_of_two_replicas(self, synchronized):
        """Synchronised, those of the branch's rows on both; reference in NumPy.

        Running statistics follow the mean of what the replicas have seen.
        """
        strategy, inputs = two_cpus.mirrored_strategy(), _inputs(rows=6)
        with strategy.scope():
            layer = _layer(synchronized=synchronized)
        parts = strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(inputs[context.replica_id_in_sync_group :: 2])
        )

        @tf.function
        def run():
            def call(part):
                with mixed_batch({"clean": 2, "multi": 1}):
                    return layer(part, training=True)

            return strategy.experimental_local_results(strategy.run(call, args=(parts,)))

        before = {name: _statistics(layer, name) for name in ("clean", "single", "multi")}
        outputs, replicas = run(), (inputs[0::2], inputs[1::2])
        for name, rows in (("clean", slice(0, 2)), ("multi", slice(2, 3))):
            seen = [replica[rows] for replica in replicas]
            if synchronized:
                seen = [np.concatenate(seen)] * 2
            moments = [(part.mean(axis=0), part.var(axis=0)) for part in seen]
            for output, replica, of_replica in zip(outputs, replicas, moments):
                expected = _normalised(replica[rows], *of_replica, layer.batch_norm(name))
                self.assertAllClose(output[rows], expected, atol=1e-4)
            expected = _MOMENTUM * before[name] + (1 - _MOMENTUM) * np.mean(moments, axis=0)
            self.assertAllClose(_statistics(layer, name), expected, atol=1e-5)
        self.assertAllEqual(_statistics(layer, "single"), before["single"])

    def test_misfits_list_both_sides(self):
        layer = _layer()
        with (
            self.assertRaisesRegex(
                ValueError, r"through 'pgd', but the branches of 'norm' are \('clean', 'single'"
            ),
            mixed_batch({"clean": 3, "pgd": 3}),
        ):
            layer(_inputs())
        with (
            self.assertRaisesRegex(
                ValueError, r"{'clean': 3, 'multi': 2} is for 5 rows, but 'norm' got a batch of 6"
            ),
            mixed_batch({"clean": 3, "multi": 2}),
        ):
            layer(_inputs())
        with self.assertRaisesRegex(ValueError, r"one of those of 'norm'.*got 'pgd'"):
            layer.batch_norm("pgd")

    @parameterized.parameters({"multi": 5}, {"clean": 3, "multi": 2})
    def test_rows_are_counted_when_a_graph_runs_that_does_not_know_them(self, **rows):
        layer = _layer()

        @tf.function(input_signature=[tf.TensorSpec([None, 3])])
        def call(inputs):
            with mixed_batch(rows):
                return layer(inputs, training=True)

        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, r"is for 5 rows, but .*norm.* got a batch of\] \[6\]"
        ):
            call(_inputs(rows=6))
        self.assertEqual(call(_inputs(rows=5)).shape, [5, 3])

    def test_branches_are_different_names_with_clean(self):
        for branches in (("single", "multi"), ("clean", "clean")):
            with self.assertRaisesRegex(ValueError, "with 'clean' among them, got"):
                MultiBatchNormalization(branches=branches)

    @parameterized.parameters("of glyphs", "a.b", "a/b", "", "é", 5)
    def test_names_of_branches_are_fit_for_names_of_weights(self, name):
        with self.assertRaisesRegex(ValueError, f"must be letters.*got {name!r} in"):
            MultiBatchNormalization(branches=("clean", name))


def _statistics(layer, name):
    """The running mean and the running variance of a branch: `[2, C]`."""
    norm = layer.batch_norm(name)
    return np.stack([norm.moving_mean.numpy(), norm.moving_variance.numpy()])


if __name__ == "__main__":
    tf.test.main()

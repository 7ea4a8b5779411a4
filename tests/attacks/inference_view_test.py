"""Tests for the folded twin of a network."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.batch_norm_folding import BatchNormStatistics
from rtml_tf.attacks.embedding_objectives import EmbeddingShiftObjective
from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.inference_view import InferenceView

layers = tf.keras.layers


def _randomised(network, seed=0):
    """The network with statistics and weights that matter."""
    rng = np.random.default_rng(seed)
    for variable in network.variables:
        positive = "variance" in variable.name or "gamma" in variable.name
        low, high = (0.5, 2.0) if positive else (-0.5, 0.5)
        variable.assign(rng.uniform(low, high, variable.shape))
    return network


def _residual(dtype=None):
    """All that folds: convolutions with and without bias, strides, depthwise, dense."""
    image = layers.Input([12, 12, 3])
    x = layers.Rescaling(2.0, offset=-1.0)(image)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False, name="c1")(x)
    x = layers.ReLU()(layers.BatchNormalization(name="b1")(x))
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, name="c2")(x)
    y = layers.Activation("relu")(layers.BatchNormalization(name="b2", scale=False)(y))
    y = layers.Conv2D(8, 3, padding="same", dilation_rate=2, name="c3")(y)
    y = layers.BatchNormalization(name="b3", center=False, epsilon=0.1)(y)
    x = layers.Dropout(0.5)(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(x))
    x = layers.BatchNormalization(name="b4")(layers.Dense(5, name="d1")(x))
    return _randomised(tf.keras.Model(image, layers.UnitNormalization()(x)))


def _unfoldable():
    """A batch norm first, after a ReLU, and after a convolution that is read twice; plain
    operators, a shared convolution, and layers that the view does not know."""
    image = layers.Input([8, 8, 3])
    x = layers.BatchNormalization(name="first")(image)
    x = layers.Conv2D(4, 3, activation="relu")(x)
    x = layers.BatchNormalization(name="after_relu")(x)
    shared = layers.Conv2D(4, 3, padding="same", name="shared")
    y = shared(x)
    x = layers.BatchNormalization(name="read_twice")(y) + 0.5 * y
    x = layers.BatchNormalization(name="own_input")(shared(tf.nn.relu(x)), training=False)
    x = layers.Concatenate()([x, layers.ZeroPadding2D(1)(layers.Conv2D(2, 3)(x))])
    x = layers.PReLU(name="prelu")(x)
    x = layers.LayerNormalization(name="layer_norm")(layers.Flatten()(x))
    return _randomised(tf.keras.Model(image, layers.Dense(6)(x)))


def _nested():
    inner_image = layers.Input([6, 6, 3])
    x = layers.BatchNormalization(name="inner_norm")(layers.Conv2D(4, 3)(inner_image))
    inner = tf.keras.Model(inner_image, x, name="inner")
    return _randomised(
        tf.keras.Sequential(
            [
                layers.Input([6, 6, 3]),
                inner,
                layers.ReLU(),
                layers.Flatten(),
                layers.Dense(5),
                layers.BatchNormalization(name="outer_norm"),
            ]
        )
    )


class _Subclassed(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(4)
        self.normalise = layers.BatchNormalization()

    def call(self, images, training=True):
        return self.normalise(self.dense(layers.Flatten()(images)), training=training)


def _images(network, size=3):
    shape = (size, *network.input_shape[1:])
    return np.random.default_rng(1).uniform(0, 1, shape).astype(np.float32)


class EqualityTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(build=(_residual, _unfoldable, _nested), fold=(True, False))
    def test_equal_to_the_network_in_inference_mode(self, build, fold):
        network = build()
        images = _images(network)
        view = InferenceView(network=network, fold=fold)
        expected = network(images, training=False)
        self.assertAllClose(view(images), expected, atol=1e-5, rtol=1e-5)
        self.assertAllClose(tf.function(view)(images), expected, atol=1e-5, rtol=1e-5)

    @parameterized.product(build=(_residual, _nested), dtype=("bfloat16", "float16"))
    def test_low_precision_is_roughly_equal_and_gives_float32(self, build, dtype):
        """bfloat16 has 8 bits of precision: a few percent of the largest entry."""
        network = build()
        images = _images(network)
        found = InferenceView(network=network, compute_dtype=dtype)(images)
        expected = network(images, training=False)
        self.assertEqual(found.dtype, tf.float32)
        tolerance = 0.05 if dtype == "bfloat16" else 0.005
        self.assertAllClose(found, expected, atol=tolerance * np.abs(expected).max(), rtol=0)
        self.assertNotAllClose(found, expected, atol=1e-7, rtol=0)

    @parameterized.product(build=(_residual, _unfoldable), dtype=("float32", "bfloat16", "float16"))
    def test_input_gradients_are_those_of_the_network(self, build, dtype):
        network = build()
        images = tf.constant(_images(network, size=4))

        @tf.function
        def gradient(embed):
            with tf.GradientTape() as tape:
                tape.watch(images)
                # In float16 the smallest underflows and the largest overflows unless it is scaled.
                value = tf.constant([0.0, 1e-6, 1.0, 1e6]) * embed(images, training=False)[:, 0]
            return tape.gradient(value, images)

        view = InferenceView(network=network, compute_dtype=dtype)
        expected, found = (np.reshape(gradient(embed), [4, -1]) for embed in (network, view))
        self.assertAllEqual(found[0], expected[0])
        norms, lengths = (np.linalg.norm(x[1:], axis=1) for x in (expected, found))
        cosines = np.sum(found[1:] * expected[1:], axis=1) / lengths / norms
        self.assertAllGreater(cosines, 0.9999 if dtype == "float32" else 0.97)
        self.assertAllClose(lengths / norms, np.ones(3), atol=0.1)

    def test_a_network_that_computes_something_of_its_own_is_run_as_it_is(self):
        network = _Subclassed()
        images = np.ones([2, 3, 3], np.float32)
        network(images)
        _randomised(network)
        view = InferenceView(network=network, compute_dtype="bfloat16")
        self.assertAllEqual(view(images), network(images, training=False))
        self.assertEqual((view.folded, view.kept), ((), (network.name,)))


class PlanTest(tf.test.TestCase):
    def test_what_is_folded_and_what_is_kept(self):
        view = InferenceView(network=_residual())
        self.assertEqual(view.folded, ("b1", "b2", "b3", "b4"))
        self.assertLen(view.kept, 3)  # rescaling, global pooling, the unit norm at the end
        self.assertEqual(InferenceView(network=_nested()).folded, ("inner_norm", "outer_norm"))
        view = InferenceView(network=_unfoldable())
        self.assertEqual(view.folded, ("own_input",))
        self.assertIn("layer_norm", view.kept)

    def test_shares_the_variables_and_changes_none(self):
        network = _residual()
        images = _images(network)
        view = InferenceView(network=network)
        network_before = [variable.numpy() for variable in network.variables]
        embed = view.at_current_weights()
        before = embed(images)
        for old, variable in zip(network_before, network.variables, strict=True):
            self.assertAllEqual(variable, old)
        _randomised(network, seed=5)
        self.assertAllClose(view(images), network(images, training=False), atol=1e-5)
        self.assertAllEqual(embed(images), before)

    def test_a_reader_of_statistics_chooses_the_branch(self):
        """The folded network equals one whose batch norm has the other branch's statistics."""
        network, other = _nested(), _nested()
        statistics = BatchNormStatistics(
            gamma=None,
            beta=tf.range(4.0),
            mean=tf.ones([4]),
            variance=tf.fill([4], 3.0),
            epsilon=0.5,
        )
        other.get_layer("inner").get_layer("inner_norm").set_weights(
            [np.sqrt(3.001 / 3.5) * np.ones(4), np.arange(4.0), np.ones(4), np.full(4, 3.0)]
        )

        def read(layer):
            return statistics if layer.name == "inner_norm" else None

        view = InferenceView(network=network, statistics=read)
        images = _images(network)
        self.assertEqual(view.folded, ("inner_norm",))
        self.assertIn("outer_norm", view.kept)
        self.assertAllClose(view(images), other(images, training=False), atol=1e-5)

    def test_an_attack_on_the_view_is_the_attack_on_the_network(self):
        network = _residual()
        batch = {"image": _images(network)}
        attack = FastGradientMethod(epsilon=0.1)
        expected = attack(network, batch, EmbeddingShiftObjective(), seed=(1, 2))
        view = InferenceView(network=network)
        found = attack(view, batch, EmbeddingShiftObjective(), seed=(1, 2))
        self.assertLess(np.mean(np.abs(found - expected) > 1e-6), 0.01)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, r"compute_dtype must be .*, got 'int8'\."):
            InferenceView(network=_nested(), compute_dtype="int8")
        with self.assertRaisesRegex(ValueError, r"training must be False .* got True\."):
            InferenceView(network=_nested())(np.zeros([1, 6, 6, 3]), training=True)


if __name__ == "__main__":
    tf.test.main()

"""Tests of ShuffleNet."""

import pathlib

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.layers.grouped_convolution import GroupedConv2D
from rtml_tf.networks.saving import load_network, save_network
from rtml_tf.networks.shufflenet_v1 import shufflenet_v1
from rtml_tf.networks.summary import summarize

_TINY = {"width": 0.25, "units": (1, 2, 1), "stem_stride": 1, "embedding_size": 5}


def _tiny(**arguments):
    """A small network whose batch norms do something."""
    tf.keras.utils.set_random_seed(0)
    network = shufflenet_v1(**({"input_shape": (12, 10, 3)} | _TINY | arguments))
    for variable in network.variables:
        if "moving" in variable.name or "gamma" in variable.name or "beta" in variable.name:
            variable.assign(tf.random.uniform(variable.shape, 0.5, 1.5))
    return network


class ShuffleNetV1Test(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((1, 143), (2, 140), (3, 137), (4, 133), (8, 137))
    def test_multiply_adds_are_those_of_table_1(self, groups, millions):
        """In millions, at 224x224, without the 1000-class layer."""
        network = shufflenet_v1(input_shape=(224, 224, 3), groups=groups, embedding_size=1)
        embedding = network.get_layer("embedding").kernel.shape[0]
        self.assertEqual(round((summarize(network).multiply_adds - embedding) / 1e6), millions)

    @parameterized.parameters(
        (0.5, 8, 40, 1.0),
        (1.5, 3, 292, 3.4),
        (2.0, 8, 522, 6.5),
    )
    def test_size_with_1000_classes_is_that_of_the_authors_networks(
        self, width, groups, mega_multiply_adds, mega_parameters
    ):
        """github.com/megvii-model/ShuffleNet-Series; parameters without running statistics."""
        network = shufflenet_v1(
            input_shape=(224, 224, 3), width=width, groups=groups, embedding_size=1000
        )
        summary = summarize(network)
        self.assertEqual(round(summary.multiply_adds / 1e6), mega_multiply_adds)
        self.assertEqual(round(summary.trainable_parameters / 1e6, 1), mega_parameters)

    @parameterized.parameters((1, 0.25, 36), (3, 0.3, 72), (4, 0.25, 64), (8, 0.01, 32))
    def test_channels_between_the_widths_are_multiples_that_can_be_grouped(
        self, groups, width, filters
    ):
        """For example 0.3 * 240 = 72 = 6 * 4 * 3, and 0.25 * 272 = 68, of which 64 = 4 * 4 * 4."""
        network = shufflenet_v1(
            input_shape=(16, 16, 1), groups=groups, width=width, units=(1, 1, 1), stem_stride=2
        )
        widths = [network.get_layer(f"stage{n}_unit1_relu").output.shape[-1] for n in (2, 3, 4)]
        self.assertEqual(widths, [filters, 2 * filters, 4 * filters])

    def test_first_pointwise_convolution_alone_is_not_grouped(self):
        network = _tiny(groups=2)
        pointwise = [
            layer
            for layer in network.layers
            if isinstance(layer, tf.keras.layers.Conv2D)
            and layer.kernel_size == (1, 1)
            and not isinstance(layer, tf.keras.layers.DepthwiseConv2D)
        ]
        self.assertEqual([layer.groups for layer in pointwise], [1] + [2] * 7)

    @parameterized.parameters((1, (4, 5)), (2, (2, 3)), (4, (1, 2)))
    def test_stem_stride_shrinks_the_feature_map(self, stem_stride, size):
        network = shufflenet_v1(
            **_TINY | {"input_shape": (32, 40, 1), "stem_stride": stem_stride, "groups": 2}
        )
        self.assertEqual(tuple(network.get_layer("pooling").input.shape[1:3]), size)

    @parameterized.parameters(1, 3)
    def test_every_batch_norm_folds_into_its_convolution(self, groups):
        network = _tiny(groups=groups)
        images = tf.random.uniform([3, 12, 10, 3])
        view = InferenceView(network=network)
        norms = [x for x in network.layers if isinstance(x, tf.keras.layers.BatchNormalization)]
        self.assertCountEqual(view.folded, [layer.name for layer in norms])
        self.assertEqual(view.kept, ("pixel_normalization", "pooling", "l2_normalization"))
        self.assertAllClose(view(images), network(images), atol=1e-5)

    def test_every_weight_learns_and_embeddings_are_float32_under_mixed_precision(self):
        self.addCleanup(
            tf.keras.mixed_precision.set_global_policy, tf.keras.mixed_precision.global_policy()
        )
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        network = _tiny(groups=3)
        with tf.GradientTape() as tape:
            embeddings = network(tf.random.uniform([6, 12, 10, 3]), training=True)
            loss = tf.reduce_sum(embeddings * tf.random.normal([6, 5]))
        self.assertAllClose(tf.norm(embeddings, axis=-1), tf.ones(6), atol=1e-5)
        gradients = tape.gradient(loss, network.trainable_weights)
        for weight, gradient in zip(network.trainable_weights, gradients, strict=True):
            self.assertGreater(tf.norm(gradient), 0.0, weight.name)
        self.assertEqual(network.get_layer("stage2_unit1_conv3").compute_dtype, "bfloat16")

    def test_loaded_network_is_the_saved_one(self):
        network = _tiny()
        file = pathlib.Path(self.create_tempdir()) / "network.keras"
        save_network(network, file)
        loaded = load_network(file)
        images = tf.random.uniform([2, 12, 10, 3])
        self.assertAllEqual(loaded(images), network(images))
        self.assertIsInstance(loaded.get_layer("stage2_unit1_conv3"), GroupedConv2D)

    def test_converts_to_tflite_with_builtin_operations_only(self):
        network = _tiny()
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        interpreter = tf.lite.Interpreter(model_content=converter.convert())
        image = tf.random.uniform([1, 12, 10, 3])
        (embedding,) = interpreter.get_signature_runner()(image=image).values()
        self.assertAllClose(embedding, network(image), atol=1e-4)

    @parameterized.parameters(
        ({"groups": 5}, r"groups must be one of \[1, 2, 3, 4, 8\], got 5"),
        ({"width": 0.0}, "width must be above 0 and at most 2.0, got 0.0"),
        ({"width": 2.5}, "width must be above 0 and at most 2.0, got 2.5"),
        ({"stem_stride": 3}, "stem_stride must be 1, 2 or 4, got 3"),
        ({"stem_stride": 4}, "input_shape must be at least 32x32 for this network"),
        ({"units": (4, 8)}, r"units must be 3 positive integers, got \(4, 8\)"),
        ({"units": (4, 0, 4)}, r"units must be 3 positive integers, got \(4, 0, 4\)"),
    )
    def test_bad_arguments_are_named(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            shufflenet_v1(**{"input_shape": (16, 16, 3)} | _TINY | arguments)


if __name__ == "__main__":
    tf.test.main()

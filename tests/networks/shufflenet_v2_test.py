"""Tests of ShuffleNet v2."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.networks.saving import load_network, save_network
from rtml_tf.networks.shufflenet_v2 import shufflenet_v2
from rtml_tf.networks.summary import summarize

_TINY = {"width": 0.1, "units": (2, 1, 1), "stem_stride": 1, "embedding_size": 5}


def _tiny(**arguments):
    """A small network whose batch norms do something."""
    tf.keras.utils.set_random_seed(0)
    network = shufflenet_v2(**({"input_shape": (12, 10, 3)} | _TINY | arguments))
    for variable in network.variables:
        if "moving" in variable.name or "gamma" in variable.name or "beta" in variable.name:
            variable.assign(tf.random.uniform(variable.shape, 0.5, 1.5))
    return network


class ShuffleNetV2Test(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (0.5, 1_366_792, 40),
        (1.0, 2_278_604, 145),
        (1.5, 3_503_624, 296),
        (2.0, 7_393_996, 583),
    )
    def test_size_with_1000_classes_is_the_published_one(self, width, parameters, mega):
        """torchvision's model table (the paper says 1.4, 2.3, 3.5 and 7.4 million parameters)."""
        summary = summarize(
            shufflenet_v2(input_shape=(224, 224, 3), width=width, embedding_size=1000)
        )
        self.assertEqual(summary.trainable_parameters, parameters)
        self.assertEqual(round(summary.multiply_adds / 1e6), mega)

    @parameterized.parameters(
        (0.25, (12, 24, 48, 96, 512)),
        (0.75, (24, 82, 164, 328, 1024)),
        (1.75, (24, 210, 420, 840, 1536)),
        (0.001, (2, 2, 4, 8, 2)),
    )
    def test_channels_between_the_widths_are_interpolated(self, width, channels):
        network = shufflenet_v2(
            input_shape=(16, 16, 1), width=width, units=(1, 1, 1), stem_stride=2
        )
        layers = ["stem_conv", *(f"stage{n}_unit1_shuffle" for n in (2, 3, 4)), "last_conv"]
        found = [network.get_layer(layer).output.shape[-1] for layer in layers]
        self.assertEqual(tuple(found), channels)

    @parameterized.parameters(False, True)
    def test_unit_with_stride_1_is_that_of_figure_3(self, residual):
        """Reference: the shuffle as a table of channels, the first half passing unchanged."""
        network = _tiny(residual=residual)
        unit = tf.keras.Model(
            network.get_layer("stage2_unit2_split").input,
            [
                network.get_layer("stage2_unit2_relu3").output,
                network.get_layer("stage2_unit2_shuffle").output,
            ],
        )
        channels = unit.input.shape[-1]
        features = np.random.default_rng(0).uniform(size=[2, 6, 5, channels]).astype(np.float32)
        branch, outputs = unit(features)
        self.assertAllEqual(outputs[..., 0::2], features[..., : channels // 2])
        added = features[..., channels // 2 :] if residual else 0.0
        self.assertAllEqual(outputs[..., 1::2], branch + added)

    def test_last_convolution_can_be_chosen_or_left_out(self):
        with_last = _tiny(last_filters=30)
        without = _tiny(last_filters=0)
        self.assertEqual(with_last.get_layer("pooling").output.shape[-1], 30)
        self.assertEqual(without.get_layer("pooling").output.shape[-1], 4 * 10)
        self.assertNotIn("last_conv", [layer.name for layer in without.layers])

    def test_every_batch_norm_folds_into_its_convolution(self):
        network = _tiny()
        images = tf.random.uniform([3, 12, 10, 3])
        view = InferenceView(network=network)
        norms = [x for x in network.layers if isinstance(x, tf.keras.layers.BatchNormalization)]
        self.assertCountEqual(view.folded, [layer.name for layer in norms])
        self.assertEqual(view.kept, ("pixel_normalization", "pooling", "l2_normalization"))
        self.assertAllClose(view(images), network(images), atol=1e-5)

    def test_every_weight_learns(self):
        network = _tiny()
        with tf.GradientTape() as tape:
            embeddings = network(tf.random.uniform([6, 12, 10, 3]), training=True)
            loss = tf.reduce_sum(embeddings * tf.random.normal([6, 5]))
        gradients = tape.gradient(loss, network.trainable_weights)
        for weight, gradient in zip(network.trainable_weights, gradients, strict=True):
            self.assertGreater(tf.norm(gradient), 0.0, weight.name)

    def test_loaded_network_is_the_saved_one_and_names_do_not_depend_on_what_was_built(self):
        network = _tiny()
        file = pathlib.Path(self.create_tempdir()) / "network.keras"
        save_network(network, file)
        loaded = load_network(file)
        images = tf.random.uniform([2, 12, 10, 3])
        self.assertAllEqual(loaded(images), network(images))
        self.assertEqual([x.name for x in _tiny().layers], [x.name for x in network.layers])

    def test_converts_to_tflite_with_builtin_operations_only(self):
        network = _tiny()
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        interpreter = tf.lite.Interpreter(model_content=converter.convert())
        image = tf.random.uniform([1, 12, 10, 3])
        (embedding,) = interpreter.get_signature_runner()(image=image).values()
        self.assertAllClose(embedding, network(image), atol=1e-4)

    @parameterized.parameters(
        ({"width": 2.1}, "width must be above 0 and at most 2.0, got 2.1"),
        ({"width": float("nan")}, "width must be above 0 and at most 2.0, got nan"),
        ({"last_filters": -1}, "last_filters must be None or an integer >= 0, got -1"),
        ({"stem_stride": 8}, "stem_stride must be 1, 2 or 4, got 8"),
        ({"input_shape": (7, 9, 3)}, "input_shape must be at least 8x8 for this network"),
    )
    def test_bad_arguments_are_named(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            shufflenet_v2(**{"input_shape": (16, 16, 3)} | _TINY | arguments)


if __name__ == "__main__":
    tf.test.main()

"""Tests of the residual networks."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.layers.generalized_mean_pooling import GeneralizedMeanPooling
from rtml_tf.layers.pixel_normalization import PixelNormalization
from rtml_tf.networks.resnet import cifar_resnet, imagenet_resnet
from rtml_tf.networks.summary import summarize


def _backbone_parameters(network: tf.keras.Model) -> int:
    """Trainable parameters before the embedding layer."""
    weights = [w for w in network.trainable_weights if not w.name.startswith("embedding")]
    return sum(int(np.prod(weight.shape)) for weight in weights)


def _features_shape(network: tf.keras.Model) -> tuple:
    return tuple(network.get_layer("pooling").input.shape[1:])


class ResNetTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((8, 1.0, 3), (14, 1.5, 1), (20, 0.5, 3))
    def test_cifar_form_has_the_parameters_of_the_closed_form(self, depth, width, channels):
        """Kernels of 9 c_in c_out, one projection c_in c_out a stage, 2 c for each batch norm."""
        network = cifar_resnet(input_shape=(8, 8, channels), depth=depth, width=width)
        a, b, c = (int(width * filters) for filters in (16, 32, 64))
        n = (depth - 2) // 6
        kernels = 9 * (channels * a + a * b + b * c)
        kernels += 9 * (2 * n * a * a + (2 * n - 1) * b * b + (2 * n - 1) * c * c)
        projections = a * b + b * c
        batch_norms = 2 * (a + 2 * n * (a + b + c) + b + c)
        self.assertEqual(_backbone_parameters(network), kernels + projections + batch_norms)

    @parameterized.parameters(
        # depth, parameters, multiply-adds, batch norms (one a convolution)
        (18, 11_689_512 - 513_000, 1_814_073_344 - 512_000, 17 + 3),
        (34, 21_797_672 - 513_000, 3_663_761_408 - 512_000, 33 + 3),
        (50, 25_557_032 - 2_049_000, 4_089_184_256 - 2_048_000, 49 + 4),
    )
    def test_imagenet_form_has_the_published_size(
        self, depth, parameters, multiply_adds, batch_norms
    ):
        """torchvision's model table, less its 1000-class layer (512 or 2048 inputs)."""
        network = imagenet_resnet(input_shape=(224, 224, 3), depth=depth, embedding_size=1)
        embedding = network.get_layer("embedding").kernel.shape[0]
        self.assertEqual(_backbone_parameters(network), parameters)
        self.assertEqual(summarize(network).multiply_adds - embedding, multiply_adds)
        self.assertEqual(self._foldable_batch_norms(network), batch_norms)

    def _foldable_batch_norms(self, network: tf.keras.Model) -> int:
        """Counts the batch norms; each follows a convolution that feeds nothing else."""
        layers = {layer["name"]: layer for layer in network.get_config()["layers"]}
        feeds = [
            (source, name)
            for name, layer in layers.items()
            for node in layer["inbound_nodes"]
            for source, *_ in node
        ]
        norms = [n for n, layer in layers.items() if layer["class_name"] == "BatchNormalization"]
        for name in norms:
            (convolution,) = [source for source, target in feeds if target == name]
            self.assertEqual(layers[convolution]["class_name"], "Conv2D")
            self.assertFalse(layers[convolution]["config"]["use_bias"])
            self.assertLen([target for source, target in feeds if source == convolution], 1)
        return len(norms)

    @parameterized.parameters(
        (cifar_resnet, {"input_shape": (8, 10, 3), "width": 0.25}),
        (imagenet_resnet, {"input_shape": (32, 40, 3), "width": 0.125}),
        (imagenet_resnet, {"input_shape": (8, 8, 1), "width": 0.125, "small_input": True}),
    )
    def test_every_batch_norm_folds_and_the_view_computes_the_same(self, form, arguments):
        tf.keras.utils.set_random_seed(0)
        network = form(embedding_size=5, **arguments)
        for variable in network.variables:
            if "moving" in variable.name or "gamma" in variable.name or "beta" in variable.name:
                variable.assign(tf.random.uniform(variable.shape, 0.5, 1.5))
        view = InferenceView(network=network)
        self.assertLen(view.folded, self._foldable_batch_norms(network))
        images = tf.random.uniform([3, *arguments["input_shape"]])
        self.assertAllClose(view(images), network(images), atol=1e-5)

    def test_feature_maps_have_the_stride_of_the_form(self):
        cifar = cifar_resnet(input_shape=(30, 20, 3), width=0.25)
        large = imagenet_resnet(input_shape=(64, 96, 3), width=0.0625)
        small = imagenet_resnet(input_shape=(64, 96, 3), width=0.0625, small_input=True)
        self.assertEqual(_features_shape(cifar), (8, 5, 16))
        self.assertEqual(_features_shape(large), (2, 3, 32))
        self.assertEqual(_features_shape(small), (8, 12, 32))
        self.assertEqual([cifar.input_names, large.input_names], [["image"], ["image"]])

    @parameterized.parameters(
        {"policy": "float32"}, {"policy": "mixed_bfloat16"}, {"policy": "mixed_float16"}
    )
    def test_embeddings_are_float32_of_unit_length_and_every_weight_learns(self, policy):
        self.addCleanup(
            tf.keras.mixed_precision.set_global_policy, tf.keras.mixed_precision.global_policy()
        )
        tf.keras.mixed_precision.set_global_policy(policy)
        tf.keras.utils.set_random_seed(0)
        network = cifar_resnet(
            input_shape=(8, 8, 3), embedding_size=5, pooling=GeneralizedMeanPooling()
        )
        with tf.GradientTape() as tape:
            embeddings = network(tf.random.uniform([6, 8, 8, 3]), training=True)
            loss = tf.reduce_sum(embeddings * tf.random.normal([6, 5]))
        self.assertEqual(embeddings.dtype, tf.float32)
        self.assertAllClose(tf.norm(embeddings, axis=-1), tf.ones(6), atol=1e-5)
        self.assertEqual(
            network.get_layer("stem_conv").compute_dtype, policy.removeprefix("mixed_")
        )
        for weight, gradient in zip(
            network.trainable_weights, tape.gradient(loss, network.trainable_weights)
        ):
            self.assertGreater(tf.norm(gradient), 0.0, weight.name)

    def test_names_do_not_depend_on_what_was_built_before(self):
        names = [
            [layer.name for layer in cifar_resnet(input_shape=(8, 8, 1)).layers] for _ in range(2)
        ]
        self.assertEqual(names[0], names[1])
        self.assertIn("stage2_block1_shortcut_conv", names[0])

    def test_zero_init_last_gamma_makes_blocks_without_projection_their_shortcut(self):
        network = cifar_resnet(input_shape=(8, 8, 1), depth=14, zero_init_last_gamma=True)
        block = tf.keras.Model(
            network.get_layer("stage1_block2_conv1").input,
            network.get_layer("stage1_block2_relu").output,
        )
        features = tf.random.uniform([2, 8, 8, 16])  # not negative, as behind a ReLU
        self.assertAllEqual(block(features), features)

    def test_normalisation_and_pooling_are_copied_from_the_given_layers(self):
        pooling = GeneralizedMeanPooling(p=2.0, trainable_p=False)
        normalization = PixelNormalization(mean=0.1, std=1.0)
        for _ in range(2):
            network = cifar_resnet(
                input_shape=(8, 8, 1), pooling=pooling, normalization=normalization
            )
            self.assertEqual(network.get_layer("pooling").p, 2.0)
            self.assertEqual(network.get_layer("pixel_normalization").mean, 0.1)
        self.assertFalse(pooling.built)

    def test_converts_to_tflite_with_builtin_operations_only(self):
        network = cifar_resnet(input_shape=(8, 8, 3), width=0.25, pooling=GeneralizedMeanPooling())
        converter = tf.lite.TFLiteConverter.from_keras_model(network)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        interpreter = tf.lite.Interpreter(model_content=converter.convert())
        image = tf.random.uniform([1, 8, 8, 3])
        run = interpreter.get_signature_runner()
        (embedding,) = run(image=image).values()
        self.assertAllClose(embedding, network(image), atol=1e-5)

    @parameterized.parameters(
        ({"depth": 10}, r"depth must be 6n \+ 2 \(8, 14, 20, ...\), got 10"),
        ({"depth": 2}, r"depth must be 6n \+ 2 \(8, 14, 20, ...\), got 2"),
        ({"width": 0.0}, "width must be a positive number, got 0.0"),
        ({"width": float("nan")}, "width must be a positive number, got nan"),
        ({"embedding_size": 0}, "embedding_size must be a positive integer, got 0"),
        ({"embedding_size": 2.5}, "embedding_size must be a positive integer, got 2.5"),
        ({"input_shape": (8, 8)}, r"input_shape must be three positive integers .* \(8, 8\)"),
        ({"input_shape": (None, 8, 3)}, "input_shape must be three positive integers"),
        ({"input_shape": (3, 8, 3)}, r"at least 4x4 for this network, got \(3, 8, 3\)"),
        ({"pooling": "gem"}, "pooling must be a Keras layer, got 'gem'"),
        ({"pooling": tf.keras.layers.ReLU()}, "pooling must return .* got ReLU with output shape"),
        ({"normalization": 0.5}, "normalization must be a PixelNormalization layer, got 0.5"),
        ({"normalization": PixelNormalization(mean=[0.1, 0.2])}, "given for 2 channels"),
    )
    def test_bad_arguments_of_the_cifar_form_are_named(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            cifar_resnet(**({"input_shape": (8, 8, 3)} | arguments))

    @parameterized.parameters(
        ({"depth": 101}, r"depth must be one of \[18, 34, 50\], got 101"),
        ({"input_shape": (31, 64, 3)}, "input_shape must be at least 32x32 for this network"),
        ({"input_shape": (7, 8, 3), "small_input": True}, "input_shape must be at least 8x8"),
    )
    def test_bad_arguments_of_the_imagenet_form_are_named(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            imagenet_resnet(**({"input_shape": (32, 32, 3)} | arguments))


if __name__ == "__main__":
    tf.test.main()

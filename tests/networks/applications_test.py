"""Tests of the backbones of `tf.keras.applications`."""

import os
import pathlib
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.networks.application_pixels import application_names, application_pixels
from rtml_tf.networks.applications import application

_APPLICATIONS = tf.keras.applications
_SMALL = {"name": "MobileNet", "backbone_arguments": {"alpha": 0.25}}


class ApplicationPixelsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("ResNet50", _APPLICATIONS.resnet50.preprocess_input),
        ("ResNet101", _APPLICATIONS.resnet.preprocess_input),
        ("VGG16", _APPLICATIONS.vgg16.preprocess_input),
        ("VGG19", _APPLICATIONS.vgg19.preprocess_input),
        ("ResNet152V2", _APPLICATIONS.resnet_v2.preprocess_input),
        ("ResNet50V2", _APPLICATIONS.resnet_v2.preprocess_input),
        ("DenseNet121", _APPLICATIONS.densenet.preprocess_input),
        ("MobileNet", _APPLICATIONS.mobilenet.preprocess_input),
        ("MobileNetV2", _APPLICATIONS.mobilenet_v2.preprocess_input),
        ("NASNetMobile", _APPLICATIONS.nasnet.preprocess_input),
        ("InceptionV3", _APPLICATIONS.inception_v3.preprocess_input),
        ("InceptionResNetV2", _APPLICATIONS.inception_resnet_v2.preprocess_input),
        ("Xception", _APPLICATIONS.xception.preprocess_input),
        ("EfficientNetB0", _APPLICATIONS.efficientnet.preprocess_input),
        # What the others do in layers of their own, which are left out.
        ("ConvNeXtTiny", _APPLICATIONS.densenet.preprocess_input),
        ("EfficientNetV2B0", _APPLICATIONS.densenet.preprocess_input),
        ("ResNetRS50", _APPLICATIONS.densenet.preprocess_input),
        ("MobileNetV3Small", lambda images: images / 127.5 - 1.0),
        ("EfficientNetV2S", lambda images: images / 128.0 - 1.0),
        ("RegNetX002", lambda images: images / 255.0),
    )
    def test_equals_the_preprocessing_of_keras(self, name, preprocess_input):
        images = np.random.default_rng(0).integers(0, 256, [2, 4, 4, 3]).astype(np.float32)
        pixels = application_pixels(name)(images / 255.0)
        self.assertAllClose(pixels, preprocess_input(images.copy()), rtol=1e-5, atol=2e-5)

    def test_covers_every_backbone_of_keras(self):
        names = [name for name in dir(_APPLICATIONS) if name[0].isupper()]
        self.assertGreater(len(names), 30)
        self.assertCountEqual(application_names(), names)

    def test_unknown_name_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "name must be one of .*, got 'LeNet'"):
            application_pixels("LeNet")


class ApplicationTest(tf.test.TestCase, parameterized.TestCase):
    def test_grey_image_gives_what_the_backbone_of_keras_gives(self):
        """Reference: the whole MobileNetV3Small of Keras, with its own preprocessing."""
        network = application(name="MobileNetV3Small", input_shape=(32, 32, 1), embedding_size=7)
        images = np.random.default_rng(0).uniform(size=[2, 32, 32, 1]).astype(np.float32)
        backbone = _APPLICATIONS.MobileNetV3Small(
            weights=None, include_top=False, input_shape=(32, 32, 3), pooling="avg"
        )
        backbone.set_weights(network.get_weights()[:-2])  # all but the embedding layer
        expected = backbone(255.0 * np.repeat(images, 3, axis=-1))
        pooled = tf.keras.Model(network.input, network.get_layer("pooling").output)(images)
        self.assertAllClose(pooled / tf.norm(expected), expected / tf.norm(expected), atol=1e-5)
        self.assertEqual(network(images).shape, (2, 7))
        self.assertEqual([layer.name for layer in network.layers[:2]], ["image", "grey_to_rgb"])

    def test_colour_image_goes_through_the_pixel_layer_in_one_flat_graph(self):
        """RegNet is one of those that Keras would connect to the image itself."""
        network = application(name="RegNetX002", input_shape=(32, 32, 3))
        self.assertFalse([x for x in network.layers if isinstance(x, tf.keras.Model)])
        (node,) = network.get_layer("pixel_normalization").outbound_nodes
        self.assertIsInstance(node.outbound_layer, tf.keras.layers.Conv2D)
        self.assertLen(network.get_layer("image").outbound_nodes, 1)

    @parameterized.parameters("MobileNetV2", "MobileNetV3Small")
    def test_the_inference_view_folds_every_batch_norm_and_computes_the_same(self, name):
        tf.keras.utils.set_random_seed(0)
        arguments = {"embedding_size": 5, "batch_norm_momentum": 0.0}
        network = application(name=name, input_shape=(64, 64, 3), **arguments)
        for variable in network.variables:
            if "gamma" in variable.name or "beta" in variable.name:
                variable.assign_add(tf.random.uniform(variable.shape, -0.3, 0.3))
        images = tf.random.uniform([8, 64, 64, 3])
        network(images, training=True)  # From here on the statistics are those of the images.
        view = InferenceView(network=network)
        norms = [x for x in network.layers if isinstance(x, tf.keras.layers.BatchNormalization)]
        self.assertCountEqual(view.folded, [layer.name for layer in norms])
        embeddings = network(images)
        self.assertGreater(tf.reduce_min(tf.math.reduce_std(embeddings, axis=0)), 0.1)
        # Images that differ by 1e-7, as by rounding, move these embeddings by 3e-5.
        self.assertAllClose(view(images), embeddings, atol=3e-4)

    def test_embeddings_are_float32_under_mixed_precision(self):
        self.addCleanup(
            tf.keras.mixed_precision.set_global_policy, tf.keras.mixed_precision.global_policy()
        )
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        network = application(input_shape=(32, 32, 3), **_SMALL)
        embeddings = network(tf.random.uniform([4, 32, 32, 3]), training=True)
        self.assertEqual(network.get_layer("conv1").compute_dtype, "bfloat16")
        self.assertEqual(embeddings.dtype, tf.float32)
        self.assertAllClose(tf.norm(embeddings, axis=-1), tf.ones(4), atol=1e-5)

    def test_running_statistics_follow_at_the_given_momentum(self):
        """After one step from mean 0 at momentum 0.75: a quarter of the batch's mean."""
        network = application(input_shape=(32, 32, 3), batch_norm_momentum=0.75, **_SMALL)
        images = tf.random.uniform([8, 32, 32, 3])
        convolved = tf.keras.Model(network.input, network.get_layer("conv1").output)(images)
        network(images, training=True)
        mean = network.get_layer("conv1_bn").moving_mean
        self.assertAllClose(mean, 0.25 * tf.reduce_mean(convolved, axis=(0, 1, 2)), atol=1e-5)

    def test_weights_come_from_a_file(self):
        backbone = _APPLICATIONS.MobileNet(
            alpha=0.25, weights=None, include_top=False, input_shape=(32, 32, 3)
        )
        file = os.path.join(self.create_tempdir(), "notop.h5")
        backbone.save_weights(file)
        network = application(input_shape=(64, 48, 1), weights=file, **_SMALL)
        for loaded, saved in zip(network.get_weights()[:-2], backbone.get_weights(), strict=True):
            self.assertAllEqual(loaded, saved)

    def test_weight_file_that_does_not_fit_is_an_error(self):
        folder = pathlib.Path(self.create_tempdir())
        other = tf.keras.Sequential([tf.keras.layers.Dense(2, input_shape=(3,))])
        other.save_weights(folder / "other.h5")
        (folder / "text.h5").write_text("no weights")
        for name in ("other.h5", "text.h5"):
            with self.assertRaisesRegex(ValueError, f"{name} does not fit MobileNet without its"):
                application(input_shape=(32, 32, 3), weights=folder / name, **_SMALL)

    def test_weights_must_be_an_existing_h5_file(self):
        folder = pathlib.Path(self.create_tempdir())
        (folder / "weights.ckpt").write_text("")
        with self.assertRaisesRegex(ValueError, "must be a file that ends in .h5, got '.*ckpt'"):
            application(input_shape=(32, 32, 3), weights=folder / "weights.ckpt", **_SMALL)
        with self.assertRaisesRegex(FileNotFoundError, "an existing .h5 file, got '/none.h5'"):
            application(input_shape=(32, 32, 3), weights="/none.h5", **_SMALL)

    def test_failed_download_says_what_was_tried(self):
        home = self.create_tempdir().full_path
        with (
            mock.patch.dict(os.environ, {"HOME": home}),
            mock.patch("socket.create_connection", side_effect=OSError("no network")),
            self.assertRaisesRegex(OSError, "of MobileNet could not .* https://.* no network"),
        ):
            application(name="MobileNet", input_shape=(128, 128, 3), weights="imagenet")

    @parameterized.parameters(
        ({"name": "Resnet50V2"}, "got 'Resnet50V2'; did you mean one of: ResNet50V2, "),
        ({"name": "LeNet"}, "got 'LeNet'; did you mean one of: "),
        ({"input_shape": (32, 32, 2)}, r"must have 1 or 3 channels .* got \(32, 32, 2\)"),
        ({"batch_norm_momentum": 1.0}, r"must be in \[0, 1\) or None, got 1.0"),
        ({"input_shape": (16, 16, 3)}, "MobileNet cannot be built with .*at least 32x32"),
        (
            {"backbone_arguments": {"width": 2, "include_top": True}},
            r"of MobileNet must be among \['alpha', .* got \['include_top', 'width'\]",
        ),
    )
    def test_bad_arguments_are_named(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            application(**({"name": "MobileNet", "input_shape": (32, 32, 3)} | arguments))


if __name__ == "__main__":
    tf.test.main()

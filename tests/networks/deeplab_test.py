"""Tests of the segmentation networks."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.networks.aspp import aspp_head
from rtml_tf.networks.deeplab import deeplab_resnet
from rtml_tf.networks.deeplab_mobilenet import deeplab_mobilenet
from rtml_tf.networks.deeplab_vgg import deeplab_vgg
from rtml_tf.networks.saving import load_network, save_network
from rtml_tf.networks.segmentation_network import check_segmentation_network, head_variables
from rtml_tf.networks.small_deeplab import small_deeplab

_SHAPE = (48, 64, 3)
_ANY = (None, None, 3)


class DeepLabTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        (lambda: deeplab_mobilenet(input_shape=_SHAPE, num_classes=5, width=0.35), 112),
        (lambda: deeplab_vgg(input_shape=_ANY, num_classes=5, fc_filters=32), 32),
        (lambda: small_deeplab(input_shape=_ANY, num_classes=5), 64),
    )
    def test_two_maps_of_an_eighth_of_the_image(self, make, channels):
        network = make()
        check_segmentation_network(network)
        outputs = network(tf.random.uniform([2, *_SHAPE]))
        shapes = {key: tuple(output.shape) for key, output in outputs.items()}
        self.assertEqual(shapes, {"p1": (2, 6, 8, 5), "p2": (2, 6, 8, 5)})
        kernels = [head_variables(network, head)[0] for head in ("p1", "p2")]
        self.assertEqual(kernels[0].shape, [3, 3, channels, 5])
        self.assertNotAllClose(kernels[0], kernels[1])

    def test_resnet_with_two_levels_has_the_published_size(self):
        """torchvision's ResNet-50 less its last layer; Keras's convolutions also have biases.

        A head is four 3x3 convolutions with biases, one on the 1024 channels of the last stage but
        one, one on the 2048 of the last; counted are trainable parameters.
        """
        network = deeplab_resnet(input_shape=_ANY, num_classes=19, depth=50, two_level=True)
        check_segmentation_network(network)
        count = sum(int(np.prod(w.shape)) for w in network.trainable_weights)
        norms = [x for x in network.layers if isinstance(x, tf.keras.layers.BatchNormalization)]
        biases = sum(norm.beta.shape[0] for norm in norms)
        heads = 4 * (9 * 1024 * 19 + 19) + 4 * (9 * 2048 * 19 + 19)
        self.assertEqual(count, 25_557_032 - 2_049_000 + biases + heads)
        outputs = network(tf.zeros([1, *_SHAPE]))
        self.assertEqual([outputs[x].shape for x in ("p1", "p2")], [(1, 6, 8, 19)] * 2)

    def test_weights_of_the_backbone_come_from_a_file(self):
        file = self.create_tempdir().full_path + "/vgg.h5"
        vgg = tf.keras.applications.VGG16(include_top=False, weights=None)
        vgg.save_weights(file)
        network = deeplab_vgg(input_shape=_ANY, num_classes=2, weights=file, fc_filters=4)
        for name in ("block1_conv1", "block5_conv3"):
            self.assertAllEqual(network.get_layer(name).kernel, vgg.get_layer(name).kernel)
        self.assertEqual(network.get_layer("block5_conv3").dilation_rate, (2, 2))

    def test_survives_saving_with_its_two_outputs(self):
        file = self.create_tempdir().full_path + "/network.keras"
        network = small_deeplab(input_shape=_ANY, num_classes=3)
        save_network(network, file)
        images = tf.random.uniform([1, *_SHAPE])
        expected, loaded = network(images), load_network(file)
        check_segmentation_network(loaded)
        for head in ("p1", "p2"):
            self.assertAllEqual(loaded(images)[head], expected[head])

    def test_logits_are_float32_under_mixed_precision(self):
        self.addCleanup(tf.keras.mixed_precision.set_global_policy, "float32")
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        network = small_deeplab(input_shape=_SHAPE, num_classes=3)
        check_segmentation_network(network)
        self.assertEqual(network.get_layer("p1_dilation1").compute_dtype, "bfloat16")

    @parameterized.parameters(
        (lambda: deeplab_resnet(input_shape=_ANY, num_classes=2, depth=18), "one of .50, 101, 152"),
        (lambda: small_deeplab(input_shape=_ANY, num_classes=1), "num_classes must be at least 2"),
        (lambda: small_deeplab(input_shape=(8, 64, 3), num_classes=2), "at least 16x16"),
        (lambda: small_deeplab(input_shape=_ANY, num_classes=2, filters=(1, 2)), "filters must be"),
        (lambda: small_deeplab(input_shape=_ANY, num_classes=2, blocks=0), "blocks must be .* 0"),
        (
            lambda: small_deeplab(input_shape=_ANY, num_classes=2, dilations=(1, 1)),
            "dilations must be at least two different positive integers, got .1, 1.",
        ),
    )
    def test_refuses(self, make, message):
        with self.assertRaisesRegex(ValueError, message):
            make()


class AsppHeadTest(tf.test.TestCase):
    def test_is_the_sum_of_dilated_convolutions(self):
        """Each kernel picks one neighbour, at its dilation: shifts of the input, by hand."""
        features = tf.keras.Input((9, 9, 1))
        head = aspp_head(features=features, num_classes=2, dilations=(1, 3), name="p1")
        network = tf.keras.Model(features, head)
        for name, row, bias in (("p1_dilation1", 0, 0.5), ("p1_dilation3", 2, 0.0)):
            kernel = np.zeros([3, 3, 1, 2], np.float32)
            kernel[row, 1, 0, 1] = 1.0
            network.get_layer(name).set_weights([kernel, np.full(2, bias, np.float32)])
        x = np.random.default_rng(0).normal(size=(9, 9)).astype(np.float32)
        padded = np.pad(x, 3)
        expected = padded[2:11, 3:12] + padded[6:15, 3:12] + 0.5
        self.assertAllClose(network(x[None, :, :, None])[0, :, :, 1], expected, atol=1e-6)

    def test_starts_near_zero(self):
        """Kernels of N(0, 0.01), which differ, and no bias."""
        features = tf.keras.Input((9, 9, 64))
        head = aspp_head(features=features, num_classes=19, dilations=(1, 2), name="p1")
        network = tf.keras.Model(features, head)
        first, second = (network.get_layer(f"p1_dilation{d}").get_weights() for d in (1, 2))
        self.assertAllClose(np.std(first[0]), 0.01, rtol=0.05)
        self.assertNotAllClose(first[0], second[0])
        self.assertAllEqual(first[1], np.zeros(19))


class CheckSegmentationNetworkTest(tf.test.TestCase):
    def test_says_what_is_wrong(self):
        image = tf.keras.Input((8, 8, 3))
        maps = [tf.keras.layers.Conv2D(k, 1, name=f"c{i}")(image) for i, k in enumerate((2, 2, 3))]
        for outputs, message in (
            (maps[0], 'must have the outputs {"p1": ..., "p2": ...}'),
            ({"p1": maps[0], "p2": maps[2]}, "two logit maps of one shape"),
            (
                {"p1": maps[0], "p2": tf.keras.layers.Conv2D(2, 1, dtype="float16")(image)},
                r"must return float32 logits, got \['float16', 'float32'\]",
            ),
        ):
            with self.assertRaisesRegex(ValueError, message):
                check_segmentation_network(tf.keras.Model(image, outputs))
        with self.assertRaisesRegex(ValueError, "functional tf.keras.Model, got None"):
            check_segmentation_network(None)
        network = tf.keras.Model(image, {"p1": maps[0], "p2": maps[1]})
        check_segmentation_network(network)
        with self.assertRaisesRegex(ValueError, "layers called p1_... with weights, got"):
            head_variables(network, "p1")


if __name__ == "__main__":
    tf.test.main()

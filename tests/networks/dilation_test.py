"""Tests of strides turned into dilations."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.networks.applications import application_features
from rtml_tf.networks.dilation import dilate


def _network(padded):
    """Strides 2, 2, 1, 2, 1 and a shortcut; `padded`: paddings as layers of their own."""

    def convolution(x, strides, layer=tf.keras.layers.Conv2D, **arguments):
        if not padded:
            return layer(kernel_size=3, strides=strides, padding="same", **arguments)(x)
        x = tf.keras.layers.ZeroPadding2D(((0, 1), (0, 1)) if strides == 2 else 1)(x)
        return layer(kernel_size=3, strides=strides, **arguments)(x)

    image = tf.keras.Input((None, None, 3))
    x = convolution(image, 2, filters=4)
    x = convolution(x, 2, tf.keras.layers.DepthwiseConv2D)
    x = convolution(x, 1, filters=4)
    x = tf.keras.layers.Add()(
        [convolution(x, 2, filters=5), tf.keras.layers.Conv2D(5, 1, strides=2)(x)]
    )
    x = convolution(x, 1, filters=6)
    return tf.keras.Model(image, x)


class DilationTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(padded=(False, True), output_stride=(2, 4))
    def test_holds_what_the_network_computes_at_every_position(self, padded, output_stride):
        """Strided 3x3 convolutions of even maps are centred on odd positions, 1x1 on even ones.

        So that both agree, the 1x1 shortcut is 0 here.
        """
        tf.keras.utils.set_random_seed(0)
        network = _network(padded)
        shortcut = next(x for x in network.layers if getattr(x, "kernel_size", 0) == (1, 1))
        shortcut.set_weights([0.0 * w for w in shortcut.get_weights()])
        images = tf.random.uniform([1, 128, 128, 3])
        original = network(images).numpy()
        dilated = dilate(network=network, output_stride=output_stride)(images).numpy()
        self.assertEqual(dilated.shape[1], 128 // output_stride)
        step = 8 // output_stride
        offset = step - 1  # 2i + 1 for one stride taken away, 2 (2i + 1) + 1 for two
        kept = dilated[:, offset::step, offset::step]
        inner = np.s_[:, 3:-3, 3:-3]
        self.assertAllClose(kept[inner], original[inner], atol=1e-5)

    def test_resnet_has_the_dilations_of_deeplab(self):
        """2 in the fourth stage, 4 in the fifth, in every 3x3 convolution."""
        network = application_features(name="ResNet50", input_shape=(64, 64, 3))
        dilated = dilate(network=network, output_stride=8)
        self.assertEqual(dilated.output_shape, (None, 8, 8, 2048))
        rates = {x.name: x.dilation_rate[0] for x in dilated.layers if x.name.endswith("_2_conv")}
        for name, rate in rates.items():
            self.assertEqual(rate, {"conv4": 2, "conv5": 4}.get(name[:5], 1), name)
        # Its strides are in 1x1 convolutions, so that the outputs are the same to the border.
        images = tf.random.uniform([1, 64, 64, 3])
        self.assertAllClose(dilated(images)[:, ::4, ::4], network(images), rtol=1e-4, atol=1e-4)

    def test_mobilenet_keeps_its_size(self):
        network = application_features(
            name="MobileNetV2", input_shape=(48, 64, 3), backbone_arguments={"alpha": 0.35}
        )
        dilated = dilate(network=network, output_stride=8)
        self.assertEqual(dilated.output_shape, (None, 6, 8, 1280))

    def test_refuses(self):
        network = application_features(name="VGG16", input_shape=(32, 32, 3))
        with self.assertRaisesRegex(ValueError, "8 would dilate the pooling layer 'block4_pool'"):
            dilate(network=network, output_stride=8)
        with self.assertRaisesRegex(ValueError, "output_stride must be a power of 2, got 6"):
            dilate(network=network, output_stride=6)


if __name__ == "__main__":
    tf.test.main()

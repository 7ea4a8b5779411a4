"""Tests of joining two networks."""

import tensorflow as tf

from rtml_tf.layers.pixel_normalization import PixelNormalization
from rtml_tf.networks.joining import join_networks


class JoinNetworksTest(tf.test.TestCase):
    def test_joined_network_is_flat_and_equals_one_after_the_other(self):
        image = tf.keras.Input((5, 5, 2), name="image")
        pixels = tf.keras.layers.Conv2D(3, 1, name="mix")(PixelNormalization(name="pixels")(image))
        first = tf.keras.Model(image, pixels)
        source = tf.keras.Input((5, 5, 3), name="features")
        features = tf.keras.layers.BatchNormalization(name="norm")(source)
        # The input is used twice, also as an argument of a function.
        second = tf.keras.Model(source, tf.math.multiply(x=features, y=source), name="second")
        second.set_weights([tf.random.uniform(w.shape, 0.5, 1.5) for w in second.weights])

        joined = join_networks(first=first, second=second)

        images = tf.random.uniform([2, 5, 5, 2])
        self.assertAllEqual(joined(images), second(first(images)))
        self.assertEqual(joined.name, "second")
        names = [layer.name for layer in joined.layers]
        self.assertEqual(names[:4], ["image", "pixels", "mix", "norm"])
        joined.get_layer("mix").kernel.assign_add(tf.ones([1, 1, 2, 3]))
        self.assertNotAllClose(joined(images), second(first(images)))
        self.assertLen(first.get_layer("mix").outbound_nodes, 0)

    def test_a_layer_that_is_called_like_the_input_of_the_second_keeps_its_weights(self):
        image = tf.keras.Input((3,), name="image")
        first = tf.keras.Model(image, tf.keras.layers.Dense(4, name="features")(image))
        source = tf.keras.Input((4,), name="features")
        second = tf.keras.Model(source, tf.keras.layers.Dense(2, name="last")(source))
        joined = join_networks(first=first, second=second)
        vectors = tf.random.uniform([2, 3])
        self.assertAllEqual(joined(vectors), second(first(vectors)))


if __name__ == "__main__":
    tf.test.main()

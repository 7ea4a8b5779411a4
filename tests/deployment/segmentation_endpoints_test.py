"""Tests of exported segmentation networks."""

import pathlib

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.deployment.saved_model_form import SavedModelForm
from rtml_tf.deployment.segmentation_endpoints import SegmentationEndpoints
from rtml_tf.deployment.tflite_forms import Int8
from rtml_tf.evaluation.segmentation_maps import predicted_classes
from tests.deployment.tiny_networks import embedding_network, images


def _network():
    """Two heads of three classes at half the size of 8x6 images."""
    image = tf.keras.Input((8, 6, 3), name="image")
    tf.keras.utils.set_random_seed(0)
    heads = {p: tf.keras.layers.Conv2D(3, 2, strides=2, name=p)(image) for p in ("p1", "p2")}
    return tf.keras.Model(image, heads)


class SegmentationEndpointsTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(False, True)
    def test_gives_what_evaluation_gives(self, aligned_corners):
        network = _network()
        path = pathlib.Path(self.create_tempdir().full_path) / "saved_model"
        endpoints = SegmentationEndpoints(network=network, aligned_corners=aligned_corners)
        SavedModelForm().write(endpoints, path, images(1))
        signatures = tf.saved_model.load(str(path)).signatures
        self.assertEqual(list(signatures), ["segment"])
        given = signatures["segment"](image=tf.constant(images(2)))
        heads = network(images(2))
        self.assertAllEqual(
            given["mask"], predicted_classes(heads["p1"], heads["p2"], (8, 6), aligned_corners)
        )
        self.assertAllEqual(given["mask"], tf.argmax(given["logits"], axis=-1))
        with self.assertRaisesRegex(tf.errors.OpError, "image must lie in"):
            signatures["segment"](image=tf.constant(2.0 + images(2)))

    def test_in_int8(self):
        path = pathlib.Path(self.create_tempdir().full_path) / "network.tflite"
        endpoints = SegmentationEndpoints(network=_network())
        Int8().write(endpoints, path, images(40))
        logits = endpoints.outputs(tf.constant(images(3)))["logits"]
        self.assertAllClose(Int8().load(endpoints, path)(images(3)), logits, atol=0.05)

    def test_refuses_a_network_that_embeds(self):
        with self.assertRaisesRegex(ValueError, 'must have the outputs {"p1"'):
            SegmentationEndpoints(network=embedding_network())


if __name__ == "__main__":
    tf.test.main()

"""Tests of exported segmentation networks."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.label_set import LabelSet
from rtml_tf.data.segmentation_source import SegmentationSource
from rtml_tf.deployment.saved_model_form import SavedModelForm
from rtml_tf.deployment.segmentation_endpoints import SegmentationEndpoints
from rtml_tf.deployment.tflite_forms import Float32, Int8
from rtml_tf.evaluation.segmentation import SegmentationEvaluation
from rtml_tf.evaluation.segmentation_maps import predicted_classes
from tests.deployment.tiny_networks import embedding_network, images


def _network():
    """Two heads of three classes at half the size of 8x6 images."""
    image = tf.keras.Input((8, 6, 3), name="image")
    tf.keras.utils.set_random_seed(0)
    heads = {p: tf.keras.layers.Conv2D(3, 2, strides=2, name=p)(image) for p in ("p1", "p2")}
    return tf.keras.Model(image, heads)


class _Images(SegmentationSource):
    """The images of `images(3)`, with masks."""

    def __init__(self, masks):
        self.keys = ("a", "b", "c")
        self.image_shape, self.mask_size = (8, 6, 3), (8, 6)
        names = ("x", "y", "z")
        self.label_set = LabelSet(
            class_names=names,
            palette=[(9 * i, 0, 0) for i in range(3)],
            classes_of=dict(enumerate(names)),
        )
        self._masks = masks

    def load(self, index):
        return self.load_image(index), tf.gather(tf.constant(self._masks), index)

    def load_image(self, index):
        return tf.gather(images(3), index)


class SegmentationEndpointsTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(False, True)
    def test_gives_what_evaluation_gives(self, aligned_corners):
        network = _network()
        path = pathlib.Path(self.create_tempdir().full_path) / "saved_model"
        endpoints = SegmentationEndpoints(network=network, aligned_corners=aligned_corners)
        SavedModelForm().write(endpoints, path, images(1))
        signatures = tf.saved_model.load(str(path)).signatures
        self.assertEqual(list(signatures), ["segment", "serving_default"])
        given = signatures["segment"](image=tf.constant(images(2)))
        heads = network(images(2))
        self.assertAllEqual(
            given["mask"], predicted_classes(heads["p1"], heads["p2"], (8, 6), aligned_corners)
        )
        self.assertAllEqual(given["mask"], tf.argmax(given["logits"], axis=-1))
        for bad, message in (
            (2.0 + images(2), "image must lie in"),
            (images(2, (6, 8, 3)), r"\[2,6,8,3\] is not compatible with .* \[\?,8,6,3\]"),
            (images(2).astype("float64"), "float|double"),
        ):
            with self.assertRaisesRegex((ValueError, TypeError, tf.errors.OpError), message):
                signatures["segment"](image=tf.constant(bad))

    @parameterized.parameters(SavedModelForm, Float32)
    def test_evaluation_takes_the_file_for_the_network(self, form):
        """Masks are those of the network's own prediction, but for one class of one image."""
        network = _network()
        path = pathlib.Path(self.create_tempdir().full_path) / "network.tflite"
        endpoints = SegmentationEndpoints(network=network)
        form().write(endpoints, path, images(1))
        masks = endpoints.outputs(tf.constant(images(3)))["mask"].numpy()
        masks[0] = 1
        evaluation = SegmentationEvaluation(source=_Images(masks))
        figures = evaluation.evaluate(form().load(endpoints, path))
        self.assertEqual(figures, evaluation.evaluate(network))
        right = np.mean(masks == endpoints.outputs(tf.constant(images(3)))["mask"])
        self.assertAlmostEqual(figures["pixel_accuracy"], right)
        self.assertLess(right, 1.0)

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

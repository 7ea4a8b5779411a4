"""Tests of the segmentation figures of a network and of their picture."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image
from sklearn import metrics

from rtml_tf.data.label_set import LabelSet
from rtml_tf.data.segmentation_source import SegmentationSource
from rtml_tf.evaluation.segmentation import SegmentationEvaluation
from rtml_tf.evaluation.segmentation_picture import overlay
from tests.aligned_corners import resize_aligned

_CLASSES = 3
_COUNT = 5


class _Noise(SegmentationSource):
    """Five images of 4x6 random pixels whose masks of 8x12 were drawn as well."""

    label_set = LabelSet(
        class_names=("a", "b", "c"),
        palette=((255, 0, 0), (0, 255, 0), (0, 0, 255)),
        classes_of={0: "a", 1: "b", 2: "c"},
    )
    keys = tuple(map(str, range(_COUNT)))
    image_shape = (4, 6, 2 * _CLASSES)
    mask_size = (8, 12)

    def __init__(self):
        rng = np.random.default_rng(5)
        self.images = rng.random((_COUNT, *self.image_shape)).astype(np.float32)
        self.masks = rng.integers(0, _CLASSES, (_COUNT, *self.mask_size)).astype(np.int32)
        self.masks[:, :2] = 255

    def load(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.load_image(index), tf.gather(tf.constant(self.masks), index)

    def load_image(self, index: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.constant(self.images), index)


@tf.keras.utils.register_keras_serializable(package="tests")
class _Channels(tf.keras.layers.Layer):
    """Some channels, times ten."""

    def __init__(self, first: int, last: int, **kwargs):
        super().__init__(**kwargs)
        self._first, self._last = first, last

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return 10.0 * images[..., self._first : self._last]


def _network(first=(0, 3), second=(3, 6), channels=6) -> tf.keras.Model:
    """The first channels of an image are the logits of one head, the others of the other."""
    image = tf.keras.Input((4, 6, channels))
    outputs = {"p1": _Channels(*first)(image), "p2": _Channels(*second)(image)}
    return tf.keras.Model(image, outputs, name="channels")


class SegmentationEvaluationTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters((False, tf.image.resize), (True, resize_aligned))
    def test_figures_of_the_summed_heads_at_the_size_of_the_masks(self, aligned, resize):
        """Resizing by the definition of each convention, figures by scikit-learn."""
        source = _Noise()
        evaluation = SegmentationEvaluation(source=source, batch_size=2, aligned_corners=aligned)
        figures = evaluation.evaluate(_network())
        logits = source.images[..., :_CLASSES] + source.images[..., _CLASSES:]
        prediction = np.argmax(resize(logits, (8, 12)), axis=-1)
        known = source.masks != 255
        pixels = source.masks[known], prediction[known]
        iou = metrics.jaccard_score(*pixels, average=None)
        expected = {"miou": iou.mean(), "pixel_accuracy": metrics.accuracy_score(*pixels)}
        expected["mean_recall"] = metrics.recall_score(*pixels, average="macro")
        expected |= {"iou/a": iou[0], "iou/b": iou[1], "iou/c": iou[2]}
        self.assertEqual(tuple(figures), evaluation.figure_names)
        self.assertAllClose(figures, expected, rtol=1e-6)

    def test_some_classes(self):
        """The network still takes pixels of "a" for "b"; those of "b" are void."""
        source = _Noise()
        evaluation = SegmentationEvaluation(source=source, classes=("c", "a"))
        figures = evaluation.evaluate(_network())
        source.masks[source.masks == 1] = 255
        everything = SegmentationEvaluation(source=source).evaluate(_network())
        self.assertEqual(evaluation.figure_names[3:], ("iou/c", "iou/a"))
        self.assertAllClose(figures["iou/a"], everything["iou/a"])
        self.assertAllClose(figures["miou"], (everything["iou/a"] + everything["iou/c"]) / 2)
        self.assertEqual(evaluation.describe()["classes"], ["c", "a"])

    def test_draws_examples(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        evaluation = SegmentationEvaluation(source=_Pictures(), pictures=2)
        with self.assertRaisesRegex(ValueError, "plot needs the network"):
            evaluation.plot({}, folder, "dusk, second half")
        network = _network((0, 3), (0, 3), channels=3)
        evaluation.plot(evaluation.evaluate(network), folder, "dusk, second half")
        with Image.open(folder / "dusk_second_half.png") as picture:
            pixels = np.asarray(picture.convert("RGB")).reshape(-1, 3)
        # The truth of the picture is class "b" everywhere, laid over black: 0.7 of its green.
        self.assertGreater(np.mean(np.all(np.abs(pixels - [0, 178, 0]) <= 1, axis=1)), 0.05)
        self.assertNotEmpty(list((folder / "tensorboard").iterdir()))

    def test_overlay_by_hand(self):
        mask = np.array([[0, 2, 255]])
        laid = overlay(np.full((1, 3, 1), 0.5, np.float32), mask, _Noise.label_set)
        self.assertAllClose(laid, [[[0.85, 0.15, 0.15], [0.15, 0.15, 0.85], [0.15] * 3]])

    @parameterized.parameters(
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"pictures": -1}, "pictures must not be negative"),
        ({"classes": ()}, "classes must name at least one class"),
        ({"classes": ("d",)}, "no class 'd' in a, b, c"),
    )
    def test_refuses_arguments(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            SegmentationEvaluation(source=_Noise(), **arguments)

    def test_refuses_networks(self):
        evaluation = SegmentationEvaluation(source=_Noise())
        with self.assertRaisesRegex(ValueError, "logits for 2 classes, the masks have 3"):
            evaluation.evaluate(_network((0, 2), (2, 4)))
        image = tf.keras.Input((4, 6, 1))
        with self.assertRaisesRegex(ValueError, r"takes inputs of shape \(4, 6, 1\)"):
            outputs = {head: _Channels(0, 1)(image) for head in ("p1", "p2")}
            evaluation.evaluate(tf.keras.Model(image, outputs))


class _Pictures(_Noise):
    """Black images, all of them of class "b"."""

    image_shape = (4, 6, 3)

    def __init__(self):
        super().__init__()
        self.images = np.zeros((_COUNT, *self.image_shape), np.float32)
        self.masks = np.ones((_COUNT, *self.mask_size), np.int32)


if __name__ == "__main__":
    tf.test.main()

"""Tests of the source of rows of an array."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.source import Subset

_ROWS = np.arange(12.0).reshape(4, 3)


class ArraySourceTest(parameterized.TestCase, tf.test.TestCase):
    def test_hands_out_rows(self):
        source = ArraySource(keys="abcd", array=_ROWS, labels=[1, 0, 1, 0], class_names=["x", "y"])
        self.assertLen(source, 4)
        self.assertEqual((source.image_shape, source.keys), ((3,), tuple("abcd")))
        self.assertEqual((source.class_names, source.num_classes), (("x", "y"), 2))
        rows = tf.data.Dataset.range(4).map(source.load)
        self.assertEqual(rows.element_spec, tf.TensorSpec([3], tf.float32))
        self.assertAllEqual(list(rows), _ROWS)
        self.assertAllEqual(Subset(source, [3, 1]).load(tf.constant(0, tf.int64)), _ROWS[3])

    @parameterized.parameters((np.uint8, 255), (np.uint16, 65535))
    def test_whole_numbers_become_images(self, dtype, largest: int):
        images = np.random.default_rng(0).integers(0, largest + 1, (2, 4, 5, 3)).astype(dtype)
        images[1, 0, 0] = [0, 1, largest]
        source = ArraySource(keys="ab", array=images)
        self.assertEqual(source.image_shape, (4, 5, 3))
        loaded = source.load(tf.constant(1, tf.int64))
        self.assertAllClose(loaded, images[1] / largest)
        self.assertAllInRange(loaded, 0.0, 1.0)

    def test_numbers_that_are_no_images_keep_their_range(self):
        rows = np.array([[0, 70], [65535, 3]], np.uint16)
        source = ArraySource(keys="ab", array=rows)
        self.assertAllEqual(source.load(tf.constant(1, tf.int64)), [65535.0, 3.0])

    def test_without_labels_all_are_of_one_unknown_class(self):
        source = ArraySource(keys="abcd", array=_ROWS)
        self.assertEqual((source.labels.tolist(), source.class_names), ([0] * 4, ("unknown",)))

    def test_classes_without_names_are_numbered(self):
        source = ArraySource(keys="abcd", array=_ROWS, labels=np.array([2, 1, 0, 2]))
        self.assertEqual((source.class_names, source.labels.dtype), (("0", "1", "2"), np.int32))

    @parameterized.parameters(
        ({"array": np.zeros((0, 3))}, r"not empty, got an array of shape \(0, 3\)"),
        ({"array": np.zeros(4)}, r"\[N, F\] or \[N, H, W, C\] .* shape \(4,\)"),
        ({"array": np.full((4, 3), "x")}, "array must hold real numbers, got <U1"),
        ({"array": _ROWS * np.float64(1e300)}, r"finite in float32, but is not for keys \(4\): a"),
        ({"array": np.where(_ROWS == 4.0, np.nan, _ROWS)}, r"is not for keys \(1\): b\."),
        (
            {"array": np.arange(-1.0, 3.0).reshape(4, 1, 1, 1)},
            r"images in \[0, 1\] .* from -1 to 2, outside for keys \(2\): a, d",
        ),
        ({"keys": "abc"}, "one key a row, got 3 for 4"),
        ({"keys": "abab"}, r"The source has duplicated keys \(2\): a, b"),
        ({"class_names": ["x"]}, "class_names are of no use without labels"),
        ({"labels": [0, 1]}, "for each of 4 examples, got int64 of shape"),
        ({"labels": [0.0] * 4}, "whole number for each of 4 examples, got float64"),
        (
            {"labels": [0, 1, 3, 3]},
            "from 0 to 3 and no other, .* from 0 to 3 and none of 1 classes",
        ),
        ({"labels": [-1, 0, 1, 1]}, "from 0 to 1 and no other, got values from -1"),
        ({"labels": [0, 1, 1, 0], "class_names": "xyz"}, "none of 1 classes"),
    )
    def test_refuses(self, arguments: dict, message: str):
        with self.assertRaisesRegex(ValueError, message):
            ArraySource(**({"keys": "abcd", "array": _ROWS} | arguments))


if __name__ == "__main__":
    tf.test.main()

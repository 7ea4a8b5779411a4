"""Tests of the reader of Cars-196 on small copies of both of its layouts."""

import os

import numpy as np
import scipy.io
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from rtml_tf.data.cars import Cars196

NAMES = ["AM General Hummer", "Acura RL", "Ram C/V"]
# Files and classes; boxes count from 1 and include their last pixel.
TRAINED = [("00001.jpg", 2), ("00002.jpg", 1)]
TESTED = [("00001.jpg", 3), ("00002.jpg", 2), ("00003.jpg", 3)]
BOX = {"bbox_x1": 3, "bbox_y1": 2, "bbox_x2": 5, "bbox_y2": 6}
OBJECT = np.arange(200, 245, 3, np.uint8).reshape(5, 3)


def _records(rows, path_field, **changes):
    """A struct array as MATLAB writes it: 1xN, each value a 1x1 matrix of a small integer type."""
    kind = [(name, object) for name in (path_field, "class", *BOX)]
    records = np.zeros((1, len(rows)), kind)
    for number, (path, class_number) in enumerate(rows):
        values = {path_field: path, "class": class_number, **BOX, **changes}
        for name in records.dtype.names:
            value = values[name]
            records[name][0, number] = value if isinstance(value, str) else np.uint8([[value]])
    return records


def _cell(names):
    cell = np.empty((1, len(names)), object)
    cell[0] = names
    return cell


class Cars196Test(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._root = self.create_tempdir().full_path

    def _path(self, *parts: str) -> str:
        path = os.path.join(self._root, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def _image(self, path: str, level: int):
        """Of one grey level, but for an object of 3x5 pixels at (2, 1)."""
        pixels = np.full((8, 6), level, np.uint8)
        pixels[1:6, 2:5] = OBJECT
        Image.fromarray(pixels).save(self._path(path), "PNG")

    def _devkit(self, labels_folder: str = "devkit", rows=TRAINED, **changes):
        train = {"annotations": _records(rows, "fname", **changes)}
        test = {"annotations": _records(TESTED, "fname")}
        scipy.io.savemat(self._path("devkit", "cars_train_annos.mat"), train)
        scipy.io.savemat(self._path(labels_folder, "cars_test_annos_withlabels.mat"), test)
        scipy.io.savemat(self._path("devkit", "cars_meta.mat"), {"class_names": _cell(NAMES)})
        for folder, images in (("cars_train", rows), ("cars_test", TESTED)):
            for number, (name, _) in enumerate(images):
                self._image(f"{folder}/{name}", 10 * number)

    def _archive(self):
        rows = [(f"car_ims/{i:06}.jpg", c) for i, (_, c) in enumerate(TRAINED + TESTED, 1)]
        contents = {
            "annotations": _records(rows, "relative_im_path"),
            "class_names": _cell(NAMES),
        }
        scipy.io.savemat(self._path("cars_annos.mat"), contents)
        for number, (path, _) in enumerate(rows):
            self._image(path, 10 * number)

    def _source(self, **arguments):
        defaults = {"root": self._root, "train_classes": 2, "image_size": (8, 6), "channels": 1}
        return Cars196(**(defaults | arguments))

    @parameterized.parameters("", "devkit")
    def test_the_devkit(self, labels_folder):
        self._devkit(labels_folder)
        source = self._source()
        self.assertEqual(
            source.keys,
            tuple(f"cars_train/{name}" for name, _ in TRAINED)
            + tuple(f"cars_test/{name}" for name, _ in TESTED),
        )
        self.assertAllEqual(source.labels, [1, 0, 2, 1, 2])
        self.assertEqual(source.class_names, tuple(NAMES))
        # Of both halves: training classes are not training images.
        self.assertAllEqual(self._source(part="train").labels, [1, 0, 1])
        test = self._source(part="test")
        self.assertEqual(test.keys, ("cars_test/00001.jpg", "cars_test/00003.jpg"))
        self.assertEqual(test.class_names, ("Ram C/V",))

    def test_the_single_archive(self):
        self._archive()
        source = self._source()
        self.assertAllEqual(source.labels, [1, 0, 2, 1, 2])
        self.assertEqual(source.keys[2], "car_ims/000003.jpg")
        for number, image in enumerate(tf.data.Dataset.range(5).map(source.load)):
            self.assertAllClose(image[0, 0, 0], 10 * number / 255)
        self.assertEqual(self._source(part="test").keys, (source.keys[2], source.keys[4]))

    def test_the_car_is_cut_out(self):
        self._archive()
        source = self._source(crop_to_box=True, image_size=(5, 3))
        for image in tf.data.Dataset.range(5).map(source.load):
            self.assertAllClose(image, OBJECT[..., np.newaxis] / np.float32(255))

    def test_one_annotation_is_read_like_many(self):
        self._devkit(rows=TRAINED[1:])
        self.assertAllEqual(self._source(part="train").labels, [0, 1])

    @parameterized.parameters(
        (
            {"class": 4},
            r"cars_train_annos.mat .* \(2\): annotation 1: class must be in 1..3, got 4",
        ),
        ({"class": "two"}, "annotation 1: expected a number as class, got 'two'"),
        ({"fname": 7}, "annotation 1: expected a path as fname, got 7"),
    )
    def test_malformed_annotations_are_named(self, change, message):
        self._devkit(**change)
        with self.assertRaisesRegex(ValueError, message):
            self._source()

    def test_files_that_do_not_fit_are_named(self):
        self._devkit()
        scipy.io.savemat(self._path("devkit", "cars_meta.mat"), {"names": 1})
        with self.assertRaisesRegex(ValueError, "cars_meta.mat has no variable 'class_names'"):
            self._source()
        self._devkit()
        scipy.io.savemat(self._path("devkit", "cars_train_annos.mat"), {"annotations": 1})
        with self.assertRaisesRegex(ValueError, "have no field fname, class, bbox_x1"):
            self._source()
        with open(self._path("devkit", "cars_train_annos.mat"), "wb") as stream:
            stream.write(b"damaged")
        with self.assertRaisesRegex(ValueError, "cars_train_annos.mat cannot be read as a MATLAB"):
            self._source()

    def test_missing_images_are_named(self):
        self._devkit()
        os.remove(self._path("cars_test", "00002.jpg"))
        with self.assertRaisesRegex(
            ValueError,
            r"\(1\): cars_test_annos_withlabels.mat, annotation 2: .*cars_test/00002.jpg",
        ):
            self._source()

    def test_a_folder_of_neither_layout_is_named(self):
        with self.assertRaisesRegex(ValueError, "cars_annos.mat, or a devkit; .*cars_meta.mat"):
            self._source()


if __name__ == "__main__":
    tf.test.main()

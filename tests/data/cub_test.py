"""Tests of the reader of CUB-200-2011 on a small copy of its layout."""

import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from rtml_tf.data.cub import CUB200

CLASSES = "1 001.Albatross\n2 002.Auklet\n3 003.Bunting\n"
# As in the official files, the order of the images is not that of the classes.
IMAGES = {
    1: ("002.Auklet/b_1.jpg", 2),
    2: ("001.Albatross/a_1.jpg", 1),
    4: ("003.Bunting/c_1.jpg", 3),
    5: ("001.Albatross/a_2.jpg", 1),
    6: ("003.Bunting/c 2.jpg", 3),
}
OBJECT = np.arange(200, 245, 3, np.uint8).reshape(5, 3)


class CUB200Test(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._root = self.create_tempdir().full_path
        self._write("classes.txt", CLASSES)
        self._write("images.txt", "".join(f"{n} {path}\n" for n, (path, _) in IMAGES.items()))
        self._write("image_class_labels.txt", "".join(f"{n} {c}\n" for n, (_, c) in IMAGES.items()))
        self._write("bounding_boxes.txt", "".join(f"{n} 2.0 1.0 3.0 5.0\n" for n in IMAGES))
        for number, (path, _) in IMAGES.items():
            file = os.path.join(self._root, "images", path)
            os.makedirs(os.path.dirname(file), exist_ok=True)
            # Of one grey level, but for an object of 3x5 pixels at (2, 1).
            pixels = np.full((8, 6), 10 * number, np.uint8)
            pixels[1:6, 2:5] = OBJECT
            Image.fromarray(pixels).save(file, "PNG")

    def _write(self, name: str, text: str):
        with open(os.path.join(self._root, name), "w", encoding="utf-8") as stream:
            stream.write(text)

    def _source(self, **arguments):
        defaults = {"root": self._root, "train_classes": 2, "image_size": (8, 6), "channels": 1}
        return CUB200(**(defaults | arguments))

    @parameterized.parameters(
        ("all", [1, 2, 4, 5, 6], [1, 0, 2, 0, 2]),
        ("train", [1, 2, 5], [1, 0, 0]),
        ("test", [4, 6], [0, 0]),
    )
    def test_parts_are_the_first_classes_and_the_others(self, part, numbers, labels):
        source = self._source(part=part)
        self.assertEqual(source.keys, tuple(IMAGES[number][0] for number in numbers))
        self.assertAllEqual(source.labels, labels)
        for image, number in zip(tf.data.Dataset.range(len(source)).map(source.load), numbers):
            self.assertAllClose(image[0, 0, 0], 10 * number / 255)
        names = [source.class_names[label] for label in source.labels]
        self.assertEqual(names, [os.path.dirname(key) for key in source.keys])

    def test_the_bird_is_cut_out(self):
        source = self._source(crop_to_box=True, image_size=(5, 3))
        for image in tf.data.Dataset.range(len(source)).map(source.load):
            self.assertAllClose(image, OBJECT[..., np.newaxis] / np.float32(255))

    def test_boxes_stay_with_their_images_where_some_are_left_out(self):
        self._write("bounding_boxes.txt", "1 0 0 2 2\n2 0 0 2 2\n4 0 0 1 1\n5 0 0 2 2\n6 2 1 3 5\n")
        with open(os.path.join(self._root, "images", IMAGES[4][0]), "wb") as stream:
            stream.write(b"damaged")
        source = self._source(
            part="test", crop_to_box=True, image_size=(5, 3), skip_unreadable=True
        )
        self.assertLen(source, 1)
        self.assertAllClose(
            source.load(tf.constant(0, tf.int64)), OBJECT[..., np.newaxis] / np.float32(255)
        )

    def test_boxes_need_no_file_where_nothing_is_cut_out(self):
        os.remove(os.path.join(self._root, "bounding_boxes.txt"))
        self._source()
        with self.assertRaisesRegex(ValueError, "There is no file .*bounding_boxes.txt"):
            self._source(crop_to_box=True)

    def test_the_split_of_the_paper_is_the_default(self):
        with self.assertRaisesRegex(ValueError, "on both sides of 3, got 100"):
            CUB200(root=self._root, image_size=(2, 2))

    @parameterized.parameters(
        ("image_class_labels.txt", "1 2\n2 x\n", "image_class_labels.txt .*line 2: expected"),
        ("image_class_labels.txt", "1 2\n", "images.txt, line 2: image 2 is not in image_class_la"),
        (
            "images.txt",
            "1 002.Auklet/b_1.jpg\n",
            "image_class_labels.txt, line 2: image 2 is not in images.txt",
        ),
        ("classes.txt", "1 a\n2 b\n", r"not in classes.txt \(2\): line 3: 3; line 5: 3"),
        ("bounding_boxes.txt", "1 0 0 2\n", "bounding_boxes.txt .*line 1: expected <number> <x>"),
        ("bounding_boxes.txt", "1 0 0 2 2\n", "line 2: image 2 is not in bounding_boxes.txt"),
    )
    def test_lines_that_do_not_fit_are_named(self, name, text, message):
        self._write(name, text)
        with self.assertRaisesRegex(ValueError, message):
            self._source(crop_to_box=True)

    def test_missing_images_are_named(self):
        os.remove(os.path.join(self._root, "images", IMAGES[5][0]))
        with self.assertRaisesRegex(
            ValueError, r"do not exist \(1\): images.txt, line 4: .*images/001.Albatross/a_2.jpg"
        ):
            self._source()
        self._source(part="test")  # Of another part.

    def test_an_unknown_part_is_refused(self):
        with self.assertRaisesRegex(ValueError, "one of train, test, all, got 'validation'"):
            self._source(part="validation")


if __name__ == "__main__":
    tf.test.main()

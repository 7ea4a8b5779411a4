"""Tests of the reader of Stanford Online Products on a small copy of its layout."""

import os

import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from rtml_tf.data.online_products import OnlineProducts

HEADER = "image_id class_id super_class_id path\n"
TRAIN = [
    (1, 1, 1, "bicycle_final/11_0.JPG"),
    (2, 1, 1, "bicycle_final/11_1.JPG"),
    (3, 2, 5, "coffee_maker_final/12_0.JPG"),
]
TEST = [(4, 11319, 1, "bicycle_final/13_0.JPG"), (5, 11320, 1, "bicycle_final/14_0.JPG")]


def _text(rows):
    return HEADER + "".join(" ".join(map(str, row)) + "\n" for row in rows)


class OnlineProductsTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._root = self.create_tempdir().full_path
        for number, _, _, path in TRAIN + TEST:
            file = os.path.join(self._root, path)
            os.makedirs(os.path.dirname(file), exist_ok=True)
            Image.new("L", (3, 3), 20 * number).save(file, "PNG")
        self._write("Ebay_train.txt", _text(TRAIN))
        self._write("Ebay_test.txt", _text(TEST))

    def _write(self, name: str, text: str):
        with open(os.path.join(self._root, name), "w", encoding="utf-8") as stream:
            stream.write(text)

    def _source(self, **arguments):
        return OnlineProducts(root=self._root, image_size=(3, 3), channels=1, **arguments)

    @parameterized.parameters(
        ("train", TRAIN, [0, 0, 1], ("bicycle 1", "coffee_maker 2")),
        ("test", TEST, [0, 1], ("bicycle 11319", "bicycle 11320")),
        (
            "all",
            TRAIN + TEST,
            [0, 0, 1, 2, 3],
            ("bicycle 1", "coffee_maker 2", "bicycle 11319", "bicycle 11320"),
        ),
    )
    def test_parts_are_the_two_files(self, part, rows, labels, class_names):
        source = self._source(part=part)
        self.assertEqual(source.keys, tuple(row[3] for row in rows))
        self.assertEqual(source.class_names, class_names)
        self.assertAllEqual(source.labels, labels)
        for image, row in zip(tf.data.Dataset.range(len(source)).map(source.load), rows):
            self.assertAllClose(image[0, 0, 0], 20 * row[0] / 255)

    @parameterized.parameters(
        (_text(TRAIN)[len(HEADER) :], "line 1: expected 'image_id class_id"),
        (HEADER + "1 1 bicycle_final/11_0.JPG\n", "line 2: expected <number> <class_id> <super"),
        (_text([*TRAIN, (1, 2, 5, "x.JPG")]), "line 5: 1 is on line 2 already"),
        (_text([*TRAIN, (9, 2, 5, "no.JPG")]), r"\(1\): Ebay_train.txt, line 5: .*/no.JPG"),
    )
    def test_lines_that_do_not_fit_are_named(self, text, message):
        self._write("Ebay_train.txt", text)
        with self.assertRaisesRegex(ValueError, message):
            self._source(part="train")

    def test_an_unknown_part_is_refused(self):
        with self.assertRaisesRegex(ValueError, "one of train, test, all, got 'info'"):
            self._source(part="info")


if __name__ == "__main__":
    tf.test.main()

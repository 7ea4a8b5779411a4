"""Tests of the source of a table of paths and labels."""

import os

import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from rtml_tf.data.image_index import ImageIndex


class ImageIndexTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._root = self.create_tempdir().full_path
        for name in ("a.png", "b.png", "c, d.png"):
            Image.new("L", (3, 3)).save(os.path.join(self._root, name))

    def _index(self, text: str, name: str = "index.csv", **arguments: object) -> ImageIndex:
        path = os.path.join(self._root, name)
        with open(path, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        return ImageIndex(file=path, image_size=(3, 3), channels=1, **arguments)

    @parameterized.named_parameters(
        ("plain", 'b.png,cat\na.png,ant\n"c, d.png",cat\n', "index.csv"),
        ("header", 'path,label\nb.png,cat\na.png,ant\n"c, d.png",cat\n', "index.csv"),
        ("tabs", "b.png\tcat\na.png\tant\nc, d.png\tcat\n", "index.TSV"),
        ("spaces_and_lines", '\nb.png , cat\r\na.png,ant\r\n\r\n"c, d.png",cat', "index.txt"),
        (
            "more_columns",
            'Label,Split,Path\ncat,1,b.png\nant,,a.png\ncat,2,"c, d.png"\n',
            "index.csv",
        ),
        ("byte_order_mark", '\ufeffb.png,cat\na.png,ant\n"c, d.png",cat\n', "index.csv"),
    )
    def test_reads(self, text: str, name: str):
        index = self._index(text, name)
        self.assertEqual(index.keys, ("b.png", "a.png", "c, d.png"))
        self.assertEqual(index.class_names, ("ant", "cat"))
        self.assertAllEqual(index.labels, [1, 0, 1])
        images = list(tf.data.Dataset.range(3).map(index.load))
        self.assertEqual(images[0].shape, (3, 3, 1))

    def test_numbers_are_sorted_as_numbers(self):
        index = self._index("a.png,10\nb.png,9\n")
        self.assertEqual(index.class_names, ("9", "10"))

    def test_another_root(self):
        text = "a.png,x\nb.png,y\n"
        file = self.create_tempfile("elsewhere.csv", text).full_path
        index = ImageIndex(file=file, root=self._root, image_size=(3, 3))
        self.assertEqual(index.paths[0], os.path.join(self._root, "a.png"))

    @parameterized.named_parameters(
        ("one_column", "a.png,x\nb.png\n", r"malformed lines \(1\): line 2: expected a path and"),
        ("three_columns", "a.png,x,y\n", r"line 1: expected"),
        ("no_label", "a.png,x\nb.png, \n", r"line 2: expected"),
        ("twice", "a.png,x\nb.png,x\na.png,y\n", r"line 3: a\.png is on line 1 already"),
        ("missing", "a.png,x\nz.png,y\n", r"files that do not exist \(1\): line 2: .*/z\.png"),
        ("open_quote", 'a.png,x\n"b.png,x\n', "cannot be read as a table after line 2"),
        ("empty", "path,label\n\n", "lists no image"),
        ("many", "a\n" * 7, r"\(7\): line 1: .*line 5: [^;]*; and 2 more"),
    )
    def test_names_the_line(self, text: str, message: str):
        with self.assertRaisesRegex(ValueError, message):
            self._index(text)

    def test_refuses_a_missing_file(self):
        with self.assertRaisesRegex(ValueError, "file must be an existing CSV or TSV .*'no.csv'"):
            ImageIndex(file="no.csv", image_size=(3, 3))


if __name__ == "__main__":
    tf.test.main()

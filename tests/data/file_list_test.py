"""Tests of finding files by patterns and by lists."""

import os

from absl.testing import absltest, parameterized

from rtml_tf.data.file_list import list_files


class FileListTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self._root = self.create_tempdir().full_path
        for name in ("b.png", "a.jpg", "deep/c.png", "deep/er/d.png", ".hidden.png"):
            path = os.path.join(self._root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "wb").close()

    def _list_file(self, text: str) -> str:
        return self.create_tempfile("list.txt", text).full_path

    @parameterized.parameters(
        ("*.png", ("b.png",)),
        ("**/*.png", ("b.png", "deep/c.png", "deep/er/d.png")),
        (["*", "b.*", "*/c.png"], ("a.jpg", "b.png", "deep/c.png")),
    )
    def test_patterns(self, files, expected):
        self.assertEqual(list_files(folder=self._root, files=files), expected)

    def test_a_list_keeps_its_order(self):
        file = self._list_file("\ufeffdeep/c.png\n\n  b.png \n")
        self.assertEqual(list_files(folder=self._root, list_file=file), ("deep/c.png", "b.png"))

    def test_names_the_lines_that_are_wrong(self):
        file = self._list_file("b.png\nx.png\nb.png\n")
        with self.assertRaisesRegex(
            ValueError, r"line 2: there is no .*x\.png; line 3: b\.png is on line 1 already\.$"
        ):
            list_files(folder=self._root, list_file=file)

    @parameterized.parameters(
        ({}, "either files or list_file"),
        ({"files": "*", "list_file": "x"}, "either files or list_file"),
        ({"files": ["*.png", "*.bmp"]}, r"no file below .* fits '\*\.bmp'"),
        ({"files": "deep"}, "no file below"),
        ({"list_file": "none.txt"}, "list_file must be an existing file"),
        ({"files": "*", "folder": "no/where"}, "no folder 'no/where'"),
    )
    def test_refuses(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            list_files(**{"folder": self._root, **arguments})


if __name__ == "__main__":
    absltest.main()

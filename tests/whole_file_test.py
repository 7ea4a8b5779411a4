"""Tests of files that are written whole or not at all."""

import pathlib

from absl.testing import absltest

from rtml_tf.whole_file import whole_file


class WholeFileTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.path = self.folder / "figures.json"
        self.path.write_text("old")

    def test_the_file_changes_when_the_block_ends(self):
        with whole_file(self.path) as aside:
            aside.write_text("new")
            self.assertEqual(aside.suffix, ".json")
            self.assertEqual(self.path.read_text(), "old")
        self.assertEqual(self.path.read_text(), "new")
        self.assertEqual(list(self.folder.iterdir()), [self.path])

    def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(self):
        with self.assertRaisesRegex(OSError, "disk full"), whole_file(self.path) as aside:
            aside.write_text("ne")
            raise OSError("disk full")
        self.assertEqual(self.path.read_text(), "old")
        self.assertEqual(list(self.folder.iterdir()), [self.path])

    def test_two_writers_at_once_do_not_share_a_file(self):
        with whole_file(self.path) as first, whole_file(self.path) as second:
            self.assertNotEqual(first, second)
            first.write_text("first")
            second.write_text("second")
        self.assertEqual(self.path.read_text(), "first")


if __name__ == "__main__":
    absltest.main()

"""Tests of files that take their places together."""

import pathlib

from absl.testing import absltest

from rtml_tf.deployment.staging import staged


class StagedTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path) / "export"
        with staged(self.folder) as aside:
            (aside / "file").write_text("old")
            (aside / "tree").mkdir()
            (aside / "tree" / "old").write_text("old")
            self.assertEqual(sorted(x.name[:7] for x in self.folder.iterdir()), [".export"])

    def _content(self):
        files = (x for x in self.folder.rglob("*") if x.is_file())
        return {str(x.relative_to(self.folder)): x.read_text() for x in files}

    def test_all_take_their_places(self):
        self.assertEqual(self._content(), {"file": "old", "tree/old": "old"})
        with staged(self.folder) as aside:
            (aside / "file").write_text("new")
            (aside / "tree").mkdir()
            (aside / "tree" / "new").write_text("new")
        self.assertEqual(self._content(), {"file": "new", "tree/new": "new"})
        self.assertLen(list(self.folder.iterdir()), 2)

    def test_what_they_come_instead_of_goes(self):
        with staged(self.folder, instead_of=["../file", "tree", "not there"]) as aside:
            (aside / "new").write_text("new")
            self.assertEqual((self.folder / "file").read_text(), "old")
        self.assertEqual(self._content(), {"new": "new"})
        self.assertLen(list(self.folder.iterdir()), 1)

    def test_what_a_killed_process_has_left_goes(self):
        (self.folder / ".export-killed").mkdir()
        (self.folder / ".export-killed" / "half").touch()
        with staged(self.folder) as aside:
            self.assertFalse((self.folder / ".export-killed").exists())
            with staged(self.folder):  # As another process, while this one lives.
                self.assertTrue(aside.exists())
            (aside / "file").write_text("new")
        self.assertEqual(self._content(), {"file": "new", "tree/old": "old"})

    def test_or_none(self):
        with self.assertRaises(KeyError):
            with staged(self.folder, instead_of=["tree"]) as aside:
                (aside / "file").write_text("new")
                raise KeyError
        self.assertEqual(self._content(), {"file": "old", "tree/old": "old"})
        self.assertLen(list(self.folder.iterdir()), 2)


if __name__ == "__main__":
    absltest.main()

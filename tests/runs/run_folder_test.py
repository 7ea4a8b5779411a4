"""Tests of the run folder."""

import math
import pathlib

from absl.testing import absltest

from rtml_tf.runs import run_folder


class RunFolderTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir().full_path, "run")

    def claimed(self, config):
        folder = run_folder.RunFolder(self.path)
        self.addCleanup(folder.release)
        folder.claim(config)
        return folder

    def test_the_same_configuration_may_come_back(self):
        self.claimed("epochs = 3\n").release()
        self.assertEqual(self.claimed("epochs = 3\n").config.read_text(), "epochs = 3\n")

    def test_another_configuration_is_refused_with_the_difference(self):
        folder = self.claimed("epochs = 3\nseed = 1\n")
        folder.log.touch()
        folder.release()
        with self.assertRaisesRegex(
            run_folder.RunFolderError, "(?s)another configuration.*\n-epochs = 3\n[+]epochs = 4\n"
        ):
            self.claimed("epochs = 4\nseed = 1\n")
        self.assertEqual((self.path / "config.gin").read_text(), "epochs = 3\nseed = 1\n")

    def test_a_configuration_with_which_nothing_was_done_is_replaced(self):
        folder = self.claimed("epochs = 3\n")
        folder.tensorboard.mkdir()
        folder.release()
        self.assertEqual(self.claimed("epochs = 4\n").config.read_text(), "epochs = 4\n")

    def test_a_configuration_that_no_run_has_written_is_not_replaced(self):
        self.path.mkdir()
        (self.path / "config.gin").write_text("# By hand.\nepochs = 3\n")
        with self.assertRaisesRegex(run_folder.RunFolderError, "another configuration"):
            self.claimed("epochs = 3\n")

    def test_a_folder_in_use_is_refused(self):
        self.claimed("epochs = 3\n")
        with self.assertRaisesRegex(run_folder.RunFolderError, "in use by another process"):
            self.claimed("epochs = 3\n")

    def test_a_folder_of_other_things_is_refused(self):
        self.path.mkdir()
        (self.path / "thesis.tex").touch()
        with self.assertRaisesRegex(run_folder.RunFolderError, "not a run folder.*thesis.tex"):
            self.claimed("epochs = 3\n")
        self.assertEqual([item.name for item in self.path.iterdir()], ["thesis.tex"])

    def test_a_path_that_is_a_file_is_refused(self):
        self.path.touch()
        with self.assertRaisesRegex(run_folder.RunFolderError, "cannot be written"):
            self.claimed("epochs = 3\n")

    def test_json_has_no_word_for_what_is_not_a_number(self):
        file = pathlib.Path(self.create_tempdir().full_path, "figures.json")
        run_folder.write_json(file, {"iou": {"car": math.nan, "road": 0.5}, "all": (math.inf, 1)})
        self.assertEqual(
            run_folder.read_json(file), {"iou": {"car": None, "road": 0.5}, "all": [None, 1]}
        )

    def test_json_is_written_whole_and_read_back(self):
        folder = self.claimed("")
        run_folder.write_json(folder.metrics, {"recall@1": 0.5})
        self.assertEqual(run_folder.read_json(folder.metrics), {"recall@1": 0.5})
        self.assertTrue(folder.finished)
        names = {item.name for item in self.path.iterdir()}
        self.assertEqual(names, {".lock", "config.gin", "metrics.json"})


if __name__ == "__main__":
    absltest.main()

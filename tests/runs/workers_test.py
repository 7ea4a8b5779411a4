"""Tests of what workers agree upon, with the others played by the test."""

import pathlib

import numpy as np
from absl.testing import absltest

from rtml_tf.runs.interruption import Interruption
from rtml_tf.runs.run_folder import RunFolder, RunFolderError
from rtml_tf.runs.workers import Workers


class _OneOfTwo(Workers):
    """A worker whose fellow gives, exchange after exchange, what the test says."""

    def __init__(self, index, *others):
        super().__init__()
        self.count, self.index = 2, index
        self._others = list(others)

    def gathered(self, values):
        other = self._others.pop(0) if self._others else values  # It is of one mind.
        rows = [list(values), list(other)]
        return np.array(rows if self.is_chief else rows[::-1], np.float64)


class WorkersTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.path = pathlib.Path(self.create_tempdir().full_path, "run")

    def test_without_a_strategy_there_is_one(self):
        workers = Workers()
        self.assertEqual((workers.count, workers.index, workers.is_chief), (1, 0, True))
        self.assertEqual(workers.gathered([3.0, 4.0]).tolist(), [[3.0, 4.0]])
        self.assertEqual(workers.run_folder(str(self.path)).path, self.path)

    def test_figures_and_signals_of_one_are_those_of_all(self):
        workers = _OneOfTwo(1, [0.5, 0.25])
        figures = workers.figures_of_chief({"recall@1": 0.4, "nmi": 0.2})
        self.assertEqual(figures, {"recall@1": 0.5, "nmi": 0.25})
        with Interruption(_OneOfTwo(0, [0], [15])) as interruption:
            self.assertIsNone(interruption.look())
            self.assertEqual(interruption.look(), 15)
            self.assertEqual(interruption.received, 15)

    def test_only_the_first_changes_the_run_folder(self):
        chief = _OneOfTwo(0).run_folder(str(self.path))
        chief.claim("config")
        chief.release()
        folder = _OneOfTwo(1).run_folder(str(self.path))
        folder.claim("config")
        self.assertEqual(folder.config.read_text(), "config")
        folder.log.write_text("row")
        self.assertFalse((self.path / "log.csv").exists())
        folder.release()
        self.assertFalse(folder.path.exists())

    def test_one_that_cannot_use_the_folder_stops_all(self):
        folder = _OneOfTwo(1, [0], [True]).run_folder(str(self.path))
        with self.assertRaisesRegex(RunFolderError, "worker 0 cannot use the run folder"):
            folder.claim("config")
        held = RunFolder(self.path)
        held.claim("another")
        held.log.touch()
        for index in (0, 1):
            with self.assertRaisesRegex(RunFolderError, "holds a run of another configuration"):
                _OneOfTwo(index).run_folder(str(self.path)).claim("config")

    def test_refuses_folders_that_differ(self):
        folder = _OneOfTwo(1, [0], [False], [40, False, True]).run_folder(str(self.path))
        with self.assertRaisesRegex(
            RunFolderError,
            "workers 0 and 1 see different .*step 40 and step 0.* all workers share",
        ):
            folder.claim("config")


if __name__ == "__main__":
    absltest.main()

"""The programs that train together, and what they have to agree upon."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.layers.worker_exchange import WorkerExchange
from rtml_tf.runs.run_folder import RunFolder, RunFolderError


class Workers:
    """The workers of the strategy in force; one if there is none.

    All workers run the same program and take every decision together, since each waits for the
    others wherever they exchange something. What one of them knows alone (a signal, a figure that
    may differ in its last digit) is therefore exchanged before it decides anything. Every worker
    must call the methods here, in the same order.

    Attributes:
        count: How many there are.
        index: Which of them this program is, from 0.
    """

    def __init__(self):
        """Finds this program's place."""
        self._exchange = WorkerExchange(tf.float64)
        self.index, self.count = self._exchange.index, self._exchange.count

    @property
    def is_chief(self) -> bool:
        """Whether this is worker 0, which writes the run folder and reports."""
        return self.index == 0

    def gathered(self, values: Sequence[float]) -> np.ndarray:
        """What each worker gives: float64 `[count, len(values)]`."""
        return self._exchange.gathered([values])[:, 0]

    def wait(self) -> None:
        """Waits until every worker is here."""
        self.gathered([0])

    def largest(self, value: int) -> int:
        """The largest of the values that the workers give."""
        return int(self.gathered([value]).max())

    def figures_of_chief(self, figures: Mapping[str, float]) -> dict[str, float]:
        """The figures of worker 0, on every worker."""
        values = self.gathered(list(figures.values()))[0]
        return dict(zip(figures, values.tolist()))

    def raise_together(self, error: RunFolderError | None) -> None:
        """Raises the error of this worker or, where another one has an error, one that names it."""
        failed = self.gathered([error is not None])[:, 0]
        if error is None and failed.any():
            error = RunFolderError(
                f"worker {failed.argmax()} cannot use the run folder; its own message says why."
            )
        if error is not None:
            raise error

    def run_folder(self, path: str) -> RunFolder:
        """The folder that this worker works in: the run's own, or a copy of it, see below."""
        return RunFolder(path) if self.count == 1 else _FolderOfWorker(path, self)


class _FolderOfWorker(RunFolder):
    """A run folder of several workers, of which worker 0 alone changes it.

    Saving takes part of every worker, so each of the others does what worker 0 does in a copy,
    which it throws away in the end. The copies are taken before worker 0 changes anything.
    """

    def __init__(self, path: str, workers: Workers):
        self._workers = workers
        self._given = path
        self._temporary = None
        if not workers.is_chief:
            self._temporary = tempfile.TemporaryDirectory(prefix="rtml_tf_worker_")
            path = f"{self._temporary.name}/run"
        super().__init__(path)

    def claim(self, config: str) -> None:
        error = None
        try:
            if not self._workers.is_chief:
                _copy_if_there(self._given, self.path)
            self._workers.wait()  # No copy is taken any more.
            super().claim(config)
        except RunFolderError as own_error:
            error = own_error
        self._workers.raise_together(error)
        self._check_same()

    def release(self) -> None:
        super().release()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _check_same(self) -> None:
        """Refuses folders that are not one folder: the workers would resume at different steps."""
        newest = tf.train.latest_checkpoint(str(self.checkpoints)) or "-0"
        seen = (int(newest.rpartition("-")[2]), self.finished, self.baselines.exists())
        seen = self._workers.gathered(seen)
        if (seen != seen[0]).any():
            other = int((seen != seen[0]).any(axis=1).argmax())
            raise RunFolderError(
                f"workers 0 and {other} see different contents in run folder {self._given} (step "
                f"{seen[0, 0]:.0f} and step {seen[other, 0]:.0f}); to go on with a run it must be "
                "in a file system that all workers share."
            )


def _copy_if_there(path: str, copy) -> None:
    def not_needed(folder: str, names: list[str]) -> list[str]:
        del folder
        # The lock tells that a run has claimed the folder.
        return [n for n in names if n == "tensorboard" or (n[0] == "." and n != ".lock")]

    try:
        shutil.copytree(path, copy, ignore=not_needed)
    except FileNotFoundError:
        pass  # A new run.

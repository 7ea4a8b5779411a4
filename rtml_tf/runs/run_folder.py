"""The run folder: where everything that one run writes has its place."""

import contextlib
import difflib
import fcntl
import json
import math
import os
import pathlib
from typing import Any

from absl import logging

from rtml_tf.whole_file import whole_file


class RunFolderError(ValueError):
    """A run folder that cannot be used for this run."""


def write_text(path: pathlib.Path, text: str) -> None:
    """Writes a text file, whole or not at all."""
    with whole_file(path) as aside:
        aside.write_text(text, encoding="utf-8")


class RunFolder:
    """The files of one run.

    Attributes:
        path: The folder itself.
        config: The resolved configuration, `config.gin`.
        log: One row an epoch, `log.csv`.
        tensorboard: Folder of TensorBoard's event files.
        checkpoints: Folder of the checkpoints that a run resumes from.
        network: The finished network, `network.keras`.
        best: The epoch of that network, where a validation figure chose it, `best.json`.
        baselines: Figures of networks that were not trained here, `baselines.json`.
        evaluated: The final figures as far as they go, `evaluated.json`, while they are measured.
        metrics: The final figures, `metrics.json`; it exists when the run has finished.
    """

    # What messages call it, and the flag that chooses it.
    _kind, _content, _flag = "run", "a run", "--run_dir"

    def __init__(self, path: str | os.PathLike[str]):
        """Names the files below `path`; nothing is created yet."""
        self.path = pathlib.Path(path)
        self.config = self.path / "config.gin"
        self.log = self.path / "log.csv"
        self.tensorboard = self.path / "tensorboard"
        self.checkpoints = self.path / "checkpoints"
        self.network = self.path / "network.keras"
        self.best = self.path / "best.json"
        self.baselines = self.path / "baselines.json"
        self.evaluated = self.path / "evaluated.json"
        self.metrics = self.path / "metrics.json"
        self._lock_file = self.path / ".lock"  # Of a folder that a run has claimed.
        self._lock = None
        self._made: list[pathlib.Path] = []

    @property
    def names(self) -> list[str]:
        """What the folder holds, sorted, without hidden files."""
        return sorted(item.name for item in self.path.iterdir() if item.name[0] != ".")

    @property
    def is_of_stages(self) -> bool:
        """Whether its configuration is one of several stages: that of all, or a stage's own."""
        if not self.config.is_file():
            return False
        return "pipeline.run.stages" in self.config.read_text(encoding="utf-8")

    def claim(self, config: str) -> None:
        """Makes the folder this run's own, or finds that it already is.

        The configuration of a run that has trained and measured nothing yet is replaced: a mistake
        may have been mended in it.

        Args:
            config: The run's resolved configuration.

        Raises:
            RunFolderError: If the folder holds a run of another configuration (the difference is
                shown), is in use by another process, or cannot be written.
        """
        self._check(config)
        self.lock()
        # Another process may have made it its own in the meantime.
        self._check(config)
        held = self.config.read_text(encoding="utf-8") if self.config.exists() else None
        if held not in (None, config):
            logging.info("%s is replaced: no run has begun with it.", self.config)
        if held != config:
            write_text(self.config, config)

    def lock(self) -> None:
        """Keeps other processes out of the folder, which is made if it does not exist.

        Raises:
            RunFolderError: If it is in use by another process, or cannot be written.
        """
        self._made = [path for path in (self.path, *self.path.parents) if not path.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = open(self._lock_file, "w", encoding="utf-8")
        except OSError as error:
            raise RunFolderError(
                f"{self._kind} folder {self.path} cannot be written: {error}."
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunFolderError(
                f"{self._kind} folder {self.path} is in use by another process."
            ) from error

    def _check(self, config: str) -> None:
        """Refuses a folder that is not this run's and will not become it, and writes nothing."""
        if self.config.exists():
            held = self.config.read_text(encoding="utf-8")
            if held != config and (self._begun or not self._lock_file.exists()):
                difference = difflib.unified_diff(
                    held.splitlines(),
                    config.splitlines(),
                    "in the folder",
                    "asked for",
                    n=0,
                    lineterm="",
                )
                raise RunFolderError(
                    f"{self._kind} folder {self.path} holds {self._content} of another "
                    "configuration:\n"
                    + "\n".join(difference)
                    + f"\nChoose another {self._flag}, or the configuration of the folder."
                )
        elif self.path.is_dir():
            others = self.names
            if others:
                raise RunFolderError(
                    f"{self.path} is not {self._content} folder: it has no {self.config.name} but "
                    f"holds {', '.join(others[:5])}. Choose an empty or a new folder."
                )

    def withdraw(self) -> None:
        """Undoes `claim`, in a folder that has got nothing since."""
        if {item.name for item in self.path.iterdir()} <= {self.config.name, self._lock_file.name}:
            self.config.unlink()
            self._lock_file.unlink()
            with contextlib.suppress(OSError):  # Others may have put something there.
                for path in self._made:
                    path.rmdir()
        self.release()

    @property
    def _begun(self) -> bool:
        """Whether there is anything that a run writes once it trains or measures."""
        return bool(set(self.names) - {self.config.name, self.tensorboard.name})

    def release(self) -> None:
        """Lets other processes use the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def finished(self) -> bool:
        """Whether the final figures have been written."""
        return self.metrics.exists()


def json_text(content: Any) -> str:
    """`content` as JSON.

    A figure that is not a number, such as that of a class which no image has, becomes `null`: JSON
    knows no other word for it.
    """
    return json.dumps(_finite(content), indent=2, allow_nan=False) + "\n"


def write_json(path: pathlib.Path, content: Any) -> None:
    """Writes `content` as `json_text`, whole or not at all."""
    write_text(path, json_text(content))


def read_json(path: pathlib.Path) -> Any:
    """Reads what `write_json` wrote.

    Raises:
        RunFolderError: If it is something else.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunFolderError(
            f"{path} is damaged, expected the JSON that was written, got: {error}. Remove it to "
            "have it made again."
        ) from error


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content

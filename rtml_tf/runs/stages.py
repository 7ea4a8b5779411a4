"""The networks of earlier stages, for the stage that is built."""

import contextvars
import os
import pathlib
from types import TracebackType
from typing import Self

import tensorflow as tf

from rtml_tf.networks.saving import load_network
from rtml_tf.runs.run_folder import RunFolder
from rtml_tf.runs.workers import Workers


class StageNotFinished(ValueError):
    """A stage whose network is wanted and is not there."""


class Stages:
    """The stages of one run; inside `with Stages(run_dir):` they are those of `stage_network`.

    A configuration names stages and never folders, so that it stays the same wherever the run
    folder lies.

    Attributes:
        run_dir: The folder of all stages; the run folder of stage `s` is `run_dir/s`.
    """

    _current: contextvars.ContextVar["Stages"] = contextvars.ContextVar("stages")

    def __init__(self, run_dir: str | os.PathLike[str]):
        """Names the folder; nothing is read yet."""
        self.run_dir = pathlib.Path(run_dir)
        self._stand_ins: dict[str, tf.keras.Model] = {}

    def __enter__(self) -> Self:
        self._token = self._current.set(self)
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._current.reset(self._token)

    @classmethod
    def current(cls) -> Self:
        """The stages of the run in progress.

        Raises:
            ValueError: If there is none.
        """
        stages = cls._current.get(None)
        if stages is None:
            raise ValueError(
                "stage_network is for the stages of a run (pipeline.run.stages), and no such run "
                "is in progress; teacher.load_teacher loads the network of another run."
            )
        return stages

    def stand_in(self, stage: str, network: tf.keras.Model) -> None:
        """Lets a network stand for that of a stage until it has finished, as in a dry run."""
        self._stand_ins[stage] = network

    def network(self, stage: str) -> tf.keras.Model:
        """The finished network of a stage.

        Raises:
            StageNotFinished: If there is none; the message names the stages that have finished.
        """
        folder = RunFolder(self.run_dir / stage)
        if folder.finished and folder.network.exists():
            return load_network(folder.network)
        if stage in self._stand_ins:
            return tf.keras.models.clone_model(self._stand_ins[stage])
        finished = sorted(
            file.parent.name for file in self.run_dir.glob(f"*/{folder.metrics.name}")
        )
        shared = ""
        if Workers().count > 1:
            shared = " All workers must see this folder, in a file system that they share."
        raise StageNotFinished(
            f"stage {stage!r} has not finished in {self.run_dir}, and its network is wanted. "
            f"Finished are: {', '.join(finished) or 'none'}.{shared}"
        )


def stage_network(*, stage: str) -> tf.keras.Model:
    """The finished network of an earlier stage of the run in progress.

    For configurations: a teacher, a network to go on from, the surrogate of a transfer attack.
    Every call loads it anew.

    Args:
        stage: The name of the stage.

    Raises:
        StageNotFinished: If the stage has not finished.
        ValueError: If no run of stages is in progress.
    """
    return Stages.current().network(stage)

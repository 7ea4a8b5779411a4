"""Several runs as the stages of one, each with its own run folder."""

import concurrent.futures
import contextlib
import contextvars
import functools
import pathlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from rtml_tf.runs.run_folder import RunFolder, RunFolderError, write_json, write_text
from rtml_tf.runs.stages import StageNotFinished, Stages
from rtml_tf.runs.workers import Workers

Stage = Callable[..., Any]


def run(
    *,
    run_dir: str,
    stages: Mapping[str, Stage] | Sequence[tuple[str, Stage]],
    seed: int = 0,
    describe_config: Callable[[], str] = lambda: "",
    whole_config: str = "",
    dry_run: bool = False,
) -> dict | None:
    """Runs stages one after the other and puts their figures into one table.

    Every stage starts from the same seed, whatever ran before it, so that a stage that is resumed
    alone gives what it would have given. Stages that are finished are not run again. A stage that
    builds on another one takes its network from `stages.stage_network`.

    Args:
        run_dir: The folder of all stages; the run folder of stage `s` is `run_dir/s`. It holds
            nothing else but `config.gin` and `metrics.json`.
        stages: The stages and their names: pairs in the order in which they run, or a mapping
            where the order does not matter (configurations that are written to a file do not keep
            that of a mapping). A stage is a function such as `training.train` or
            `comparing.compare` with all arguments bound but `run_dir`, `describe_config` and
            `dry_run`. One with the attribute `on_one_device` runs outside of any distribution
            strategy, on the first worker alone.
        seed: Seed of initial weights.
        describe_config: Gives the resolved configuration as text.
        whole_config: The configuration of all stages as text, kept in `run_dir/config.gin` from
            the first finished stage on: that of a stage lacks what only later ones use. "": none.
        dry_run: Show every stage's networks and the configuration, and stop.

    Returns:
        What was written to `run_dir/metrics.json`: the figures of the first stage's baselines and
        of each stage's network, and how the training of each stage went. `None` after a dry run.

    Raises:
        ValueError: If there is no stage or two of one name, the folder holds anything else or is
            in use by another process, or as a stage does.
    """
    by_name = dict(stages)
    if not by_name:
        raise ValueError("stages must hold at least one stage, got none.")
    if len(by_name) < len(stages):
        raise ValueError(
            f"stages must differ in name, got {', '.join(name for name, _ in stages)}."
        )
    results = {}
    workers = Workers()
    claim = contextlib.nullcontext() if dry_run else _claimed(run_dir, by_name, workers)
    with claim, Stages(run_dir) as progress:
        for name, stage in by_name.items():
            print(f"Stage {name}", flush=True)
            workers.wait()  # Worker 0 writes the folders that this stage may read.
            if getattr(stage, "on_one_device", False) and tf.distribute.has_strategy():
                if not workers.is_chief:
                    continue
                stage = _outside_of_strategy(stage)
            _forget_layers()
            tf.keras.utils.set_random_seed(seed)
            try:
                results[name] = stage(
                    run_dir=str(pathlib.Path(run_dir, name)),
                    describe_config=describe_config,
                    dry_run=dry_run,
                )
            except StageNotFinished as error:
                if not dry_run:
                    raise
                # Gin adds lines on where in the configuration it was.
                print(f"Cannot be shown yet: {str(error).splitlines()[0]}")
                continue
            if whole_config and not dry_run and workers.is_chief:
                write_text(RunFolder(run_dir).config, whole_config)
            if isinstance(results[name], tf.keras.Model):
                progress.stand_in(name, results[name])
    if dry_run:
        return None
    metrics = {
        "networks": _networks(results),
        "training": {
            name: result["training"] for name, result in results.items() if "training" in result
        },
    }
    if workers.is_chief:
        write_json(pathlib.Path(run_dir, "metrics.json"), metrics)
    return metrics


@contextlib.contextmanager
def _claimed(run_dir: str, stages: Collection[str], workers: Workers) -> Iterator[None]:
    """Keeps other processes out of the folder of these stages, which worker 0 alone looks at."""
    folder, error = RunFolder(run_dir), None
    try:
        if workers.is_chief:
            _check(folder, stages)
            folder.lock()
    except RunFolderError as own_error:
        error = own_error
    try:
        workers.raise_together(error)
        yield
    finally:
        folder.release()


def _check(folder: RunFolder, stages: Collection[str]) -> None:
    """Refuses a folder that is not one of these stages, and writes nothing."""
    if folder.config.exists() and not folder.is_of_stages:
        raise RunFolderError(
            f"{folder.path} is the folder of a single run: its {folder.config.name} has no "
            "pipeline.run.stages. Choose another --run_dir."
        )
    if not folder.path.is_dir():
        return
    known = {*stages, folder.config.name, folder.metrics.name}
    others = [name for name in folder.names if name not in known]
    if others:
        raise RunFolderError(
            f"{folder.path} is not a folder of these stages: expected nothing but "
            f"{', '.join(stages)}, {folder.config.name} and {folder.metrics.name}, but it holds "
            f"{', '.join(others[:5])}. Choose an empty or a new folder."
        )


def _outside_of_strategy(stage: Stage) -> Stage:
    """The stage in a thread of its own: the scope of a strategy is one thread's."""

    def run(**arguments: Any) -> Any:
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            context = contextvars.copy_context()
            return thread.submit(context.run, functools.partial(stage, **arguments)).result()

    return run


def _forget_layers() -> None:
    """Lets Keras name layers as in a new process."""
    if tf.distribute.has_strategy():
        # To clear the session would be to leave the scope of the strategy, unnoticed.
        tf.keras.backend.reset_uids()
    else:
        tf.keras.backend.clear_session()


def _networks(results: Mapping[str, Mapping]) -> dict[str, dict[str, dict[str, float]]]:
    """The figures of all stages by network.

    Those of a network that a stage has trained go by the stage's name. Baselines are taken from
    the first stage alone; a stage that trains nothing may add figures to any network.
    """
    networks: dict[str, dict[str, dict[str, float]]] = {}
    for position, (stage, result) in enumerate(results.items()):
        for name, figures in result["networks"].items():
            if name == "trained":
                name = stage
            elif position and "training" in result:
                continue
            networks[name] = {**networks.get(name, {}), **figures}
    return networks

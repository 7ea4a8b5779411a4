"""Several training runs as the stages of one, each with its own run folder."""

import pathlib
from collections.abc import Callable, Mapping

import tensorflow as tf

from rtml_tf.runs.run_folder import write_json


def run(
    *,
    run_dir: str,
    stages: Mapping[str, Callable[..., dict | None]],
    seed: int = 0,
    describe_config: Callable[[], str] = lambda: "",
    dry_run: bool = False,
) -> dict | None:
    """Runs stages one after the other and puts their figures into one table.

    Every stage starts from the same seed, whatever ran before it, so that a stage that is resumed
    alone gives what it would have given. Stages that are finished are not run again.

    Args:
        run_dir: The folder of all stages; the run folder of stage `s` is `run_dir/s`.
        stages: Functions such as `training.train`, with all other arguments bound, by name. They
            are called with `run_dir`, `describe_config` and `dry_run`.
        seed: Seed of initial weights.
        describe_config: Gives the resolved configuration as text.
        dry_run: Show every stage's network and the configuration, and stop.

    Returns:
        What was written to `run_dir/metrics.json`: the figures of the first stage's baselines and
        of each stage's network, and how the training of each stage went. `None` after a dry run.

    Raises:
        ValueError: If there is no stage, or as a stage does.
    """
    if not stages:
        raise ValueError("stages must hold at least one stage, got none.")
    results = {}
    for name, stage in stages.items():
        print(f"Stage {name}", flush=True)
        tf.keras.backend.clear_session()
        tf.keras.utils.set_random_seed(seed)
        results[name] = stage(
            run_dir=str(pathlib.Path(run_dir, name)),
            describe_config=describe_config,
            dry_run=dry_run,
        )
    if dry_run:
        return None
    first = next(iter(results.values()))["networks"]
    networks = {name: figures for name, figures in first.items() if name != "trained"}
    networks |= {name: result["networks"]["trained"] for name, result in results.items()}
    metrics = {
        "networks": networks,
        "training": {name: result["training"] for name, result in results.items()},
    }
    write_json(pathlib.Path(run_dir, "metrics.json"), metrics)
    return metrics

"""Networks that were trained before, evaluated side by side."""

from collections.abc import Callable, Mapping

import tensorflow as tf
from absl import logging

from rtml_tf.networks.summary import summarize
from rtml_tf.runs.final_figures import resumed_figures
from rtml_tf.runs.given_parts import check_evaluations
from rtml_tf.runs.run_folder import RunFolder, read_json, write_json
from rtml_tf.runs.selection import Evaluation
from rtml_tf.runs.workers import Workers


def compare(
    *,
    run_dir: str,
    networks: Mapping[str, tf.keras.Model],
    evaluations: Mapping[str, Evaluation],
    describe_config: Callable[[], str] = lambda: "",
    dry_run: bool = False,
) -> dict | None:
    """Evaluates every network in every way and leaves a run folder.

    Called again with the same arguments, it goes on with the first evaluation that has no figures
    yet.

    Args:
        run_dir: The run folder. Every network has a folder of its name in it, with its figures
            and pictures.
        networks: By name.
        evaluations: By name.
        describe_config: Gives the resolved configuration as text, once everything is built.
        dry_run: Show the networks' sizes and the configuration, and stop.

    Returns:
        The content of `metrics.json`: under "networks" `{network: {evaluation: {figure: value}}}`,
        under "evaluations" what each evaluation says of itself, by network. `None` after a dry
        run.

    Raises:
        ValueError: If there is nothing to evaluate, a network does not fit an evaluation, or the
            folder belongs to another run.
    """
    if not networks or not evaluations:
        raise ValueError(
            "networks and evaluations must hold at least one entry each, got networks "
            f"{list(networks)} and evaluations {list(evaluations)}."
        )
    for network in networks.values():
        check_evaluations(evaluations, network=network)
    folder, config = Workers().run_folder(run_dir), describe_config()
    for network in networks.values():
        print(summarize(network))
    if dry_run:
        print(config)
        return None
    folder.claim(config)
    try:
        if folder.finished:
            logging.info("%s holds this comparison, finished.", folder.path)
            return read_json(folder.metrics)
        metrics = {"networks": {}, "evaluations": {}}
        for name, network in networks.items():
            part = RunFolder(folder.path / name)
            part.path.mkdir(exist_ok=True)
            if not part.finished:
                results = resumed_figures(network, evaluations, part)
                kept = {key: results[key] for key in ("figures", "evaluations")}
                write_json(part.metrics, kept)
                part.evaluated.unlink(missing_ok=True)
            written = read_json(part.metrics)
            metrics["networks"][name] = written["figures"]
            metrics["evaluations"][name] = written["evaluations"]
        write_json(folder.metrics, metrics)
        return metrics
    finally:
        folder.release()

"""How a run ends: its network evaluated, beside baselines, and its figures written."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf

from rtml_tf.networks.saving import load_network
from rtml_tf.runs.final_figures import resumed_figures
from rtml_tf.runs.run_folder import RunFolder, read_json, write_json
from rtml_tf.runs.selection import Evaluation


class Artefact(Protocol):
    """Anything that draws or tabulates a finished network for TensorBoard."""

    def write(self, network: tf.keras.Model, folder: pathlib.Path) -> None:
        """Writes files below `folder`, TensorBoard's log folder."""


def write_baselines(
    folder: RunFolder,
    *,
    evaluations: Mapping[str, Evaluation],
    networks: Mapping[str, tf.keras.Model],
) -> None:
    """Evaluates networks that are not made here, once: a run in training no longer has them.

    Each evaluation is written when it is done; called again, it goes on with the next one.

    Args:
        folder: The run folder.
        evaluations: By name. Where there are none, nothing is written.
        networks: By name.
    """
    if not evaluations:
        return
    figures = read_json(folder.baselines) if folder.baselines.exists() else {}
    for name, network in networks.items():
        of_network = figures.setdefault(name, {})
        for key, evaluation in evaluations.items():
            if key not in of_network:
                of_network[key] = evaluation.evaluate(network)
                write_json(folder.baselines, figures)
    write_json(folder.baselines, figures)


def finish(
    folder: RunFolder,
    *,
    evaluations: Mapping[str, Evaluation],
    artefacts: Sequence[Artefact],
    training: Mapping[str, Any],
) -> None:
    """Evaluates the saved network itself, so that the figures are those of the file.

    Called again after an evaluation that failed or was stopped, it goes on with that one.

    Args:
        folder: The run folder, with the network and the figures of the baselines; its
            `metrics.json` is written.
        evaluations: By name.
        artefacts: What else is written for TensorBoard.
        training: How the network was made.
    """
    network = load_network(folder.network)
    for artefact in artefacts:
        artefact.write(network, folder.tensorboard)
    results = resumed_figures(network, evaluations, folder)
    networks = read_json(folder.baselines) if evaluations else {}
    networks["trained"] = results["figures"]
    write_json(
        folder.metrics,
        {"networks": networks, "evaluations": results["evaluations"], "training": dict(training)},
    )
    folder.evaluated.unlink(missing_ok=True)

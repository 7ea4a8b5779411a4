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
    """Evaluates networks that are not made here, once: a resumed run no longer has them.

    Args:
        folder: The run folder. Where it has the figures, or nothing is evaluated, nothing is done.
        evaluations: By name.
        networks: By name.
    """
    if not evaluations or folder.baselines.exists():
        return
    figures = {
        name: {key: evaluation.evaluate(network) for key, evaluation in evaluations.items()}
        for name, network in networks.items()
    }
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

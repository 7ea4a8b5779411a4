"""The figures that a run ends with: measured, drawn, and with what was measured beside them."""

import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf

from rtml_tf.networks.fingerprint import network_fingerprint
from rtml_tf.runs.run_folder import RunFolder, read_json, write_json
from rtml_tf.runs.selection import Evaluation

Figures = dict[str, dict[str, float]]
Descriptions = dict[str, dict]


def final_figures(
    network: tf.keras.Model,
    evaluations: Mapping[str, Evaluation],
    folder: pathlib.Path,
    *,
    keep: Callable[[Figures, Descriptions], None] = lambda figures, descriptions: None,
) -> tuple[Figures, Descriptions]:
    """Evaluates a finished network; evaluations that can draw leave their pictures.

    Args:
        network: The network.
        evaluations: By name; see `selection.Evaluation` for what they may offer.
        folder: The run folder, where pictures go.
        keep: Called after each evaluation with all that there is by then, as it is returned: an
            evaluation may take hours, and the next one may fail.

    Returns:
        `{evaluation: {figure: value}}`, and `{evaluation: description}` of those that describe
        themselves.
    """
    figures, descriptions = {}, {}
    for name, evaluation in evaluations.items():
        figures[name] = evaluation.evaluate(network)
        if hasattr(evaluation, "plot"):
            evaluation.plot(figures[name], folder, name)
        if hasattr(evaluation, "describe"):
            descriptions[name] = evaluation.describe()
        keep(figures, descriptions)
    return figures, descriptions


def resumed_figures(
    network: tf.keras.Model,
    evaluations: Mapping[str, Evaluation],
    folder: RunFolder,
    *,
    about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """`final_figures` that go on with the evaluation that failed or was stopped.

    What there is of them is in `folder.evaluated`, until whoever writes them elsewhere removes it.

    Args:
        network: The network.
        evaluations: By name.
        folder: Where pictures go, too.
        about: What else is written.

    Returns:
        What is in `folder.evaluated` in the end: under "network" the fingerprint of the network,
        then `about`, "figures" and "evaluations", as `final_figures` returns them.
    """
    fingerprint = network_fingerprint(network)
    figures, descriptions = _evaluated(folder, fingerprint)

    def results() -> dict[str, Any]:
        known = {name: figures[name] for name in evaluations if name in figures}
        return {
            "network": fingerprint,
            **(about or {}),
            "figures": known,
            "evaluations": descriptions,
        }

    def keep(more_figures: Figures, more_descriptions: Descriptions) -> None:
        figures.update(more_figures)
        descriptions.update(more_descriptions)
        write_json(folder.evaluated, results())

    missing = {name: evaluations[name] for name in evaluations if name not in figures}
    final_figures(network, missing, folder.path, keep=keep)
    return results()


def _evaluated(folder: RunFolder, fingerprint: str) -> tuple[Figures, Descriptions]:
    """What was measured of this network before an evaluation failed or was stopped."""
    if not folder.evaluated.exists():
        return {}, {}
    held = read_json(folder.evaluated)
    # A run that lost its last epoch may have trained another network since.
    return (held["figures"], held["evaluations"]) if held["network"] == fingerprint else ({}, {})

"""The figures that a run ends with: measured, drawn, and with what was measured beside them."""

import pathlib
from collections.abc import Mapping

import tensorflow as tf

from rtml_tf.runs.selection import Evaluation


def final_figures(
    network: tf.keras.Model, evaluations: Mapping[str, Evaluation], folder: pathlib.Path
) -> tuple[dict[str, dict[str, float]], dict[str, dict]]:
    """Evaluates a finished network; evaluations that can draw leave their pictures.

    Args:
        network: The network.
        evaluations: By name; see `selection.Evaluation` for what they may offer.
        folder: The run folder, where pictures go.

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
    return figures, descriptions

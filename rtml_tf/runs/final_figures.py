"""The figures that a run ends with: measured, drawn, and with what was measured beside them."""

import pathlib
from collections.abc import Callable, Mapping

import tensorflow as tf

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

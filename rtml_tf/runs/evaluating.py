"""Figures of a saved network, on any data."""

import os
import pathlib
from collections.abc import Mapping

from rtml_tf.networks.saving import load_network
from rtml_tf.runs.final_figures import Descriptions, Figures, final_figures
from rtml_tf.runs.report import figures_table
from rtml_tf.runs.run_folder import write_json
from rtml_tf.runs.selection import Evaluation
from rtml_tf.runs.workers import Workers


def evaluate(*, network_file: str, evaluations: Mapping[str, Evaluation], output: str) -> dict:
    """Evaluates a saved network, prints the figures and writes them as JSON.

    What is evaluated is written after each evaluation; a later call begins anew.

    Args:
        network_file: A network that `train` saved.
        evaluations: What to evaluate, by name.
        output: The JSON file to write: under "figures" `{evaluation: {figure: value}}`, under
            "evaluations" what each evaluation says of itself. Pictures go to its folder.

    Returns:
        What was written.

    Raises:
        ValueError: If there is nothing to evaluate, the network does not fit the data, or several
            machines are to write one file.
    """
    if Workers().count > 1:
        raise ValueError(
            "a saved network is evaluated on one machine, got a strategy of "
            f"{Workers().count} workers."
        )
    if not evaluations:
        raise ValueError(
            "there is nothing to evaluate: bind evaluating.evaluate.evaluations to a dict of "
            "names and evaluations."
        )
    file = pathlib.Path(output)
    if not (file.parent.is_dir() and os.access(file.parent, os.W_OK)):
        raise ValueError(f"output must lie in a folder that can be written, got {output!r}.")
    network = load_network(network_file)
    figures, descriptions = final_figures(
        network,
        evaluations,
        file.parent,
        keep=lambda *results: write_json(file, _results(*results)),
    )
    print(figures_table({network_file: figures}))
    print(f"Written to {output}.")
    return _results(figures, descriptions)


def _results(figures: Figures, descriptions: Descriptions) -> dict:
    return {"figures": figures, "evaluations": descriptions}

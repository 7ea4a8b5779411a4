"""Figures of a saved network, on any data."""

import pathlib
from collections.abc import Mapping

from rtml_tf.networks.saving import load_network
from rtml_tf.runs.report import figures_table
from rtml_tf.runs.run_folder import write_json
from rtml_tf.runs.selection import Evaluation


def evaluate(*, network_file: str, evaluations: Mapping[str, Evaluation], output: str) -> dict:
    """Evaluates a saved network, prints the figures and writes them as JSON.

    Args:
        network_file: A network that `train` saved.
        evaluations: What to evaluate, by name.
        output: The JSON file to write: `{evaluation: {figure: value}}`.

    Returns:
        What was written.

    Raises:
        ValueError: If there is nothing to evaluate, or the network does not fit the data.
    """
    if not evaluations:
        raise ValueError(
            "there is nothing to evaluate: bind evaluating.evaluate.evaluations to a dict of "
            "names and evaluations."
        )
    network = load_network(network_file)
    figures = {name: evaluation.evaluate(network) for name, evaluation in evaluations.items()}
    print(figures_table({network_file: figures}))
    write_json(pathlib.Path(output), figures)
    print(f"Written to {output}.")
    return figures

"""Figures of a saved network, on any data."""

import os
from collections.abc import Callable, Mapping

from absl import logging

from rtml_tf.networks.saving import load_network
from rtml_tf.runs.final_figures import resumed_figures
from rtml_tf.runs.report import figures_table
from rtml_tf.runs.run_folder import RunFolder, write_json
from rtml_tf.runs.selection import Evaluation
from rtml_tf.runs.workers import Workers


class EvaluationFolder(RunFolder):
    """The files of one evaluation of a saved network.

    Attributes:
        evaluated: The figures, `evaluation.json`, from the first of them on.
    """

    _kind, _content, _flag = "evaluation", "an evaluation", "--output"

    def __init__(self, path: str | os.PathLike[str]):
        """Names the files below `path`; nothing is created yet."""
        super().__init__(path)
        self.evaluated = self.path / "evaluation.json"


def evaluate(
    *,
    network_file: str,
    evaluations: Mapping[str, Evaluation],
    output: str,
    unfinished: bool = False,
    describe_config: Callable[[], str] = lambda: "",
) -> dict:
    """Evaluates a saved network, prints the figures and writes them into a folder of their own.

    Called again with the same arguments, it goes on with the first evaluation that has no figures
    yet. Of another network than before, all are measured anew.

    Args:
        network_file: A network that `train` saved.
        evaluations: What to evaluate, by name.
        output: The folder; made if it does not exist. It gets `evaluation.json`: under "network"
            the network's fingerprint, under "figures" `{evaluation: {figure: value}}`, under
            "evaluations" what each evaluation says of itself; the configuration `config.gin`; and
            pictures.
        unfinished: Whether the network is the best so far of a run that has not finished, as the
            file then says.
        describe_config: Gives the resolved configuration as text, once everything is built.

    Returns:
        What was written to `evaluation.json`.

    Raises:
        ValueError: If there is nothing to evaluate, the network does not fit the data, several
            machines are to write one file, or the folder holds another evaluation.
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
    network = load_network(network_file)
    folder = EvaluationFolder(output)
    folder.claim(describe_config())
    about = {"network_file": str(network_file), "unfinished": unfinished}
    try:
        if folder.evaluated.exists():
            logging.info("%s holds this evaluation, and goes on where it stands.", folder.path)
        results = resumed_figures(network, evaluations, folder, about=about)
        write_json(folder.evaluated, results)
    finally:
        if folder.evaluated.exists():
            folder.release()
        else:
            folder.withdraw()
    print(figures_table({network_file: results["figures"]}))
    print(f"Written to {folder.evaluated}.")
    return results

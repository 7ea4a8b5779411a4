"""The weight of an adversary, chosen on validation data before anything is compared."""

from collections.abc import Mapping

import numpy as np

from benchmarks.sweep import Run, Sweep
from benchmarks.tables import markdown_table

SEED_OF_CHOICE = "100"
# Methods that take the weight, by the mean of whose figures it is chosen.
_STAGES = ("plain", "clan")


def run_of_choice(weight: str, run: Run) -> Run:
    """A run of one candidate, of the start and the methods that the weight is chosen for.

    Args:
        weight: The candidate, lambda_adv.
        run: The whole comparison with this weight and `SEED_OF_CHOICE`.
    """
    stages = (
        "[('start', @start/training.train), ('plain', @plain/training.train), "
        "('clan', @training.train)]"
    )
    parameters = [*run.parameters, "TEST = %VALIDATION", f"pipeline.run.stages = {stages}"]
    return Run(f"choice_lambda{weight}", run.gin_files, parameters)


class WeightChoice:
    """The candidates and the best of them.

    Attributes:
        weight: The chosen lambda_adv.
    """

    def __init__(self, sweep: Sweep, runs: Mapping[str, Run], *, evaluation: str, figure: str):
        """Makes the missing runs.

        Args:
            sweep: Where the runs are made.
            runs: `run_of_choice` of each candidate.
            evaluation: The name of the evaluation that counts.
            figure: Its figure.
        """
        self._sweep, self._runs = sweep, dict(runs)
        self._path = (evaluation, figure)
        sweep.make(list(self._runs.values()))
        self.weight = max(self._runs, key=lambda weight: np.mean(self._figures(weight)))

    def table(self, titles: Mapping[str, str]) -> str:
        """The figures of all candidates, with the titles of the methods by the names of stages."""
        rows = [
            [
                weight,
                "chosen" if weight == self.weight else "",
                *(f"{figure:.1f}" for figure in self._figures(weight)),
            ]
            for weight in self._runs
        ]
        columns = ["lambda_adv", "", *(titles[stage] for stage in _STAGES)]
        return markdown_table(columns, rows, words=2)

    def _figures(self, weight: str) -> list[float]:
        names = [self._runs[weight].name]
        return [self._sweep.values(names, "networks", s, *self._path)[0] for s in _STAGES]

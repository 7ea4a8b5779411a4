"""A row of the table of bad input, and the commands that rows begin with."""

import dataclasses
import shlex

from tests.bad_input import files

TRAIN = "train --gin_file=experiment.gin --run_dir=new "
RESUME = "train --gin_file=experiment.gin --run_dir=stopped "
EVALUATE = "evaluate --gin_file=evaluation.gin "


@dataclasses.dataclass(frozen=True)
class Row:
    """One thing that is wrong.

    Attributes:
        name: What.
        command: The command that meets it.
        says: A regular expression for its message.
        damage: What makes a file bad; None: the command itself is.
        cluster: The environment variable TF_CONFIG; None: it is not set.
    """

    name: str
    command: str
    says: str
    damage: files.Damage | None = None
    cluster: str | None = None


def param(binding: str) -> str:
    """A binding as a flag."""
    return f"--gin_param={shlex.quote(binding)} "


def source(kind: str) -> str:
    """Evaluates images of a source."""
    return EVALUATE + param(f"SOURCE = @{kind}()")


def pairs(kind: str) -> str:
    """Evaluates pairs of a kind."""
    return (
        EVALUATE
        + param("EVALUATION = @verification.VerificationEvaluation()")
        + param(f"PAIRS = @{kind}()")
    )

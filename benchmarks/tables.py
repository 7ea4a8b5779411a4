"""Tables of results: means, spreads and paired differences, in Markdown."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import stats


def spread(values: Sequence[float], *, signed: bool = False) -> str:
    """Mean and standard deviation, as text with one decimal; a single value stands alone."""
    mean = f"{np.mean(values):{'+' if signed else ''}.1f}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.1f}"


def change(values: Sequence[float], reference: Sequence[float]) -> str:
    """Mean and standard deviation of paired differences, with their sign."""
    return spread(np.subtract(values, reference), signed=True)


def difference(values: Sequence[float], reference: Sequence[float]) -> str:
    """The change of `change`, with the p-value of a paired t-test where the differences vary."""
    text = change(values, reference)
    if len(values) == 1 or not np.ptp(np.subtract(values, reference)):
        return text
    return f"{text} ({p_value_text(stats.ttest_rel(values, reference).pvalue)})"


def p_value_text(p_value: float) -> str:
    """A p-value with three decimals."""
    return "p < 0.001" if p_value < 0.001 else f"p {p_value:.3f}"


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, words: int) -> str:
    """A table in Markdown.

    Args:
        columns: The titles.
        rows: The cells.
        words: How many columns on the left hold words; the others are aligned as numbers.
    """
    rule = ["---"] * words + ["---:"] * (len(columns) - words)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [columns, rule, *rows])

"""Tables of results: means, spreads and paired differences, in Markdown."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import stats


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation, as text with one decimal; a single value stands alone."""
    if len(values) == 1:
        return f"{values[0]:.1f}"
    return f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f}"


def change(values: Sequence[float], reference: Sequence[float]) -> str:
    """Mean and standard deviation of paired differences, as text with the mean's sign."""
    differences = np.subtract(values, reference)
    text = f"{np.mean(differences):+.1f}"
    return text if len(differences) == 1 else f"{text} ± {np.std(differences, ddof=1):.1f}"


def difference(values: Sequence[float], reference: Sequence[float]) -> str:
    """The change of `change`, with the p-value of a paired t-test where the differences vary."""
    text = change(values, reference)
    differences = np.subtract(values, reference)
    if len(differences) == 1 or not np.ptp(differences):
        return text
    return f"{text} ({p_value_text(stats.ttest_1samp(differences, 0.0).pvalue)})"


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

"""ROC curves as a picture."""

from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rtml_tf.evaluation import roc


def write_roc_plot(*, file: str, curves: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Draws TAR over FAR, on a logarithmic axis of FAR, and writes a PNG file.

    The axis begins at the least FAR that the pairs can measure.

    Args:
        file: The file to write, `*.png`; its folder exists.
        curves: `(similarities [P], same [P])` by the name in the legend.

    Raises:
        ValueError: If there is no curve, or as `roc.roc_curve`.
    """
    if not curves:
        raise ValueError("curves must hold at least one curve, got none.")
    # Figure and canvas without pyplot: the user's matplotlib backend stays as it is.
    figure = Figure(figsize=(6.0, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    smallest = 1.0
    for name, (similarities, same) in curves.items():
        far, tar, _ = roc.roc_curve(similarities, same)
        smallest = min(smallest, 1.0 / np.count_nonzero(~np.asarray(same, bool)))
        # A step: between two thresholds there is none that gives the rates between.
        area = roc.area_under_curve(far, tar)
        axes.plot(far, tar, drawstyle="steps-post", label=f"{name} (area {area:.4f})")
    axes.set(
        xscale="log",
        xlim=(min(smallest, 0.1), 1.0),
        ylim=(0.0, 1.02),
        xlabel="false accept rate",
        ylabel="true accept rate",
    )
    axes.grid(True, which="both", alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(file, format="png", dpi=120)

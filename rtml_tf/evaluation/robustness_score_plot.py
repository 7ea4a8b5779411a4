"""The components of the robustness score as a picture."""

from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rtml_tf.evaluation.robustness_score import empirical_robustness_score, score_components


def write_score_plot(*, file: str, figures: Mapping[str, Mapping[str, float]], title: str) -> None:
    """Draws a bar for each component of the score, and writes a PNG file.

    Args:
        file: The file to write, `*.png`; its folder exists.
        figures: Figures of all attacks by the name in the legend, such as "attacked".
        title: What stands above the picture.

    Raises:
        ValueError: If there are no figures.
    """
    if not figures:
        raise ValueError("figures must hold at least one set of figures, got none.")
    # Figure and canvas without pyplot: the user's matplotlib backend stays as it is.
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    width = 0.8 / len(figures)
    for number, (name, values) in enumerate(figures.items()):
        components = score_components(values)
        places = np.arange(len(components)) + (number - (len(figures) - 1) / 2) * width
        label = f"{name} (mean {empirical_robustness_score(values):.1f})"
        axes.bar(places, list(components.values()), width, label=label)
        axes.set_xticks(np.arange(len(components)), list(components))
    axes.set_ylabel("component of the score")
    axes.set_title(title, fontsize="small")
    axes.grid(True, axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=len(figures))
    figure.savefig(file, format="png", dpi=120)

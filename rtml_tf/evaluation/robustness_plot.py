"""Figures over epsilon as a picture."""

from collections.abc import Mapping

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rtml_tf.evaluation.epsilons import epsilon_name


def write_robustness_plot(
    *, file: str, curves: Mapping[str, Mapping[float, float]], title: str
) -> None:
    """Draws figures over the attack's epsilon and writes a PNG file.

    Args:
        file: The file to write, `*.png`; its folder exists.
        curves: `{figure: {epsilon: value}}`, epsilons in pixel units, values in [0, 1].
        title: What stands above the picture.

    Raises:
        ValueError: If there is no curve.
    """
    if not curves:
        raise ValueError("curves must hold at least one curve, got none.")
    # Figure and canvas without pyplot: the user's matplotlib backend stays as it is.
    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, values in curves.items():
        axes.plot(list(values), list(values.values()), marker="o", label=name)
    epsilons = sorted({epsilon for values in curves.values() for epsilon in values})
    axes.set_xticks(epsilons, [epsilon_name(epsilon) for epsilon in epsilons])
    axes.set(ylim=(0.0, 1.02), xlabel="epsilon (of pixels in [0, 1])", ylabel=", ".join(curves))
    axes.set_title(title, fontsize="small")
    axes.grid(True, alpha=0.3)
    if len(curves) > 1:
        axes.legend()
    figure.savefig(file, format="png", dpi=120)

"""Singular values of embeddings as a picture."""

from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rtml_tf.evaluation.spectrum import spectral_decay


def write_spectrum_plot(*, file: str, spectra: Mapping[str, np.ndarray], title: str) -> None:
    """Draws each singular value's share of their sum, largest first, and writes a PNG file.

    A dashed line shows the share that all would have if they were equal, where `rho` is 0.

    Args:
        file: The file to write, `*.png`; its folder exists.
        spectra: Singular values `[K]`, largest first, by the name in the legend.
        title: What stands above the picture.

    Raises:
        ValueError: If there is no spectrum.
    """
    if not spectra:
        raise ValueError("spectra must hold at least one spectrum, got none.")
    # Figure and canvas without pyplot: the user's matplotlib backend stays as it is.
    figure = Figure(figsize=(6.0, 4.0), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, values in spectra.items():
        shares = np.asarray(values) / max(np.sum(values), np.finfo(np.float64).tiny)
        label = f"{name} (rho {spectral_decay(values):.3f})"
        axes.plot(np.arange(1, len(shares) + 1), shares, label=label)
    count = max(len(values) for values in spectra.values())
    axes.axhline(1.0 / count, color="grey", linestyle="dashed", label="all equal (rho 0)")
    # Values that are rounding only would stretch the axis beyond what can be read.
    axes.set(yscale="log", ylim=(1e-4 / count, 1.5))
    axes.set(xlabel="number of the singular value", ylabel="share of their sum")
    axes.set_title(title, fontsize="small")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(file, format="png", dpi=120)

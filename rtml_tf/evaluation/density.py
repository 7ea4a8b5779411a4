"""How densely classes fill the embedding space."""

import dataclasses

import numpy as np

from rtml_tf.evaluation.class_sums import ClassSums
from rtml_tf.evaluation.embeddings import normalised_embeddings
from rtml_tf.evaluation.spectrum import singular_values, spectral_decay, spectral_rank
from rtml_tf.evaluation.uniformity import uniformity

DENSITY_FIGURES = (
    "intra_distance",
    "inter_distance",
    "density",
    "rho",
    "rho_centred",
    "rank",
    "alignment",
    "uniformity",
)


@dataclasses.dataclass(frozen=True)
class Density:
    """What `measure_density` finds.

    Attributes:
        figures: `DENSITY_FIGURES` by name.
        spectrum: Singular values of the embeddings, largest first.
        centred_spectrum: The same with the mean embedding taken away.
    """

    figures: dict[str, float]
    spectrum: np.ndarray
    centred_spectrum: np.ndarray


def measure_density(embeddings: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> Density:
    """Measures all of it.

    * `intra_distance`, `inter_distance`: see `class_distances`;
    * `density`: the first over the second. More of it means classes that are wide for the space
      between them; Roth et al. 2020 ("Revisiting training strategies and generalization
      performance in deep metric learning") find that this generalises better;
    * `rho`: `spectrum.spectral_decay` of the embeddings as they are, as Roth et al. have it;
      `rho_centred`: with the mean embedding taken away. Lower is an evener use of the dimensions
      that are in use at all: of the embeddings as they are, `rank` dimensions;
    * `alignment`: see there, and `uniformity`: see `uniformity.uniformity`. Lower is better.

    Memory beyond two copies of the embeddings is bounded. All is exact but for the uniformity of
    more than 10,000 images, and singular values where images and dimensions exceed 2,048: both are
    then those of so many images, drawn by `seed`.

    Args:
        embeddings: `[N, D]`; they are normalised here.
        labels: int `[N]`.
        seed: Non-negative.

    Raises:
        ValueError: If the arrays do not fit each other, embeddings are empty or not finite, there
            are fewer than two classes, or no class has two images.
    """
    intra, inter = class_distances(embeddings, labels)
    spectrum = singular_values(embeddings, centred=False, seed=seed)
    centred_spectrum = singular_values(embeddings, centred=True, seed=seed)
    figures = {
        "intra_distance": intra,
        "inter_distance": inter,
        # Below that are class means that all coincide, but for the rounding of float32.
        "density": intra / max(inter, 1e-6),
        "rho": spectral_decay(spectrum),
        "rho_centred": spectral_decay(centred_spectrum),
        "rank": float(spectral_rank(spectrum)),
        "alignment": alignment(embeddings, labels),
        "uniformity": uniformity(embeddings, seed=seed),
    }
    return Density(figures, spectrum, centred_spectrum)


def class_distances(embeddings: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean cosine distance within classes, and between them.

    Within: of all pairs of two images of a class, averaged over the classes that have two. Between:
    of all pairs of class means, each at unit length.

    Args:
        embeddings: `[N, D]`; they are normalised here.
        labels: int `[N]`.

    Returns:
        `(intra, inter)`, each at least 0 and, up to rounding, at most 2.

    Raises:
        ValueError: As `measure_density`.
    """
    sums = _checked_sums(embeddings, labels)
    paired = sums.sizes > 1
    size = sums.sizes[paired]
    cosines = (sums.squared_sums[paired] - sums.squared_lengths[paired]) / (size * (size - 1))
    length = np.sqrt(sums.squared_sums)
    # A class whose embeddings cancel each other has no direction: its mean stays 0.
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 1e-12)
    total = np.array([column @ scale for column in sums.by_dimension()])
    count = len(sums.sizes)
    between = (total @ total - np.count_nonzero(scale)) / (count * (count - 1))
    return max(0.0, 1.0 - float(cosines.mean())), max(0.0, 1.0 - float(between))


def alignment(embeddings: np.ndarray, labels: np.ndarray) -> float:
    """Mean of `|x - y|^2` over all pairs of two images of one class.

    Wang and Isola 2020 ("Understanding contrastive representation learning through alignment and
    uniformity on the hypersphere"), with their `alpha = 2`; images of a class stand for their two
    views of an image. Unlike `class_distances`, it counts every pair, not every class, alike.

    Args:
        embeddings: `[N, D]`; they are normalised here.
        labels: int `[N]`.

    Returns:
        A number in [0, 4], up to rounding.

    Raises:
        ValueError: As `measure_density`.
    """
    sums = _checked_sums(embeddings, labels)
    squared = 2.0 * (sums.sizes * sums.squared_lengths - sums.squared_sums)
    return float(squared.sum() / (sums.sizes * (sums.sizes - 1)).sum())


def _checked_sums(embeddings: np.ndarray, labels: np.ndarray) -> ClassSums:
    sums = ClassSums(normalised_embeddings(embeddings), labels)
    if len(sums.sizes) < 2 or sums.sizes.max() < 2:
        raise ValueError(
            "Density needs at least two classes, one of them with two images, got "
            f"{len(sums.sizes)} classes with at most {sums.sizes.max():.0f} images."
        )
    return sums

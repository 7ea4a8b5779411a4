"""How well a metric retrieves images of the same class: Recall@k, R-precision, MAP@R, NMI."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from rtml_tf.data.batches import OrderedBatches
from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation.clustering import normalized_mutual_information
from rtml_tf.evaluation.density import DENSITY_FIGURES, Density, measure_density
from rtml_tf.evaluation.embeddings import embed, normalised_embeddings
from rtml_tf.evaluation.neighbours import DEFAULT_BLOCK_SIZE, NeighbourSearch
from rtml_tf.evaluation.pictures import file_in, show_in_tensorboard
from rtml_tf.evaluation.ranking import ranking_figures
from rtml_tf.evaluation.spectrum_plot import write_spectrum_plot
from rtml_tf.evaluation.subset import balanced_subset
from rtml_tf.evaluation.uniformity import LARGEST_PAIRED_SET


def retrieval_figures(
    embeddings: np.ndarray,
    labels: np.ndarray,
    *,
    gallery_embeddings: np.ndarray | None = None,
    gallery_labels: np.ndarray | None = None,
    own_index: np.ndarray | None = None,
    recall_at: Sequence[int] = (1, 2, 4, 8),
    nmi: bool = True,
    seed: int = 0,
    block_size: int = DEFAULT_BLOCK_SIZE,
    search: NeighbourSearch | None = None,
) -> dict[str, float]:
    """Ranks the gallery for every query by cosine similarity and measures the ranking.

    With `R` the number of gallery images of the query's class, without the query itself, and
    `P(i)` the share of its class among its first `i` neighbours (Musgrave et al. 2020, "A metric
    learning reality check"):

    * `recall@k`: 1 if its class is among its first `k` neighbours, else 0 (Jegou et al. 2011,
      Song et al. 2016);
    * `r_precision`: `P(R)`;
    * `map@r`: `1/R` times the sum of `P(i)` over those `i <= R` that are of its class;

    each averaged over the queries. `nmi` compares classes and clusters of the queries (see
    `clustering.normalized_mutual_information`).

    A query never finds itself. A query without a match (`R = 0`: the only image of its class) is
    no query and does not enter the averages, but its image stays in the gallery, where others
    can find it; `query_share` is the share of queries that do have a match, and the log has the
    counts. Equal similarities are ranked by gallery index, as the search libraries used in the
    literature rank them; of equal images of two classes, one that comes first in the gallery
    wins.

    Memory beyond the embeddings is bounded by `block_size` and two copies of the embeddings.

    Args:
        embeddings: `[Q, D]`, the queries. They are normalised here.
        labels: int `[Q]`, their classes.
        gallery_embeddings: `[N, D]`, what is searched. None: the queries themselves.
        gallery_labels: int `[N]`, given with `gallery_embeddings`.
        own_index: int `[Q]`, the gallery index of each query's own image, -1 where the gallery
            does not have it; only with a gallery. None: the gallery has none of the queries.
        recall_at: The `k` of `recall@k`.
        nmi: Whether to compute `nmi`, which takes a k-means run.
        seed: Of the k-means start.
        block_size: Similarities held at once (4 bytes each).
        search: Finds the neighbours; None: exactly, in blocks of `block_size`.

    Returns:
        `recall@k` for every `k`, `r_precision`, `map@r`, `query_share` and `nmi`, in [0, 1].

    Raises:
        ValueError: If arrays do not fit each other, embeddings are empty or not finite, or no
            query has a match.
    """
    check_recall_at(recall_at)
    queries, labels = _labelled(embeddings, labels, "embeddings", "labels")
    if (gallery_embeddings is None) != (gallery_labels is None):
        raise ValueError("gallery_embeddings and gallery_labels must be given together.")
    if gallery_embeddings is None:
        if own_index is not None:
            raise ValueError("own_index must come with gallery_embeddings, got it alone.")
        gallery, gallery_labels, own_index = queries, labels, np.arange(len(queries))
    else:
        gallery, gallery_labels = _labelled(
            gallery_embeddings, gallery_labels, "gallery_embeddings", "gallery_labels"
        )
        own_index = np.full(len(queries), -1) if own_index is None else np.asarray(own_index)
    figures = ranking_figures(
        queries,
        labels,
        gallery,
        gallery_labels,
        own_index=own_index,
        recall_at=recall_at,
        block_size=block_size,
        search=search,
    )
    if nmi:
        figures["nmi"] = normalized_mutual_information(queries, labels, seed=seed)
    return figures


def _labelled(
    embeddings: np.ndarray, labels: np.ndarray, name: str, labels_name: str
) -> tuple[np.ndarray, np.ndarray]:
    embeddings = normalised_embeddings(embeddings, name=name)
    labels = np.asarray(labels)
    if labels.shape != (len(embeddings),):
        raise ValueError(
            f"{labels_name} must have one entry for each of {len(embeddings)} {name}, got an "
            f"array of shape {labels.shape}."
        )
    return embeddings, labels


def check_recall_at(recall_at: Sequence[int]) -> None:
    """Refuses an empty list of `k`, any below 1, and any that is there twice: a `ValueError`."""
    if not recall_at or min(recall_at) < 1 or len(set(recall_at)) < len(recall_at):
        raise ValueError(
            f"recall_at must hold different numbers of at least 1, got {tuple(recall_at)}."
        )


class RetrievalEvaluation:
    """Retrieval figures of a network on a source, meant for classes that were not trained on.

    With them come the figures of `density.measure_density`: what the classes look like in the space
    that is searched.

    Attributes:
        figure_names: The figures that `evaluate` gives, `recall@k` first.
        source: The images that are evaluated.
        image_shape: Of the images that a network is given.
    """

    def __init__(
        self,
        *,
        source: ImageSource,
        batch_size: int = 256,
        recall_at: Sequence[int] = (1, 2, 4, 8),
        nmi: bool = True,
        density: bool = True,
        seed: int = 0,
        limit: int | None = None,
        search: NeighbourSearch | None = None,
    ):
        """Prepares the evaluation.

        Args:
            source: Every image is a query and stands in the gallery.
            batch_size: Images embedded at once.
            recall_at: The `k` of `recall@k`.
            nmi: Whether to compute `nmi`, which takes a k-means run.
            density: Whether to compute the figures of the density, and to draw the singular values.
            seed: Of the k-means start and of the choice that `limit` makes.
            limit: At most this many images, the same ones in every call (see
                `subset.balanced_subset`). A smaller gallery is easier to search: figures of
                different limits do not compare. None: all.
            search: Finds the neighbours, for galleries that are too large for exact search; see
                `approximate_neighbours.ApproximateSearch`. None: exactly.

        Raises:
            ValueError: If an argument is out of range, no class has two images, or there is one
                class only and its density is wanted.
        """
        check_recall_at(recall_at)
        if limit is not None:
            source = balanced_subset(source, limit, seed=seed)
        if np.bincount(source.labels).max() < 2:
            raise ValueError(
                f"source must have a class with at least two images, got {len(source)} classes "
                "with one image each."
            )
        if density and source.num_classes < 2:
            raise ValueError(
                "density needs at least two classes, got one; leave it out with density=False."
            )
        self.source = source
        self.image_shape = source.image_shape
        self.figure_names = tuple(f"recall@{k}" for k in recall_at)
        self.figure_names += ("map@r", "r_precision", "query_share") + ("nmi",) * nmi
        self.figure_names += DENSITY_FIGURES * density
        self._batches = OrderedBatches(source=source, batch_size=batch_size)
        self._recall_at = tuple(recall_at)
        self._nmi = nmi
        self._with_density = density
        self._density: Density | None = None
        self._seed = seed
        self._search = search

    def evaluate(self, network: tf.keras.Model) -> dict[str, float]:
        """Embeds the source with `network` (in inference mode) and measures the retrieval.

        Raises:
            ValueError: If the network does not take the source's images or gives embeddings
                that are not finite.
        """
        embeddings, labels = embed(network, self._batches)
        figures = retrieval_figures(
            embeddings,
            labels,
            recall_at=self._recall_at,
            nmi=self._nmi,
            seed=self._seed,
            search=self._search,
        )
        if self._with_density:
            self._density = measure_density(embeddings, labels, seed=self._seed)
            figures |= self._density.figures
        return figures

    def describe(self) -> dict:
        """What is evaluated, and how it was searched if not exactly.

        Returns:
            A dict that JSON can hold.
        """
        description = {
            "images": len(self.source),
            "classes": self.source.num_classes,
            "seed": self._seed,
        }
        if self._with_density:
            description["uniformity_images"] = min(len(self.source), LARGEST_PAIRED_SET)
        if self._search is not None:
            description["search"] = self._search.describe()
        return description

    def plot(self, figures: Mapping[str, float], folder: pathlib.Path, name: str) -> None:
        """Draws the singular values of the embeddings of the network that was evaluated last.

        Args:
            figures: What `evaluate` gave.
            folder: The run folder: gets `<name>_spectrum.png`, and the same picture in
                `tensorboard`. Nothing is drawn without density.
            name: The name of this evaluation.
        """
        del figures  # The values say more than their decay.
        if self._density is None:
            return
        file = file_in(folder, name, "_spectrum.png")
        write_spectrum_plot(
            file=str(file),
            spectra={
                "embeddings": self._density.spectrum,
                "centred": self._density.centred_spectrum,
            },
            title=f"{name}: singular values of {len(self.source)} embeddings",
        )
        show_in_tensorboard(file, folder=folder, name=f"{name} spectrum")

"""How well a metric tells whether two images show the same person."""

import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from rtml_tf.data.batches import OrderedBatches
from rtml_tf.data.pair_set import PairSet, check_disjoint
from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation import roc
from rtml_tf.evaluation.embeddings import embed, normalised_embeddings
from rtml_tf.evaluation.pictures import file_in, show_in_tensorboard
from rtml_tf.evaluation.roc_plot import write_roc_plot
from rtml_tf.evaluation.thresholds import best_threshold, fold_accuracies

_FALSE_ACCEPT_RATES = (1e-1, 1e-2, 1e-3, 1e-4)
_PAIRS_AT_ONCE = 65_536


def pair_similarities(embeddings: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosine similarity of pairs.

    Args:
        embeddings: `[N, D]`; they are normalised here.
        left: int `[P]`, rows of `embeddings`.
        right: int `[P]`, rows of `embeddings`.

    Returns:
        float32 `[P]` in [-1, 1], up to rounding.

    Raises:
        ValueError: If the embeddings are empty or not finite.
    """
    embeddings = normalised_embeddings(embeddings)
    similarities = np.empty(len(left), np.float32)
    for start in range(0, len(left), _PAIRS_AT_ONCE):
        part = slice(start, start + _PAIRS_AT_ONCE)
        similarities[part] = np.einsum("pd,pd->p", embeddings[left[part]], embeddings[right[part]])
    return similarities


def verification_figures(
    similarities: np.ndarray,
    same: np.ndarray,
    fold: np.ndarray,
    *,
    false_accept_rates: Sequence[float] = _FALSE_ACCEPT_RATES,
) -> dict[str, float]:
    """All verification figures of pair similarities.

    * `accuracy`: the mean of `thresholds.fold_accuracies`, `accuracy_std` their standard
      deviation (over `F - 1`) and `accuracy_standard_error` that of the mean, which LFW asks for
      (Huang et al. 2007, "Labeled Faces in the Wild");
    * `auc` and `eer`: area under the ROC curve and equal error rate;
    * `tar@far=0.01`, ...: true accept rate at a false accept rate of at most that (`roc`);
    * `smallest_far`: one over the number of pairs of different people, the least FAR above zero
      that they can measure. TAR at a smaller one is the TAR without any false accept; a warning
      in the log says so;
    * `threshold`: the best one over all pairs.

    Args:
        similarities: `[P]`, finite.
        same: bool `[P]`, pairs of both kinds.
        fold: int `[P]`, at least two folds.
        false_accept_rates: In (0, 1].

    Raises:
        ValueError: If the arrays do not fit each other, are not finite, or a kind of pairs or
            folds are missing.
    """
    same = np.asarray(same, bool)
    fold = np.asarray(fold)
    far, tar, _ = roc.roc_curve(similarities, same)
    if fold.shape != same.shape:
        raise ValueError(
            f"fold must have one entry for each of {len(same)} pairs, got an array of shape "
            f"{fold.shape}."
        )
    accuracies = fold_accuracies(similarities, same, fold)
    deviation = float(np.std(accuracies, ddof=1))
    figures = {
        "accuracy": float(np.mean(accuracies)),
        "accuracy_std": deviation,
        "accuracy_standard_error": deviation / len(accuracies) ** 0.5,
        "auc": roc.area_under_curve(far, tar),
        "eer": roc.equal_error_rate(far, tar),
    }
    for rate in false_accept_rates:
        figures[_tar_name(rate)] = roc.true_accept_rate(far, tar, rate)
    different = np.count_nonzero(~same)
    figures["smallest_far"] = 1.0 / different
    figures["threshold"] = best_threshold(similarities, same)
    unsupported = [rate for rate in false_accept_rates if rate * different < 1.0]
    if unsupported:
        logging.warning(
            "%d pairs of different people cannot support a false accept rate below %.2g: TAR at "
            "FAR %s is the TAR without any false accept.",
            different,
            figures["smallest_far"],
            ", ".join(f"{rate:g}" for rate in unsupported),
        )
    return figures


def _tar_name(rate: float) -> str:
    return f"tar@far={rate:g}"


def check_pairs(pairs: PairSet, *, training: ImageSource | None) -> None:
    """Refuses pairs that an evaluation would fail on, whatever the similarities are.

    Args:
        pairs: Pairs to test on.
        training: Images that were trained on, or None.

    Raises:
        ValueError: If pairs of a kind are missing, all are of one fold, or training images are
            tested on.
    """
    kinds, folds = len(np.unique(pairs.same)), len(np.unique(pairs.fold))
    if kinds < 2 or folds < 2:
        raise ValueError(
            "pairs must be of both kinds, same and different, and of at least two folds, got "
            f"{kinds} kinds and {folds} folds."
        )
    if training is not None:
        check_disjoint(pairs=pairs, training=training)


class VerificationEvaluation:
    """Verification figures of a network on pairs.

    Attributes:
        figure_names: The figures that `evaluate` gives.
        pairs: The pairs.
        image_shape: Of the images that a network is given.
    """

    def __init__(
        self,
        *,
        pairs: PairSet,
        batch_size: int = 256,
        false_accept_rates: Sequence[float] = _FALSE_ACCEPT_RATES,
        training: ImageSource | None = None,
    ):
        """Prepares the evaluation.

        Args:
            pairs: The pairs, of both kinds and at least two folds.
            batch_size: Images embedded at once.
            false_accept_rates: Where the true accept rate is measured, in (0, 1].
            training: The images that the network is trained on: it is then checked that they
                share neither people nor images with the pairs, as far as these know their people
                (see `pair_set.check_disjoint`).

        Raises:
            ValueError: If an argument is out of range, pairs of a kind are missing, all pairs are
                of one fold, or training images are tested on.
        """
        for rate in false_accept_rates:
            if not 0.0 < rate <= 1.0:
                raise ValueError(f"false_accept_rates must lie in (0, 1], got {rate}.")
        check_pairs(pairs, training=training)
        self.pairs = pairs
        self.image_shape = pairs.images.image_shape
        self.figure_names = (
            "accuracy",
            "accuracy_std",
            "accuracy_standard_error",
            "auc",
            "eer",
            *(_tar_name(rate) for rate in false_accept_rates),
            "smallest_far",
            "threshold",
        )
        self._batches = OrderedBatches(source=pairs.images, batch_size=batch_size)
        self._false_accept_rates = tuple(false_accept_rates)
        self._similarities: np.ndarray | None = None

    def similarities(self, network: tf.keras.Model) -> np.ndarray:
        """Cosine similarity of every pair, float32 `[P]`; each image is embedded once.

        Raises:
            ValueError: If the network does not take the images or gives embeddings that are not
                finite.
        """
        embeddings, _ = embed(network, self._batches)
        return pair_similarities(embeddings, self.pairs.left, self.pairs.right)

    def evaluate(self, network: tf.keras.Model) -> dict[str, float]:
        """The figures of `network` in inference mode."""
        self._similarities = self.similarities(network)
        return verification_figures(
            self._similarities,
            self.pairs.same,
            self.pairs.fold,
            false_accept_rates=self._false_accept_rates,
        )

    def plot(self, figures: Mapping[str, float], folder: pathlib.Path, name: str) -> None:
        """Draws the ROC curve of the network that was evaluated last.

        Args:
            figures: What `evaluate` gave.
            folder: The run folder: gets `<name>.png`, and the same picture in `tensorboard`.
            name: The name of this evaluation.

        Raises:
            ValueError: If no network was evaluated yet.
        """
        del figures  # The curve says more.
        if self._similarities is None:
            raise ValueError("plot needs a network to have been evaluated, got none yet.")
        file = file_in(folder, name, ".png")
        write_roc_plot(file=str(file), curves={name: (self._similarities, self.pairs.same)})
        show_in_tensorboard(file, folder=folder, name=name)

"""RobRank: nine attacks on rankings, and one score of how a metric stands up to them."""

import pathlib
import textwrap
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.inference_view import checked_compute_dtype
from rtml_tf.data.batches import OrderedBatches
from rtml_tf.data.source import ImageSource, Subset
from rtml_tf.evaluation.attacked_embeddings import (
    AttackedEmbeddings,
    branches_under_attack,
    progress_bar,
)
from rtml_tf.evaluation.embeddings import check_unit_length, embed, normalised_embeddings
from rtml_tf.evaluation.epsilons import epsilon_name
from rtml_tf.evaluation.pictures import file_in, show_in_tensorboard
from rtml_tf.evaluation.ranked_images import RankedImages
from rtml_tf.evaluation.ranking_attack import RankingAttack
from rtml_tf.evaluation.robrank_profile import NUM_ATTACKS, robrank_attacks, robrank_search
from rtml_tf.evaluation.robustness_score import ATTACK_FIGURES, empirical_robustness_score
from rtml_tf.evaluation.robustness_score_plot import write_score_plot
from rtml_tf.evaluation.sampling import stratified_sample
from rtml_tf.networks.checking import check_differentiable


class RobRankEvaluation:
    """The empirical robustness score and the figures of the attacks that it is made of.

    Zhou et al. TPAMI 2024 ("Adversarial attack and defense in deep ranking", arXiv 2106.03614):
    CA+, CA-, QA+, QA-, TMA, ES, LTM, GTM and GTT, each a search from the clean image for what
    `rank_attacks`, `embedding_attacks` and `top_rank_attacks` describe. The figures have the units
    of the paper: `ERS`, ranks and recalls in percent, `TMA` a cosine, `ES:D` a distance in [0, 2].
    `R@1` is the clean Recall@1 of the queries that are attacked, in percent as well.

    The gallery is every image of the source, clean; images that are the only ones of their class
    are not attacked. The same images are attacked with the same partners in every call. Every
    attack is traced anew, and given up when it is done: memory is bounded by one of them.

    The network is attacked and evaluated as it is in inference mode: of one with several
    batch-norm branches it is the branch "clean".

    Attributes:
        figure_names: The figures that `evaluate` gives, `ERS` first.
        image_shape: Of the images that a network is given.
    """

    figure_names = ("ERS", "R@1", *ATTACK_FIGURES)

    def __init__(
        self,
        *,
        source: ImageSource,
        attack: Attack | None = None,
        batch_size: int = 128,
        limit: int | None = None,
        seed: int = 0,
        compute_dtype: str = "float32",
    ):
        """Chooses the images to attack.

        Args:
            source: Meant for classes that were not trained on.
            attack: How to search, in pixel units. `None`: see `robrank_profile.robrank_search`.
            batch_size: Images attacked at once.
            limit: At most this many images are attacked, drawn at random; the gallery stays
                whole. `None`: all.
            seed: Of the choice that `limit` makes, of the attacks' queries, candidates and targets,
                and of the searches.
            compute_dtype: Type that the attack's passes compute in, see `InferenceView`. The
                figures are those of the network as it is.

        Raises:
            ValueError: If an argument is out of range, there are fewer than two classes or three
                images, no class has two images, or the attack has no epsilon.
        """
        labels = np.asarray(source.labels)
        candidates = np.flatnonzero(np.bincount(labels)[labels] > 1)
        if source.num_classes < 2 or len(labels) < 3 or candidates.size == 0:
            raise ValueError(
                "source must have at least two classes, and two images in one of them, got "
                f"{source.num_classes} classes with {len(labels)} images."
            )
        self._attack = robrank_search() if attack is None else attack
        if self._attack.epsilon is None:
            raise ValueError(f"attack must have an epsilon, got {self._attack!r}.")
        chosen = stratified_sample(np.zeros(len(candidates), np.int8), limit, seed=seed)
        self.image_shape = source.image_shape
        self._source = source
        self._attackable = len(candidates)
        self._attacked = candidates[chosen]
        self._batches = OrderedBatches(source=source, batch_size=batch_size)
        self._attacked_batches = OrderedBatches(
            source=Subset(source, self._attacked), batch_size=batch_size
        )
        self._limit = limit
        self._seed = seed
        self._compute_dtype = checked_compute_dtype(compute_dtype)
        self._branch: dict[str, str] | None = None
        self._unattacked: dict[str, float] = {}

    def evaluate(self, network: tf.keras.Model) -> dict[str, float]:
        """The score and all figures of `network` in inference mode.

        A bar shows the progress on a terminal.

        Raises:
            ValueError: If the network does not take the images, or its embeddings are not finite
                or not at unit length.
        """
        self._branch = branches_under_attack(network)
        embeddings, labels = embed(network, self._batches)
        check_unit_length(embeddings)
        images = RankedImages(
            embeddings=normalised_embeddings(embeddings), labels=labels, attacked=self._attacked
        )
        advance = progress_bar(NUM_ATTACKS * self._attacked_batches.steps)
        self._unattacked, figures = {}, {}
        for attack in robrank_attacks(images, seed=self._seed):
            self._unattacked |= attack.measure(images.clean)
            figures |= attack.measure(self._found(network, attack, advance))
        recall = {"R@1": 100.0 * images.recall_at_1(images.clean)}
        figures |= {"ERS": empirical_robustness_score(figures)} | recall
        return {name: figures[name] for name in self.figure_names}

    def check_network(self, network: tf.keras.Model) -> None:
        """Refuses a network on which the attack cannot find anything, see `selection.Evaluation`.

        Raises:
            ValueError: If the attack needs gradients that the network does not pass.
        """
        if self._attack.needs_gradient:
            check_differentiable(network, self.image_shape)

    def describe(self) -> dict:
        """What was attacked and how, and the latest network's figures without any perturbation.

        Returns:
            A dict that JSON can hold; its branch (`branches_under_attack`) is None before the first
            network.
        """
        config = {**self._attack.get_config(), "ball": type(self._attack.ball).__name__}
        return {
            "attack": {"name": type(self._attack).__name__, **config},
            "branch": self._branch,
            "attacked": len(self._attacked),
            "of": self._attackable,
            "gallery": len(self._source),
            "limit": self._limit,
            "seed": self._seed,
            "batch_size": self._batches.batch_size,
            "compute_dtype": self._compute_dtype,
            "unattacked": dict(self._unattacked),
        }

    def plot(self, figures: Mapping[str, float], folder: pathlib.Path, name: str) -> None:
        """Draws the components of the score, with and without attack.

        Args:
            figures: What `evaluate` gave.
            folder: The run folder: gets `<name>.png`, and the same picture in `tensorboard`.
            name: The name of this evaluation.
        """
        file = file_in(folder, name, ".png")
        curves = {"attacked": figures}
        if self._unattacked:
            curves = {"not attacked": self._unattacked, **curves}
        title = (
            f"{name}: ERS {figures['ERS']:.1f}, {len(self._attacked)} images attacked by "
            f"{type(self._attack).__name__} at {epsilon_name(self._attack.epsilon)}"
        )
        write_score_plot(file=str(file), figures=curves, title="\n".join(textwrap.wrap(title)))
        show_in_tensorboard(file, folder=folder, name=name)

    def _found(
        self, network: tf.keras.Model, attack: RankingAttack, advance: Callable[[int], None]
    ) -> np.ndarray:
        attacked = AttackedEmbeddings(
            network=network,
            image_shape=self._source.image_shape,
            objective=attack.objective,
            compute_dtype=self._compute_dtype,
        ).embed(
            self._attacked_batches,
            attack.entries,
            attack=self._attack,
            epsilon=self._attack.epsilon,
            seed=self._seed,
            advance=advance,
        )
        return normalised_embeddings(attacked)

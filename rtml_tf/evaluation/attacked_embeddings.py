"""Embeddings of images under attack, computed batch by batch."""

import json
import sys
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.compiled_attack import CompiledAttack
from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.attacks.objective import Objective
from rtml_tf.data.array_cache import ArrayCache
from rtml_tf.data.batches import OrderedBatches
from rtml_tf.evaluation.division import Division
from rtml_tf.evaluation.embeddings import embedding_function
from rtml_tf.evaluation.gathered_rows import GatheredRows
from rtml_tf.evaluation.kept_attack import KeptAttack
from rtml_tf.layers.branch_routing import CLEAN
from rtml_tf.networks.branches import branches_of
from rtml_tf.networks.checking import check_input_shape


class AttackedEmbeddings:
    """Attacks a network on images and embeds what the attack has found.

    The attack goes through an `InferenceView` of the network, the embedding through the network
    itself. A transfer attack goes through another network, the surrogate, that the attacker knows
    instead. An attack is traced once, whatever its epsilon. Memory is bounded by the batch, apart
    from the embeddings.

    Attributes:
        network: The network under attack.
    """

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        image_shape: tuple[int, int, int],
        objective: Objective,
        compute_dtype: str = "float32",
        surrogate: tf.keras.Model | None = None,
        cache: ArrayCache | None = None,
    ):
        """Prepares the network; nothing is attacked yet.

        Args:
            network: Images `[B, H, W, C]` in [0, 1] to embeddings `[B, D]`.
            image_shape: `(H, W, C)` of the images.
            objective: What attacks raise.
            compute_dtype: The type that the attack's passes compute in, see `InferenceView`.
            surrogate: The network that the attack sees, of the same images; `None`: `network`.
            cache: Where images under attack are kept, see `KeptAttack`; `None`: nowhere.

        Raises:
            ValueError: If the network does not take these images, or the type is not known.
        """
        self.network = network
        self._objective = objective
        self._embed = embedding_function(network, image_shape)
        seen = network if surrogate is None else surrogate
        check_input_shape(seen, image_shape)
        self._view = InferenceView(network=seen, compute_dtype=compute_dtype)
        self._cache = cache
        self._attacks: dict[str, CompiledAttack | KeptAttack] = {}

    def embed(
        self,
        batches: OrderedBatches,
        entries: Mapping[str, np.ndarray | GatheredRows],
        *,
        attack: Attack,
        epsilon: float,
        seed: int,
        advance: Callable[[int], None] = lambda batches: None,
    ) -> np.ndarray:
        """Attacks every image once, in order.

        Under a distribution strategy the replicas divide the batches, and every worker must call
        this at the same time.

        Args:
            batches: The images.
            entries: What the objective reads beside image and label: `[N, ...]` in the order of
                the images. Embeddings among them are those of the network that the attack sees.
            attack: How to search.
            epsilon: Replaces the attack's own.
            seed: Batch `b` is attacked with the seed `(seed, b)`, at every epsilon.
            advance: Called with the number of batches that were attacked since the last call.

        Returns:
            float32 `[N, D]`, not normalised beyond what the network does.
        """
        prepared = self._prepared(attack)
        division = Division(batches)
        embeddings = []
        for group in division.groups():
            for number, batch in group:
                start = number * batches.batch_size
                part = slice(start, start + len(batch["label"]))
                batch.update({name: entry[part] for name, entry in entries.items()})
            images = prepared.on_replicas(
                [batch for _, batch in group],
                epsilon=epsilon,
                seeds=[(seed, number) for number, _ in group],
            )
            embeddings += [part.numpy() for part in self._embed(images)]
            advance(len(group) * division.workers)
        return division.joined(embeddings)

    def _prepared(self, attack: Attack) -> CompiledAttack | KeptAttack:
        """One graph for all attacks that differ in epsilon only, which is an input of it."""
        config = {**attack.get_config(), "epsilon": None}
        key = json.dumps([type(attack).__qualname__, config], sort_keys=True)
        if key not in self._attacks:
            prepared = CompiledAttack(network=self._view, attack=attack, objective=self._objective)
            if self._cache is not None:
                prepared = KeptAttack(prepared, cache=self._cache)
            self._attacks[key] = prepared
        return self._attacks[key]


def branches_under_attack(
    network: tf.keras.Model, surrogate: tf.keras.Model | None = None
) -> dict[str, str]:
    """Which batch-norm branch an attack sees, and which one the figures are of.

    Networks are called as they are, so of one that has branches it is "clean". A plain network does
    not know where it comes from: one that MDProp has finished was the branch "clean" of another,
    but that is for its run to say.

    Args:
        network: What is evaluated, a network or a file of one.
        surrogate: The network that the attack sees; `None`: `network`.

    Returns:
        `{"attacked": ..., "evaluated": ...}`: the branch, or "the whole network" where there are
        none.
    """

    def seen(network: tf.keras.Model) -> str:
        # What is in a file is no module, and was written without branches.
        branched = isinstance(network, tf.Module) and branches_of(network)
        return CLEAN if branched else "the whole network"

    return {
        "attacked": seen(network if surrogate is None else surrogate),
        "evaluated": seen(network),
    }


def progress_bar(steps: int, *, unit: str = "batch") -> Callable[[int], None]:
    """A bar on a terminal, nothing elsewhere.

    Args:
        steps: With how many of them the bar is full.
        unit: What the bar calls a step.

    Returns:
        The function that moves the bar on by some steps.
    """
    if not sys.stdout.isatty():
        return lambda steps: None
    bar = tf.keras.utils.Progbar(steps, interval=0.5, unit_name=unit)
    return bar.add

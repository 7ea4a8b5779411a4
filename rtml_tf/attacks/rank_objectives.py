"""Objectives that move an image in rankings: the candidate and the query attack.

A query `q` ranks the images of a gallery `X` by their distance. That a candidate `c` stands first
is one inequality `|q - c| < |q - x|` for each `x` in `X`; both attacks raise the sum of how far
the wanted inequalities are from being violated, as Zhou et al. state it in ECCV 2020 ("Adversarial
ranking attack and defense", section 3) and TPAMI 2024 ("Adversarial attack and defense in deep
ranking", which calls the four of them CA+, CA-, QA+ and QA-).
"""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.gallery_objective import GalleryObjective
from rtml_tf.attacks.objective import ObjectiveFunction, distance


class _RankObjective(GalleryObjective):
    """What the two attacks share: which way the candidate goes.

    Attributes:
        upwards: Whether the candidate rises in the ranking, towards the first place.
    """

    def __init__(self, *, gallery: np.ndarray | tf.Tensor, upwards: bool):
        """See `GalleryObjective`.

        Args:
            gallery: `[N, D]`, embeddings as the network gives them.
            upwards: Whether the candidate rises in the ranking, towards the first place.
        """
        super().__init__(gallery=gallery)
        self.upwards = bool(upwards)

    def get_config(self) -> dict:
        """The constructor's arguments but for the gallery."""
        return {"upwards": self.upwards}

    def _value(self, of_candidates: tf.Tensor, of_gallery: tf.Tensor) -> tf.Tensor:
        """Distances `[B, K]` and `[B, K or 1, N]` from the query -> `[B]`."""
        violated = of_candidates[:, :, tf.newaxis] - of_gallery
        return -tf.reduce_mean(tf.nn.relu(violated if self.upwards else -violated), axis=(1, 2))


class CandidateRankObjective(_RankObjective):
    """Moves each image up or down in the rankings of some queries: the candidate attack (CA).

    The image is a candidate, `c = f(x + d)`; the queries are images of the gallery and stay as
    they are. With its queries `Q`, the value that rises is
    `-mean_{q in Q, x in X} [|q - c| - |q - x|]_+` upwards (CA+), and the same with the difference
    turned round downwards (CA-). It is 0 where the image stands last for all of them. Where it
    stands first it still rises a little: the queries are in the gallery, and nearer to themselves.

    Reads `batch["query"]`, int `[B, W]`: the places of each image's queries in the gallery.
    """

    def prepare(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        batch: Mapping[str, tf.Tensor],
        *,
        seed: tf.Tensor,
    ) -> ObjectiveFunction:
        queries = tf.gather(self.gallery, self._entry(batch, "query"))  # [B, W, D]
        width = queries.shape[-1]
        of_gallery = self._distances(tf.reshape(queries, [-1, width]))
        of_gallery = tf.reshape(of_gallery, [*tf.unstack(tf.shape(queries)[:2]), -1])

        def value(embeddings: tf.Tensor) -> tf.Tensor:
            of_candidate = distance(embeddings[:, tf.newaxis], queries)  # [B, W]
            return self._value(of_candidate, of_gallery)

        return value


class QueryRankObjective(_RankObjective):
    """Moves some candidates up or down in each image's own ranking: the query attack (QA).

    The image is a query, `q = f(x + d)`; the candidates are images of the gallery. With its
    candidates `C`, the value that rises is `-mean_{c in C, x in X} [|q - c| - |q - x|]_+` upwards
    (QA+), and the same with the difference turned round downwards (QA-).

    Reads `batch["candidate"]`, int `[B, M]`: the places of each image's candidates in the gallery.
    """

    def prepare(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        batch: Mapping[str, tf.Tensor],
        *,
        seed: tf.Tensor,
    ) -> ObjectiveFunction:
        candidates = self._entry(batch, "candidate")

        def value(embeddings: tf.Tensor) -> tf.Tensor:
            distances = self._distances(embeddings)
            of_candidates = tf.gather(distances, candidates, batch_dims=1)  # [B, N] -> [B, M]
            return self._value(of_candidates, distances[:, tf.newaxis])

        return value

"""Objectives that move embeddings: away from the clean ones, or to given targets."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from rtml_tf.attacks.objective import Objective, ObjectiveFunction, distance
from rtml_tf.losses import arguments


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class EmbeddingShiftObjective(Objective):
    """Moves each embedding as far as possible from the clean one: raises `|f(x + d) - f(x)|_2`.

    Known as the embedding shift (ES) attack of RobRank (Zhou et al., TPAMI 2024); needs no labels.

    At the clean image the distance is 0 and has no direction, so a search that starts there would
    never leave. The clean embedding is therefore first moved by `offset` in a random direction
    (a function of the seed); the distance that is raised differs from the true one by at most that.

    Attributes:
        offset: Length by which the clean embeddings are moved.
    """

    is_random = True

    def __init__(self, *, offset: float = 1e-3):
        """Checks the offset.

        Args:
            offset: Above 0, and small beside the distances of interest (normalised embeddings are
                at most 2 apart).

        Raises:
            ValueError: If `offset` is not above 0.
        """
        self.offset = arguments.positive("offset", offset)

    def prepare(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        batch: Mapping[str, tf.Tensor],
        *,
        seed: tf.Tensor,
    ) -> ObjectiveFunction:
        images = tf.cast(self._entry(batch, "image"), tf.float32)
        clean = tf.stop_gradient(tf.cast(network(images), tf.float32))
        direction = tf.random.stateless_normal(tf.shape(clean), seed)
        origin = clean + self.offset * tf.math.l2_normalize(direction, axis=-1)
        return lambda embeddings: distance(embeddings, origin)

    def get_config(self) -> dict:
        return {"offset": self.offset}


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class TargetEmbeddingObjective(Objective):
    """Moves each embedding to one or several targets at once.

    Lowers `J_i = 1/T sum_q |t_{q,i} - f(x_i + d_i)|_2`, the (multi-)targeted objective of MDProp
    (Singh, Kakizaki and Araki, ACML 2023), so the value that rises is `-J`, `[B]`.

    Reads `batch["target_embedding"]`, float32 `[T, B, D]` (or `[B, D]` for one target).
    """

    def prepare(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        batch: Mapping[str, tf.Tensor],
        *,
        seed: tf.Tensor,
    ) -> ObjectiveFunction:
        targets = tf.cast(self._entry(batch, "target_embedding"), tf.float32)
        if targets.shape.rank not in (2, 3):
            raise ValueError(
                'batch["target_embedding"] must have the shape [T, B, D] or [B, D], got '
                f"{targets.shape}."
            )
        if targets.shape.rank == 2:
            targets = targets[tf.newaxis]
        targets = tf.stop_gradient(targets)
        # [B, D], [T, B, D] -> [T, B] -> [B]
        return lambda embeddings: -tf.reduce_mean(distance(embeddings, targets), axis=0)

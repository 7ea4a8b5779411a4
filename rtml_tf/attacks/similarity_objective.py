"""The objective of verification attacks: a pair's similarity, to the wrong side."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from rtml_tf.attacks.objective import Objective, ObjectiveFunction


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class SimilarityObjective(Objective):
    """Raises or lowers the cosine similarity to a given embedding, pair by pair.

    The value is `direction_i (cos(f(x_i + d_i), r_i) - threshold)`. With direction -1 for pairs of
    one person and +1 for pairs of two, a value above 0 means that the pair is judged wrongly.

    Reads `batch["reference_embedding"]`, float32 `[B, D]`, and `batch["direction"]`, `[B]`, +1 to
    raise the similarity and -1 to lower it.

    Attributes:
        threshold: Similarity from which on a pair is accepted, in [-1, 1].
    """

    def __init__(self, *, threshold: float = 0.0):
        """Checks the threshold.

        Args:
            threshold: In [-1, 1]. It moves values, not gradients, so it matters to searches that
                stop at a goal (Carlini-Wagner) only.

        Raises:
            ValueError: If `threshold` is outside [-1, 1].
        """
        if not -1.0 <= threshold <= 1.0:
            raise ValueError(f"threshold must be in [-1, 1], got {threshold}.")
        self.threshold = float(threshold)

    def prepare(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        batch: Mapping[str, tf.Tensor],
        *,
        seed: tf.Tensor,
    ) -> ObjectiveFunction:
        reference = tf.cast(self._entry(batch, "reference_embedding"), tf.float32)
        reference = tf.stop_gradient(tf.math.l2_normalize(reference, axis=-1))
        direction = tf.cast(self._entry(batch, "direction"), tf.float32)

        def value(embeddings: tf.Tensor) -> tf.Tensor:
            normalised = tf.math.l2_normalize(embeddings, axis=-1)
            similarity = tf.reduce_sum(normalised * reference, axis=-1)  # [B, D] -> [B]
            return direction * (similarity - self.threshold)

        return value

    def get_config(self) -> dict:
        return {"threshold": self.threshold}

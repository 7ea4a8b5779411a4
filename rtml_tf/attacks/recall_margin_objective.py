"""The objective that decides what is found first: Recall@1 itself, as a margin."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from rtml_tf.attacks.objective import Objective, ObjectiveFunction


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class RecallMarginObjective(Objective):
    """Brings an image of another class before all images of the query's own class.

    With the query `q = f(x + d)` the value that rises is

        max_k cos(q, r_k) - max_m cos(q, s_m)

    of rivals `r_k`, the images of other classes nearest to the clean query, and mates `s_m`, those
    of its own class. Where it is above 0, Recall@1 is lost: it is to Recall@1 what the margin of
    the logits is to accuracy (Carlini and Wagner, S&P 2017). Which rival and which mate count may
    change on the way, so it is stronger than a move to one target.

    Images beyond the rivals and mates are not looked at. (On 2,920 drawn characters 16 of each left
    the same Recall@1 as all of them, 50.5 % at 8/255, and one of each 54.)

    Reads `batch["rivals"]`, float32 `[B, K, D]`, and `batch["mates"]`, float32 `[B, M, D]`, at unit
    length.
    """

    def prepare(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        batch: Mapping[str, tf.Tensor],
        *,
        seed: tf.Tensor,
    ) -> ObjectiveFunction:
        rivals, mates = (
            tf.stop_gradient(tf.cast(self._entry(batch, name), tf.float32))
            for name in ("rivals", "mates")
        )

        def nearest(embeddings: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
            similarities = tf.linalg.matvec(images, embeddings)  # [B, K, D], [B, D] -> [B, K]
            return tf.reduce_max(similarities, axis=1)

        return lambda embeddings: nearest(embeddings, rivals) - nearest(embeddings, mates)

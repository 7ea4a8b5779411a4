"""Imitation of who is similar to whom: distributions over the batch."""

from typing import Any

import tensorflow as tf

from rtml_tf.losses import arguments, pairs
from rtml_tf.losses.imitation_loss import ImitationLoss, checked_embeddings


def similarity_imitation(
    student: tf.Tensor, teacher: tf.Tensor, *, temperature: float = 0.1
) -> tf.Tensor:
    """The divergence between the similarity distributions of each example.

        T^2 / B sum_i KL(softmax_j(cos(f_i, f_j) / T) || softmax_j(cos(g_i, g_j) / T)),   j != i

    Similarities within the batch, with the factor `T^2` that keeps gradients in one range at every
    temperature, as in S2SD (Roth et al., ICML 2021); but without an example's similarity to
    itself, which is 1 for student and teacher and would take most of the mass at low temperatures.
    A low temperature looks at the nearest neighbours, a high one at all alike.

    A batch of one or two examples leaves no choice of a neighbour: the loss is 0.

    Args:
        student: floating `[B, D]`.
        teacher: floating `[B, D']`.
        temperature: `T`, above 0, in units of the cosine.

    Returns:
        float32 scalar of at least 0.
    """
    student, teacher = checked_embeddings(student, teacher)
    log_q = _log_distributions(student, temperature)
    log_p = _log_distributions(teacher, temperature)
    divergences = tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=1)
    return temperature**2 * tf.reduce_mean(divergences)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class SimilarityImitation(ImitationLoss):
    """`similarity_imitation` as a layer.

    Attributes:
        temperature: As in `similarity_imitation`.
    """

    def __init__(self, *, temperature: float = 0.1, name: str | None = None):
        """Checks and keeps the temperature.

        Raises:
            ValueError: If `temperature` is not above 0.
        """
        super().__init__(name=name)
        self.temperature = arguments.positive("temperature", temperature)

    def call(self, student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        return similarity_imitation(student, teacher, temperature=self.temperature)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "temperature": self.temperature}


def _log_distributions(embeddings: tf.Tensor, temperature: float) -> tf.Tensor:
    """Log-probability of every example to be the neighbour of another: `[B, D]` -> `[B, B]`."""
    logits = pairs.cosine_similarities(embeddings, embeddings) / temperature
    itself = tf.fill([tf.shape(embeddings)[0]], pairs.VERY_LOW)
    return tf.nn.log_softmax(tf.linalg.set_diag(logits, itself), axis=1)

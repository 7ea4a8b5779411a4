"""What an attack raises: the interface of every objective."""

import abc
from collections.abc import Callable, Mapping

import tensorflow as tf

ObjectiveFunction = Callable[[tf.Tensor], tf.Tensor]


class Objective(abc.ABC):
    """A value of embeddings that an attack increases.

    An objective that shall fall is written with the opposite sign. Whatever does not change during
    the search (clean embeddings, targets, labels) is computed once, in `prepare`; the function that
    it returns is called at every step.

    A subclass overrides `prepare`, `is_random` if it draws random numbers, and `get_config` if its
    constructor takes arguments.

    Attributes:
        is_random: Whether a value depends on the seed of `prepare`.
        at_clean_images_only: Whether values are right at the clean images alone, which a search
            that goes on from attacked ones leaves.
        spans_replicas: Whether a value depends on what other replicas embed at the same time.
    """

    is_random = False
    at_clean_images_only = False
    spans_replicas = False

    @abc.abstractmethod
    def prepare(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        batch: Mapping[str, tf.Tensor],
        *,
        seed: tf.Tensor,
    ) -> ObjectiveFunction:
        """Fixes the objective for one batch.

        Args:
            network: Images `[B, ...]` -> embeddings `[B, D]`, in inference mode.
            batch: `"image"` `[B, ...]` float32, and what else this objective reads.
            seed: int32 `[2]`, for objectives that draw random numbers.

        Returns:
            A function of embeddings, float32 `[B, D]`, that gives the values to raise, `[B]`; or a
            scalar where the value belongs to the batch as a whole.

        Raises:
            ValueError: If `batch` lacks an entry that this objective reads.
        """

    def in_training(self, loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> "Objective":
        """The objective for a model that trains with `loss`: itself, if it reads no loss."""
        del loss
        return self

    def get_config(self) -> dict:
        """The constructor's arguments, as Keras serialises them."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> "Objective":
        """Builds the objective from `get_config()`."""
        return cls(**config)

    def _entry(self, batch: Mapping[str, tf.Tensor], name: str) -> tf.Tensor:
        """`batch[name]`, or an error that says who needs it."""
        if name not in batch:
            raise ValueError(
                f'{type(self).__name__} needs batch["{name}"], got a batch of {sorted(batch)}.'
            )
        return tf.convert_to_tensor(batch[name])


def distance(embeddings: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """The L2 distance over the last axis; its gradient at distance 0 is 0, not NaN."""
    squared = tf.reduce_sum(tf.square(embeddings - others), axis=-1)
    return tf.sqrt(tf.maximum(squared, 1e-12))

"""Steps that are not taken, because their loss or a gradient is not finite."""

from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.models.gradients import Gradient, elements_sum


class SkippedSteps(tf.Module):
    """Counts the steps that a model skips and remembers what was wrong in the first of a row.

    Attributes:
        count: int64 variable, the steps that were skipped so far.
        in_a_row: int64 variable, those since the last step that was taken.
        step: int64 variable, the step (from 0) that the row began with.
        loss: float32 variable, its loss.
        gradient_sums: float32 variable `[V]`, its gradients, each summed up: not finite where the
            gradient is not. `None` before `prepare`.
        stop_after: Steps in a row after which no step is taken any more, so that whoever looks
            later finds the model as it was; `None`: go on for ever.
    """

    def __init__(self):
        super().__init__(name="skipped_steps")
        self.count = _variable(0, tf.int64)
        self.in_a_row = _variable(0, tf.int64)
        self.step = _variable(0, tf.int64)
        self.loss = _variable(0.0, tf.float32)
        self.gradient_sums: tf.Variable | None = None
        self.stop_after: int | None = None

    def prepare(self, num_gradients: int) -> None:
        """Makes room for `gradient_sums`."""
        if self.gradient_sums is None:
            self.gradient_sums = _variable(tf.zeros([num_gradients]), tf.float32)

    def allow(
        self, gradients: Sequence[Gradient], *, step: tf.Tensor, overflow: tf.Tensor | bool = False
    ) -> tf.Tensor:
        """Whether a step may be taken along these gradients; counts it if not.

        Args:
            gradients: Of every trainable variable, the same on every replica.
            step: The number of the step, from 0.
            overflow: Whether gradients that are not finite are to be expected here, because a loss
                is scaled for float16 and the scale will fall: no such step counts as one of a row.

        Returns:
            bool scalar.
        """
        # A sum is finite if and only if its terms are (or overflows, which is no better), and needs
        # no memory.
        sums = tf.stack([elements_sum(gradient) for gradient in gradients])
        allowed = tf.reduce_all(tf.math.is_finite(sums))
        if self.stop_after is not None:
            allowed &= self.in_a_row < self.stop_after
        wrong = ~allowed & ~tf.convert_to_tensor(overflow)
        begins = wrong & (self.in_a_row == 0)
        self.step.assign(tf.where(begins, step, self.step))
        if self.gradient_sums is not None:
            self.gradient_sums.assign(tf.where(begins, sums, self.gradient_sums))
        row = self.in_a_row + tf.cast(wrong, tf.int64)
        self.in_a_row.assign(tf.where(allowed, tf.zeros_like(row), row))
        self.count.assign_add(tf.cast(~allowed, tf.int64))
        return allowed

    def note_loss(self, loss: tf.Tensor) -> None:
        """Remembers the loss of the step that a row begins with; called after `allow`."""
        self.loss.assign(tf.where(self.in_a_row == 1, tf.cast(loss, tf.float32), self.loss))


def apply_if(
    condition: tf.Tensor,
    optimizer: tf.keras.optimizers.Optimizer,
    gradients: Sequence[Gradient],
    variables: Sequence[tf.Variable],
) -> None:
    """Lets an optimizer take its step, or leaves its weights and its own state as they are.

    Args:
        condition: bool scalar, the same on every replica.
        optimizer: Any optimizer of Keras.
        gradients: Summed over replicas.
        variables: What they are the gradients of.
    """

    def apply(gradients: Sequence[Gradient]) -> None:
        optimizer.apply_gradients(zip(gradients, variables), experimental_aggregate_gradients=False)

    def apply_on_every_replica(
        strategy: tf.distribute.Strategy, condition: tf.Tensor, gradients: Sequence[Gradient]
    ) -> None:
        def take() -> None:
            strategy.extended.call_for_each_replica(apply, args=(gradients,))

        tf.cond(strategy.experimental_local_results(condition)[0], take, lambda: None)

    with tf.init_scope():
        # Variables cannot be made inside a condition.
        if hasattr(optimizer, "build"):
            optimizer.build(variables)
    if _replicas_may_branch():
        tf.cond(condition, lambda: apply(gradients), lambda: None)
    else:
        # Optimizers let replicas meet, which TensorFlow forbids in a branch of one replica.
        tf.distribute.get_replica_context().merge_call(
            apply_on_every_replica, args=(condition, list(gradients))
        )


def _replicas_may_branch() -> bool:
    if not tf.distribute.has_strategy():
        return True
    return tf.__internal__.distribute.strategy_supports_no_merge_call()


def _variable(value: tf.Tensor | float, dtype: tf.DType) -> tf.Variable:
    """The same on every replica."""
    return tf.Variable(
        value,
        dtype=dtype,
        trainable=False,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )

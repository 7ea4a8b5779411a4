"""What every method shares: its network, one gradient step, one log."""

from typing import Any

import tensorflow as tf

from rtml_tf.networks.checking import check_input_shape


class TrainingModel(tf.keras.Model):
    """A Keras model that trains a network; the base of every method.

    A method writes a `train_step` that computes its loss under a tape and hands it to
    `gradient_step`, then hands what it wants to show to `log`. Mixed precision, several replicas,
    regularisation losses of the network, gradient clipping (an argument of the Keras optimizer)
    and the optimizer of the loss's own weights are dealt with here and nowhere else.

    A subclass names what it logs in the class attribute `logged`.

    Attributes:
        network: The network that is trained: images in, embeddings out.
        seed: What `step_seed` starts from.
        step: int64 scalar variable, the number of gradient steps taken; saved with checkpoints.
    """

    logged: tuple[str, ...] = ("loss",)

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        loss_optimizer: tf.keras.optimizers.Optimizer | None = None,
        seed: int = 0,
        name: str | None = None,
    ):
        """Holds the network and makes one running mean for each logged value.

        Args:
            network: The network to train.
            loss_optimizer: Optimizer of the weights that belong to the loss (proxies, class
                weights); `None` leaves them to the model's own optimizer.
            seed: Seed of whatever a method draws at random in its steps.
            name: Keras name of the model.
        """
        super().__init__(name=name)
        self.network = network
        self.loss_optimizer = loss_optimizer
        self.seed = seed
        self.step = tf.Variable(
            0,
            dtype=tf.int64,
            trainable=False,
            name="step",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self._means = {value: tf.keras.metrics.Mean(name=value) for value in self.logged}

    @property
    def metrics(self) -> list[tf.keras.metrics.Metric]:
        return list(self._means.values())

    @property
    def loss_variables(self) -> list[tf.Variable]:
        """The trainable weights of the loss itself; methods whose loss has some override this."""
        return []

    @property
    def finished_network(self) -> tf.keras.Model:
        """The network that is evaluated, saved and exported."""
        return self.network

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embeds images `[B, H, W, C]` in [0, 1]: float32 `[B, D]`."""
        return self.network(images, training=training)

    def check_data(self, element_spec: Any) -> None:
        """Refuses batches that the method cannot train on; called before anything else is done.

        Args:
            element_spec: The nested `tf.TensorSpec` of a batch.

        Raises:
            ValueError: If the images are not of the shape that the network takes.
        """
        check_input_shape(self.network, element_spec["image"].shape[1:])

    def prepare(self, *, num_classes: int) -> None:
        """Creates every variable before the first step, so that a checkpoint finds them all.

        Args:
            num_classes: Number of classes in the training data.
        """
        del num_classes  # Only losses with class weights need it.
        for optimizer, variables in self.optimizers_and_variables():
            # Optimizers of the older Keras interface make their slots in the first step.
            if hasattr(optimizer, "build"):
                optimizer.build(variables)

    def step_seed(self) -> tf.Tensor:
        """int32 `[2]`, another one at every step and on every replica, the same in every run."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = tf.stack([tf.constant(self.seed, tf.int32), tf.cast(replica, tf.int32)])
        return tf.random.experimental.stateless_fold_in(seed, self.step)

    def gradient_step(self, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """Moves the trainable weights against the gradient of `loss`, once.

        Args:
            tape: The tape that recorded `loss`.
            loss: Scalar, the mean over this replica's batch.
        """
        gradients, _ = self.differentiate(tape, loss)
        self.descend(gradients)

    def differentiate(
        self, tape: tf.GradientTape, loss: tf.Tensor, *, images: tf.Tensor | None = None
    ) -> tuple[list[tf.Tensor], tf.Tensor | None]:
        """The gradient of `loss` and the network's regularisation, without taking the step.

        Every replica differentiates its loss divided by the number of replicas, so that the
        summed gradients are those of the mean loss.

        Args:
            tape: The tape that recorded `loss`.
            loss: Scalar, the mean over this replica's batch.
            images: Watched images, where their gradient is wanted from the same backward pass.

        Returns:
            The gradients for `descend`, and that of `images` (of some positive multiple of the
            loss: its length has no meaning).
        """
        with tape:
            loss = tf.cast(loss, tf.float32)
            loss = tf.add_n([loss, *(tf.cast(term, tf.float32) for term in self.network.losses)])
            scaled = loss / tf.distribute.get_strategy().num_replicas_in_sync
            if self._scales_loss:
                scaled = self.optimizer.get_scaled_loss(scaled)
        variables = [v for _, group in self.optimizers_and_variables() for v in group]
        if images is None:
            gradients, image_gradient = tape.gradient(scaled, variables), None
        else:
            gradients, image_gradient = tape.gradient(scaled, (variables, images))
        if self._scales_loss:
            gradients = self.optimizer.get_unscaled_gradients(gradients)
        return gradients, image_gradient

    def descend(self, gradients: list[tf.Tensor]) -> None:
        """Takes the step along gradients from `differentiate`, or a combination of such."""
        remaining = iter(gradients)
        for optimizer, variables in self.optimizers_and_variables():
            own = [next(remaining) for _ in variables]
            if self._scales_loss:
                own = self._skipped_unless_finite(own, gradients, optimizer)
            optimizer.apply_gradients(zip(own, variables))
        self.step.assign_add(1)

    def log(self, **values: tf.Tensor) -> dict[str, tf.Tensor]:
        """Adds values to the running means of this epoch and returns their means."""
        for name, value in values.items():
            self._means[name].update_state(value)
        return {name: self._means[name].result() for name in values}

    def optimizers_and_variables(self) -> list[tuple[tf.keras.optimizers.Optimizer, list]]:
        """Which optimizer moves which weights, in the order of `differentiate`'s gradients.

        Methods with more optimizers override this.
        """
        network_variables = self.network.trainable_variables
        if not self.loss_variables:
            return [(self.optimizer, network_variables)]
        if self.loss_optimizer is None:
            return [(self.optimizer, network_variables + self.loss_variables)]
        return [
            (self.optimizer, network_variables),
            (self.loss_optimizer, self.loss_variables),
        ]

    def _skipped_unless_finite(self, own, gradients, optimizer) -> list[tf.Tensor]:
        """The gradients of one optimizer where float16 may have overflowed in those of any.

        The optimizer that scales the loss skips a step that is not finite, and tries a smaller
        scale; the others know of no scale and get zeros.
        """
        finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(x)) for x in gradients])
        instead = float("inf") if optimizer is self.optimizer else 0.0
        return [tf.where(finite, x, tf.cast(instead, x.dtype)) for x in own]

    @property
    def _scales_loss(self) -> bool:
        return isinstance(self.optimizer, tf.keras.mixed_precision.LossScaleOptimizer)

"""What every method shares: its network, one gradient step, one log."""

import functools
from typing import Any

import tensorflow as tf

from rtml_tf.layers.replicas import gather_rows, num_replicas
from rtml_tf.layers.sharded_rows import ShardedRows
from rtml_tf.models.gradients import elements_sum, summed_over_replicas, weighted
from rtml_tf.models.model_config import arguments_from
from rtml_tf.models.skipped_steps import SkippedSteps, apply_if
from rtml_tf.networks.checking import check_input_shape


class TrainingModel(tf.keras.Model):
    """A Keras model that trains a network; the base of every method.

    A method writes a `train_step` that computes its loss under a tape and hands it to
    `gradient_step`, then hands what it wants to show to `log`. Mixed precision, several replicas,
    regularisation losses of the network, gradient clipping (an argument of the Keras optimizer)
    and the optimizer of the loss's own weights are dealt with here and nowhere else.

    A subclass names what it logs in the class attribute `logged`.

    Under a distribution strategy each replica takes its part of a batch. With "global" negatives a
    step is then that of one device with the whole batch: a loss that compares the examples of a
    batch is computed of all of them on every replica (`of_all_replicas`), and each replica
    differentiates it to its own. With "local" negatives it is the mean of the losses of the parts.

    Attributes:
        network: The network that is trained: images in, embeddings out.
        seed: What `step_seed` starts from.
        step: int64 scalar variable, the number of gradient steps taken; saved with checkpoints.
        skipped_steps: Which of them were skipped, because something was not finite.
        negatives: "global" or "local", see `compile`.
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
        self.negatives = "global"
        # The running means are those of all replicas on each of them; Keras would add them up.
        self.distribute_reduction_method = "first"
        self.step = tf.Variable(
            0,
            dtype=tf.int64,
            trainable=False,
            name="step",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self.skipped_steps = SkippedSteps()
        self._means = {value: tf.keras.metrics.Mean(name=value) for value in self.logged}
        # Whoever calls the `train_step` of a method gets it with what a skipped step undoes.
        self._method_step, self.train_step = self.train_step, self._train_step

    @property
    def metrics(self) -> list[tf.keras.metrics.Metric]:
        return list(self._means.values())

    @property
    def loss_variables(self) -> list[tf.Variable]:
        """The trainable weights of the loss itself; methods whose loss has some override this."""
        return []

    @property
    def sharded_rows(self) -> list[ShardedRows]:
        """The weights of losses that are divided among replicas; no optimizer moves them."""
        return [module for module in self.submodules if isinstance(module, ShardedRows)]

    @property
    def finished_network(self) -> tf.keras.Model:
        """The network that is evaluated, saved and exported."""
        return self.network

    def call(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embeds images `[B, H, W, C]` in [0, 1]: float32 `[B, D]`."""
        return self.network(images, training=training)

    def compile(
        self,
        *,
        optimizer: tf.keras.optimizers.Optimizer,
        negatives: str = "global",
        **options: Any,
    ) -> None:
        """Takes the optimizer, and what losses see where there are several replicas.

        Args:
            optimizer: Optimizer of the network.
            negatives: "global": losses that compare examples compare those of all replicas;
                "local": those of one replica.
            **options: As for `tf.keras.Model.compile`.

        Raises:
            ValueError: If `negatives` is something else.
        """
        if negatives not in ("global", "local"):
            raise ValueError(f"negatives must be 'global' or 'local', got {negatives!r}.")
        self.negatives = negatives
        super().compile(optimizer=optimizer, **options)

    def of_all_replicas(self, tensors: Any) -> Any:
        """What losses see of a batch: the rows of all replicas, or with "local" negatives these.

        For losses that `gradient_step` or `differentiate` takes; the gradient is weighted for them.

        Args:
            tensors: Nested tensors `[B, ...]` of this replica.
        """
        if self.negatives == "local":
            return tensors
        return gather_rows(tensors, gradient_weight=float(num_replicas()))

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

        Raises:
            ValueError: If replicas would compare their own examples alone with class weights that
                are divided among all.
        """
        del num_classes  # Only losses with class weights need it.
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if self.sharded_rows and self.negatives == "local" and replicas > 1:
            raise ValueError(
                "class weights that are divided among replicas need the examples of all: negatives "
                "must be 'global', got 'local'."
            )
        for optimizer, variables in self.optimizers_and_variables():
            # Optimizers of the older Keras interface make their slots in the first step.
            if hasattr(optimizer, "build"):
                optimizer.build(variables)
        groups = [variables for _, variables in self.optimizers_and_variables()]
        self.skipped_steps.prepare(sum(map(len, groups)) + len(self.sharded_rows))

    def step_seed(self) -> tf.Tensor:
        """int32 `[2]`, another one at every step and on every replica, the same in every run."""
        # Between steps, as in callbacks, there is no replica.
        context = tf.distribute.get_replica_context()
        replica = 0 if context is None else context.replica_id_in_sync_group
        seed = tf.stack([tf.constant(self.seed, tf.int32), tf.cast(replica, tf.int32)])
        return tf.random.experimental.stateless_fold_in(seed, self.step)

    def gradient_step(self, tape: tf.GradientTape, loss: tf.Tensor) -> None:
        """Moves the trainable weights against the gradient of `loss`, once.

        Args:
            tape: The tape that recorded `loss`.
            loss: Scalar, as for `differentiate`.
        """
        gradients, _ = self.differentiate(tape, loss)
        self.descend(gradients)

    def differentiate(
        self, tape: tf.GradientTape, loss: tf.Tensor, *, images: tf.Tensor | None = None
    ) -> tuple[list[tf.Tensor], tf.Tensor | None]:
        """The gradient of `loss` and the network's regularisation, without taking the step.

        Every replica differentiates its loss divided by the number of replicas, so that the
        summed gradients are those of the mean loss. (Those of `sharded_rows` come last; they are
        no sums, but complete on the replica that has the rows.)

        Args:
            tape: The tape that recorded `loss`.
            loss: Scalar: a mean over the batch of this replica, or a loss of `of_all_replicas`.
            images: Watched images, where their gradient is wanted from the same backward pass.

        Returns:
            The gradients for `descend`, and that of `images` (of some positive multiple of the
            loss: its length has no meaning).
        """
        with tape:
            loss = tf.cast(loss, tf.float32)
            loss = tf.add_n([loss, *(tf.cast(term, tf.float32) for term in self.network.losses)])
            replicas = tf.distribute.get_strategy().num_replicas_in_sync
            scaled = loss / replicas
            if self._scales_loss:
                scaled = self.optimizer.get_scaled_loss(scaled)
        variables = [v for _, group in self.optimizers_and_variables() for v in group]
        num_variables = len(variables)
        variables += [rows.own.rows for rows in self.sharded_rows]
        if images is None:
            gradients, image_gradient = tape.gradient(scaled, variables), None
        else:
            gradients, image_gradient = tape.gradient(scaled, (variables, images))
        if self._scales_loss:
            gradients = self.optimizer.get_unscaled_gradients(gradients)
        # To that of a shard no other replica adds anything.
        of_shards = [weighted(x, float(replicas)) for x in gradients[num_variables:]]
        gradients = [*gradients[:num_variables], *of_shards]
        return _not_finite_unless(tf.math.is_finite(loss), gradients), image_gradient

    def descend(self, gradients: list[tf.Tensor]) -> None:
        """Takes the step along gradients from `differentiate`, or a combination of such.

        If a gradient is not finite on any replica, or the loss was not, the step is skipped on all:
        no weight changes and no state of an optimizer, see `skipped_steps`. (An optimizer that
        scales the loss lowers its scale.)
        """
        sharded_rows = self.sharded_rows
        num_variables = len(gradients) - len(sharded_rows)
        gradients, of_shards = list(gradients[:num_variables]), gradients[num_variables:]
        # What a replica finds in its shard stops all.
        gradients = summed_over_replicas(gradients + [elements_sum(x) for x in of_shards])
        allowed = self.skipped_steps.allow(
            gradients, step=self.step, overflow=self._scales_loss and self.optimizer.loss_scale > 1
        )
        remaining = iter(gradients)
        for optimizer, variables in self.optimizers_and_variables():
            own = [next(remaining) for _ in variables]
            if optimizer is self.optimizer and self._scales_loss:
                # It skips by itself what is not finite, whichever optimizer has it.
                own = [x if x is None else tf.where(allowed, x, float("inf")) for x in own]
                optimizer.apply_gradients(
                    zip(own, variables), experimental_aggregate_gradients=False
                )
            else:
                apply_if(allowed, optimizer, own, variables)
        for rows, gradient in zip(sharded_rows, of_shards):
            if gradient is not None:
                descend = functools.partial(rows.descend, gradient, step=self.step)
                tf.cond(allowed, descend, lambda: None)
        self.step.assign_add(1)

    def log(self, **values: tf.Tensor) -> dict[str, tf.Tensor]:
        """Adds values to the running means of this epoch and returns their means."""
        if "loss" in values:
            self.skipped_steps.note_loss(values["loss"])
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

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "TrainingModel":
        return cls(**arguments_from(config, custom_objects))

    def _train_step(self, batch: Any) -> dict[str, tf.Tensor]:
        """A step of the method; what it moves without gradients goes back if it was skipped."""
        state = self._state_of_steps()
        before = [tf.identity(variable) for variable in state]
        skipped = tf.identity(self.skipped_steps.count)
        logs = self._method_step(batch)
        taken = self.skipped_steps.count == skipped
        for variable, value in zip(state, before):
            variable.assign(tf.where(taken, variable, value))
        return {name: self._means[name].result() for name in logs}

    def _state_of_steps(self) -> list[tf.Variable]:
        """The variables that forward passes, `update_state` of losses and `log` change.

        Those that can change within a step say how replicas agree on them, as all of Keras do.
        """
        own = {id(variable) for variable in (self.step, *self.skipped_steps.variables)}
        means = [variable for mean in self.metrics for variable in mean.variables]
        candidates = {id(v): v for v in (*self.non_trainable_variables, *means)}
        return [
            variable
            for key, variable in candidates.items()
            if key not in own and variable.aggregation != tf.VariableAggregation.NONE
        ]

    @property
    def _scales_loss(self) -> bool:
        return isinstance(self.optimizer, tf.keras.mixed_precision.LossScaleOptimizer)


def _not_finite_unless(finite: tf.Tensor, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """The gradients, the smallest of which is not finite where the loss is not.

    So every replica learns of it when gradients are summed. A loss that is not finite can have
    gradients that are; they mean nothing.
    """
    gradients = list(gradients)
    dense = [i for i, x in enumerate(gradients) if isinstance(x, tf.Tensor)]
    if dense:
        smallest = min(dense, key=lambda i: gradients[i].shape.num_elements())
        gradient = gradients[smallest]
        gradients[smallest] = tf.where(finite, gradient, tf.cast(float("nan"), gradient.dtype))
    return gradients

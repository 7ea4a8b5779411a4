"""Robust source metrics by joint adversarial training (RMT, stage 1)."""

from typing import Any

import tensorflow as tf

from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.attacks.objective import Objective, distance
from rtml_tf.losses.metric_loss import MetricLoss
from rtml_tf.models.gradients import weighted_sum
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.models.model_config import serialized
from rtml_tf.models.pair_similarities import mean_pair_similarities
from rtml_tf.models.schedules import Schedule, at_step, checked_epsilon, within
from rtml_tf.networks.checking import check_differentiable


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class JointAdversarialModel(MetricModel):
    """Trains a network on clean and on attacked images at once.

        L = (1 - a) L_m(f(x), y) + a L_m(f(x + d), y),   d = argmax_{|d| <= eps} L_m(f(x + d), y)

    Source: RMT (Yang et al., MMSP 2022), stage 1. The abstract names joint adversarial training
    and leaves the constants open: `a = 0.5` and the metric loss itself as objective are this
    toolkit's choice. `a = 0` is `MetricModel`, at its cost; `a = 1` trains on attacked images
    only and leaves the clean pass out.

    The attack sees the network in inference mode and changes no state. Clean and attacked images
    then go through the network in one batch of 2B rows, so that batch norm sees in training the
    mixture that its running statistics describe afterwards; the loss is taken of each half alone.

    With `shared_gradient` the gradient of the clean loss that the update needs anyway is also the
    attack's: clean and attacked images go through the network one after the other, for 6 instead
    of 8 times the cost of a forward pass. The attack then sees batch statistics, as in the
    original fast gradient sign training (Goodfellow et al., ICLR 2015, section 6).

    Beside what `MetricModel` logs (of the clean half): the loss of both halves, the mean L2
    distance between clean and attacked embeddings, the mean norm of the perturbations, and `a`.
    Where `a` is the number 0 nothing of these, and where it is 1 the norm alone: there is one half.

    Attributes:
        attack: How to search.
        objective: What the attack raises; None: the loss.
        adversarial_weight: `a`, a number or a schedule over steps.
        epsilon: Schedule over steps that replaces the attack's epsilon, or `None`.
        attacked_view: The view of the network that is attacked.
    """

    logged = (
        *MetricModel.logged,
        "clean_loss",
        "adversarial_loss",
        "embedding_shift",
        "perturbation_norm",
        "adversarial_weight",
    )

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        loss: MetricLoss,
        attack: Attack,
        objective: Objective | None = None,
        adversarial_weight: float | Schedule = 0.5,
        epsilon: Schedule | None = None,
        attack_dtype: str = "float32",
        shared_gradient: bool = False,
        loss_optimizer: tf.keras.optimizers.Optimizer | None = None,
        seed: int = 0,
        name: str | None = None,
    ):
        """Joins a network, a loss and an attack.

        Args:
            network: Images in, L2-normalised embeddings out.
            loss: Any metric loss of the toolkit.
            attack: How to search, with its epsilon in pixel units.
            objective: What the attack raises; `None`: the loss. One of a margin head without a loss
                takes this one.
            adversarial_weight: `a` in [0, 1], or a Keras learning-rate schedule that gives it for
                a step.
            epsilon: A Keras learning-rate schedule that gives epsilon for a step (a warm-up:
                `PolynomialDecay` from 0), in place of the attack's own.
            attack_dtype: Type that attack passes compute in: "float32", "bfloat16" or "float16".
                The update keeps the type of the network.
            shared_gradient: Take the attack's gradient from the clean pass of the update; only
                with `FastGradientMethod`, the loss as objective and `a < 1`.
            loss_optimizer: Optimizer of the loss's own weights; `None`: the model's optimizer.
            seed: Seed of random starts.
            name: Keras name of the model.

        Raises:
            ValueError: If a value is out of range or the arguments exclude each other.
        """
        super().__init__(
            network=network, loss=loss, loss_optimizer=loss_optimizer, seed=seed, name=name
        )
        adversarial_weight = within("adversarial_weight", adversarial_weight, 0.0, 1.0)
        if epsilon is not None:
            epsilon = checked_epsilon(epsilon, ball=attack.ball, pixel_range=attack.pixel_range)
        if shared_gradient and (
            not isinstance(attack, FastGradientMethod)
            or objective is not None
            or adversarial_weight == 1.0
        ):
            raise ValueError(
                "shared_gradient needs a FastGradientMethod, the loss itself as objective and "
                f"adversarial_weight below 1, got attack={attack!r}, objective={objective!r}, "
                f"adversarial_weight={adversarial_weight!r}."
            )
        if objective is not None:
            attack.check_objective(objective)
        self.attack = attack
        self.objective = objective
        self.adversarial_weight = adversarial_weight
        self.epsilon = epsilon
        self.shared_gradient = shared_gradient
        # Kept as it was given, for the configuration.
        self._objective = objective and objective.in_training(loss)
        self.attacked_view = InferenceView(network=network, compute_dtype=attack_dtype)

    def check_data(self, element_spec: Any) -> None:
        """See `TrainingModel`; also refuses a network without the gradient that attacks need."""
        super().check_data(element_spec)
        if self.attack.needs_gradient:
            check_differentiable(self.network, element_spec["image"].shape[1:])

    def attacked(self, batch: dict[str, tf.Tensor]) -> tf.Tensor:
        """The images of `batch` after this step's attack: float32 `[B, H, W, C]`."""
        return self.attack(
            self.attacked_view,
            batch,
            self.loss_objective() if self._objective is None else self._objective,
            epsilon=self._epsilon(),
            seed=self.step_seed(),
        )

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        if self.adversarial_weight == 0.0:
            return super().train_step(batch)
        if self.adversarial_weight == 1.0:
            attacked = self.attacked(batch)
            logs = super().train_step({**batch, "image": attacked})
            return {**logs, **self.log(perturbation_norm=self._norm(attacked, batch))}
        if self.shared_gradient:
            return self._shared_gradient_step(batch)
        images, labels, weight = batch["image"], batch["label"], self._weight()
        attacked = self.attacked(batch)
        with tf.GradientTape() as tape:
            embeddings = self.network(tf.concat([images, attacked], axis=0), training=True)
            clean, adversarial = tf.split(embeddings, 2, axis=0)
            clean_loss = self.embedding_loss(clean, labels)
            adversarial_loss = self.embedding_loss(adversarial, labels)
            loss = (1.0 - weight) * clean_loss + weight * adversarial_loss
        self.gradient_step(tape, loss)
        return self._log(batch, attacked, clean, adversarial, clean_loss, adversarial_loss, weight)

    def _shared_gradient_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        images, labels, weight = batch["image"], batch["label"], self._weight()
        with tf.GradientTape() as tape:
            tape.watch(images)
            clean = self.network(images, training=True)
            clean_loss = self.embedding_loss(clean, labels)
        clean_gradients, image_gradient = self.differentiate(tape, clean_loss, images=images)
        attacked = self.attack.from_gradient(images, image_gradient, epsilon=self._epsilon())
        with tf.GradientTape() as tape:
            adversarial = self.network(attacked, training=True)
            adversarial_loss = self.embedding_loss(adversarial, labels)
        adversarial_gradients, _ = self.differentiate(tape, adversarial_loss)
        self.descend(weighted_sum(clean_gradients, 1.0 - weight, adversarial_gradients, weight))
        return self._log(batch, attacked, clean, adversarial, clean_loss, adversarial_loss, weight)

    def _weight(self) -> tf.Tensor:
        weight = at_step(self.adversarial_weight, self.step)
        for check, bound in (
            (tf.debugging.assert_greater_equal, 0.0),
            (tf.debugging.assert_less_equal, 1.0),
        ):
            check(weight, bound, message="adversarial_weight must be in [0, 1].")
        return weight

    def _epsilon(self) -> tf.Tensor | None:
        return None if self.epsilon is None else at_step(self.epsilon, self.step)

    def _norm(self, attacked: tf.Tensor, batch: dict[str, tf.Tensor]) -> tf.Tensor:
        return tf.reduce_mean(self.attack.ball.norm(attacked - batch["image"]))

    def _log(self, batch, attacked, clean, adversarial, clean_loss, adversarial_loss, weight):
        self.metric_loss.update_state(clean, batch["label"])
        clean, adversarial = tf.cast(clean, tf.float32), tf.cast(adversarial, tf.float32)
        return self.log(
            loss=(1.0 - weight) * clean_loss + weight * adversarial_loss,
            clean_loss=clean_loss,
            adversarial_loss=adversarial_loss,
            embedding_shift=tf.reduce_mean(distance(adversarial, clean)),
            perturbation_norm=self._norm(attacked, batch),
            adversarial_weight=weight,
            **mean_pair_similarities(clean, batch["label"]),
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "attack": serialized(self.attack),
            "objective": serialized(self.objective),
            "adversarial_weight": serialized(self.adversarial_weight),
            "epsilon": serialized(self.epsilon),
            "attack_dtype": self.attacked_view.compute_dtype,
            "shared_gradient": self.shared_gradient,
        }

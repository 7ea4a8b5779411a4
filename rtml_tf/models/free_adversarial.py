"""Adversarial training at the price of clean training, by replaying each batch."""

from typing import Any

import tensorflow as tf

from rtml_tf.attacks.ball import Ball, LInfBall
from rtml_tf.attacks.problem import finite
from rtml_tf.losses import arguments
from rtml_tf.losses.metric_loss import MetricLoss
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.models.model_config import serialized
from rtml_tf.models.pair_similarities import mean_pair_similarities
from rtml_tf.models.schedules import Schedule, at_step, checked_epsilon
from rtml_tf.networks.checking import check_differentiable

_PIXEL_RANGE = (0.0, 1.0)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class FreeAdversarialModel(MetricModel):
    """Uses every backward pass twice: for the weights and for the perturbation.

    Source: Shafahi et al., "Adversarial training for free!", NeurIPS 2019, algorithm 1. A batch
    is replayed `m` times:

        g_w, g_x = gradients of L_m(f(x + d), y)
        w <- w - learning step along g_w
        d <- project(d + eps sign(g_x))

    so a batch costs `m` clean steps and makes `m` updates: train for `1/m` of the epochs. The
    network is seen in training mode throughout. The paper carries `d` over to the next batch,
    whose images are others; here each batch starts at a random point of the ball, so that a step
    depends on nothing but the weights, the batch and the seed.

    Steps, also those of schedules, are updates: `m` a batch. If one of them is skipped for a
    gradient that is not finite, the running statistics of the whole batch go back.

    It has no attack of its own that `AttackPictures` could show: the images of a replay are those
    that the one before has left.

    The graph holds the `m` replays one after the other: tracing time grows with `m`.

    Attributes:
        epsilon: Largest norm of the perturbation, in pixel units, a number or a schedule over
            steps.
        replays: `m`.
        ball: The norm in which epsilon is measured.
    """

    logged = (*MetricModel.logged, "perturbation_norm")

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        loss: MetricLoss,
        epsilon: float | Schedule,
        replays: int = 4,
        ball: Ball | None = None,
        loss_optimizer: tf.keras.optimizers.Optimizer | None = None,
        seed: int = 0,
        name: str | None = None,
    ):
        """Joins a network and a loss.

        Args:
            network: Images in, L2-normalised embeddings out.
            loss: Any metric loss of the toolkit.
            epsilon: Pixel units, at least 0 and no more than the ball of any image holds (1 in
                L-infinity), or a Keras learning-rate schedule that gives it for a step (a warm-up:
                `PolynomialDecay` from 0).
            replays: `m`, at least 1.
            ball: `LInfBall()` (default) or `L2Ball()`.
            loss_optimizer: Optimizer of the loss's own weights; `None`: the model's optimizer.
            seed: Seed of the random starts.
            name: Keras name of the model.

        Raises:
            ValueError: If a value is out of range.
        """
        super().__init__(
            network=network, loss=loss, loss_optimizer=loss_optimizer, seed=seed, name=name
        )
        self.ball = LInfBall() if ball is None else ball
        self.epsilon = checked_epsilon(epsilon, ball=self.ball, pixel_range=_PIXEL_RANGE)
        self.replays = arguments.integer_from("replays", replays, 1)

    def check_data(self, element_spec: Any) -> None:
        """See `TrainingModel`; also refuses a network that passes no gradient to its images."""
        super().check_data(element_spec)
        check_differentiable(self.network, element_spec["image"].shape[1:])

    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        images, labels = batch["image"], batch["label"]
        epsilon = self.ball.epsilon_tensor(at_step(self.epsilon, self.step), _PIXEL_RANGE)
        start = self.ball.random(tf.shape(images), epsilon, seed=self.step_seed())
        attacked = self._projected(images + start, images, epsilon)
        for _ in range(self.replays):
            with tf.GradientTape() as tape:
                tape.watch(attacked)
                embeddings = self.network(attacked, training=True)
                loss = self.embedding_loss(embeddings, labels)
            gradients, image_gradient = self.differentiate(tape, loss, images=attacked)
            self.descend(gradients)
            self.metric_loss.update_state(embeddings, labels)
            norm = tf.reduce_mean(self.ball.norm(attacked - images))
            logs = self.log(
                loss=loss,
                perturbation_norm=norm,
                **mean_pair_similarities(embeddings, labels),
            )
            # A pass that overflows must not spoil the images of the replays behind it.
            image_gradient = finite(tf.cast(image_gradient, tf.float32))
            step = self.ball.steepest(image_gradient, epsilon)
            attacked = self._projected(attacked + step, images, epsilon)
        return logs

    def _projected(self, candidate: tf.Tensor, images: tf.Tensor, epsilon: tf.Tensor) -> tf.Tensor:
        candidate = self.ball.project(candidate, images, epsilon)
        return tf.stop_gradient(tf.clip_by_value(candidate, *_PIXEL_RANGE))

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "epsilon": serialized(self.epsilon),
            "replays": self.replays,
            "ball": serialized(self.ball),
        }

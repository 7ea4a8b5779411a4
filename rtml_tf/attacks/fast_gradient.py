"""The fast gradient method: one step of length epsilon."""

import tensorflow as tf

from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.problem import AttackProblem, finite


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class FastGradientMethod(Attack):
    """`x + argmax_{|d| <= epsilon} <d, gradient>`; in the L-infinity ball `epsilon sign(gradient)`.

    Source: FGSM, Goodfellow, Shlens and Szegedy (2015), section 4. One pass forward and one back.
    With a random start (Wong, Rice and Kolter, 2020) it is
    `ProjectedGradientDescent(steps=1, relative_step_size=1.25)`.
    """

    leaves_clean_images = False

    def _search(self, problem: AttackProblem, seed: tf.Tensor) -> tf.Tensor:
        gradient = problem.gradient(problem.images)
        return problem.images + self.ball.steepest(gradient, problem.epsilon)

    def from_gradient(
        self,
        images: tf.Tensor,
        gradient: tf.Tensor,
        *,
        epsilon: float | tf.Tensor | tf.Variable | None = None,
    ) -> tf.Tensor:
        """The attacked images where the gradient is known already.

        For training steps that have the gradient of the objective from another pass, which saves
        the attack's own.

        Args:
            images: `[B, ...]`, inside the pixel range.
            gradient: Gradient of the objective to raise, of the same shape.
            epsilon: Replaces the attack's own.

        Returns:
            float32 `[B, ...]`.

        Raises:
            InvalidArgumentError: If a pixel is outside `pixel_range`.
        """
        images = self.checked_pixels(tf.cast(images, tf.float32))
        epsilon = self.epsilon_tensor(epsilon)
        gradient = finite(tf.cast(gradient, tf.float32))
        moved = images + self.ball.steepest(gradient, epsilon)
        moved = self.ball.project(moved, images, epsilon)
        return tf.stop_gradient(tf.clip_by_value(moved, *self.pixel_range))

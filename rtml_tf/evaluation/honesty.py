"""Honesty checks as an option of robust evaluations."""

import math
from collections.abc import Callable

from absl import logging

from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.honesty_report import HonestyReport, honesty_report
from rtml_tf.attacks.iterative_attack import IterativeAttack
from rtml_tf.evaluation.epsilons import epsilon_name


class HonestyChecks:
    """Makes the checks of `attacks.honesty_report` at one epsilon, on a part of the images.

    They cost six more evaluations of that part: one with four times the steps, and one with SPSA,
    which takes 128 passes forward a step and image unless another attack is given.

    Attributes:
        epsilon: Where the attack is checked, in pixel units.
        limit: Number of images that are attacked.
    """

    def __init__(
        self,
        *,
        epsilon: float = 4 / 255,
        limit: int = 100,
        gradient_free: Attack | None = None,
        almost_zero: float = 0.02,
        tolerance: float = 0.05,
    ):
        """Keeps the settings.

        Args:
            epsilon: In pixel units, above 0.
            limit: At most this many images are attacked, drawn by the evaluation's seed.
            gradient_free: The attack without gradients; its epsilon is replaced. `None`: SPSA
                with the steps of the attack that is checked.
            almost_zero: Largest figure that an unbounded attack may leave.
            tolerance: By how much a figure may be on the wrong side by chance. With `n` images
                one image is `1 / n`. Not of random noise, which has to be weaker.

        Raises:
            ValueError: If a number is out of range.
        """
        if not epsilon > 0:
            raise ValueError(f"epsilon must be above 0, got {epsilon}.")
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}.")
        for name, value in (("almost_zero", almost_zero), ("tolerance", tolerance)):
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"{name} must be in [0, 1], got {value}.")
        self.epsilon = float(epsilon)
        self.limit = limit
        self._gradient_free = gradient_free
        self._almost_zero = almost_zero
        self._tolerance = tolerance

    def check_attack(self, attack: Attack) -> None:
        """Refuses, with a `ValueError`, an attack whose checks cannot be made."""
        if not isinstance(attack, IterativeAttack):
            raise ValueError(
                "honesty_checks need an attack that takes steps (more of them must not be weaker), "
                f"got {attack!r}."
            )
        attack.epsilon_tensor(self.epsilon)

    def report(
        self,
        evaluate: Callable[[Attack], float],
        attack: IterativeAttack,
        *,
        image_size: int,
    ) -> HonestyReport:
        """Makes the checks; a warning in the log names what failed.

        Args:
            evaluate: Attack -> the network's figure under it, in [0, 1].
            attack: The attack; its epsilon is replaced.
            image_size: Values in an image, `H * W * C`.
        """
        lowest, highest = attack.pixel_range
        # No two images are farther apart than this, in either ball.
        diameter = (highest - lowest) * math.sqrt(image_size)
        gradient_free = self._gradient_free
        report = honesty_report(
            evaluate,
            attack.replace(epsilon=self.epsilon),
            gradient_free=gradient_free and gradient_free.replace(epsilon=self.epsilon),
            unbounded_epsilon=min(attack.ball.largest_epsilon(attack.pixel_range), diameter),
            almost_zero=self._almost_zero,
            tolerance=self._tolerance,
        )
        if not report.passed:
            logging.warning(
                "Robust figures are doubtful (checked at epsilon %s):\n%s",
                epsilon_name(self.epsilon),
                report,
            )
        return report


def described(report: HonestyReport, *, epsilon: float, images: int) -> dict:
    """A report as it stands in `metrics.json`.

    Args:
        report: The report.
        epsilon: Where the attack was checked, in pixel units.
        images: How many images were attacked.
    """
    return {
        "epsilon": epsilon,
        "images": images,
        "figure": report.figure,
        "passed": report.passed,
        "gradients_look_masked": report.gradients_look_masked,
        "checks": [
            {
                "name": check.name,
                "passed": check.passed,
                "figure": check.figure,
                "limit": check.limit,
            }
            for check in report.checks
        ],
    }

"""Whether an attack was strong enough for its robust figure to be believed."""

import dataclasses

from rtml_tf.attacks import honesty_checks
from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.honesty_checks import Evaluate, HonestyCheck
from rtml_tf.attacks.iterative_attack import IterativeAttack
from rtml_tf.attacks.spsa import SPSA

# How often `honesty_report` evaluates: under the attack itself, and once for each check.
NUM_EVALUATIONS = 6


@dataclasses.dataclass(frozen=True)
class HonestyReport:
    """All checks of one attack on one network.

    Attributes:
        figure: The network's figure under the attack itself.
        checks: The checks, in the order in which they were made.
        gradients_look_masked: Whether the attack without gradients was stronger.
    """

    figure: float
    checks: tuple[HonestyCheck, ...]
    gradients_look_masked: bool

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def __str__(self) -> str:
        lines = [f"robust figure {self.figure:.4f}", *map(str, self.checks)]
        if self.gradients_look_masked:
            lines.append("Gradients look masked: the robust figure is not to be believed.")
        return "\n".join(lines)


def honesty_report(
    evaluate: Evaluate,
    attack: IterativeAttack,
    *,
    gradient_free: Attack | None = None,
    unbounded_epsilon: float | None = None,
    almost_zero: float = 0.02,
    tolerance: float = 0.0,
) -> HonestyReport:
    """Makes all checks of one attack; calls `evaluate` six times (`NUM_EVALUATIONS`).

    Source: Carlini et al. (2019), "On evaluating adversarial robustness", and Athalye, Carlini and
    Wagner (2018), section 3.1, the behaviours by which masked gradients are known.

    Args:
        evaluate: Attack -> the network's figure under it, in [0, 1], higher is better for the
            network (robust Recall@1, robust accuracy). Best on the same images with the same seed.
        attack: The attack whose figure shall be believed.
        gradient_free: The attack without gradients; by default SPSA with the attack's ball, epsilon
            and steps.
        unbounded_epsilon: See `honesty_checks.check_unbounded`.
        almost_zero: Largest figure that an unbounded attack may leave.
        tolerance: How much a figure may be on the wrong side by chance; with n images a change of
            one image is `1/n`. Not of random noise, which has to be weaker.

    Returns:
        The report; nothing is raised when a check fails.

    Raises:
        ValueError: See `honesty_checks.check_unbounded`.
    """
    if gradient_free is None:
        gradient_free = SPSA(
            epsilon=attack.epsilon,
            steps=attack.steps,
            ball=attack.ball,
            pixel_range=attack.pixel_range,
        )
    figure = evaluate(attack)
    compared = {"figure": figure, "tolerance": tolerance}
    masking = honesty_checks.check_gradient_masking(evaluate, gradient_free, **compared)
    return HonestyReport(
        figure=figure,
        checks=(
            honesty_checks.check_random_noise(evaluate, attack, figure=figure),
            honesty_checks.check_larger_epsilon(evaluate, attack, **compared),
            honesty_checks.check_more_steps(evaluate, attack, **compared),
            honesty_checks.check_unbounded(
                evaluate, attack, unbounded_epsilon=unbounded_epsilon, limit=almost_zero
            ),
            masking,
        ),
        gradients_look_masked=not masking.passed,
    )

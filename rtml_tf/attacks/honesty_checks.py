"""Whether an attack was strong enough for its robust figure to be believed."""

import dataclasses
from collections.abc import Callable

from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.iterative_attack import IterativeAttack
from rtml_tf.attacks.random_noise import RandomNoise
from rtml_tf.attacks.spsa import SPSA

Evaluate = Callable[[Attack], float]


@dataclasses.dataclass(frozen=True)
class HonestyCheck:
    """One comparison that an honest robust evaluation passes.

    Attributes:
        name: What was compared, in a few words.
        passed: Whether the outcome is as it must be.
        figure: The network's figure under the attack of this check, in [0, 1].
        limit: What the figure was compared with.
        meaning: What a failure would mean.
    """

    name: str
    passed: bool
    figure: float
    limit: float
    meaning: str

    def __str__(self) -> str:
        comparison = f"{self.name}: {self.figure:.4f}, against {self.limit:.4f}"
        return f"ok    {comparison}" if self.passed else f"FAILS {comparison}: {self.meaning}"


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


def check_random_noise(
    evaluate: Evaluate, attack: Attack, *, figure: float, tolerance: float = 0.0
) -> HonestyCheck:
    """Random noise of the same epsilon must be weaker than the attack."""
    noise = RandomNoise(
        epsilon=attack.epsilon, ball=attack.ball, pixel_range=attack.pixel_range
    )
    under_noise = evaluate(noise)
    return HonestyCheck(
        name="random noise of the same epsilon is not stronger",
        passed=under_noise >= figure - tolerance,
        figure=under_noise,
        limit=figure,
        meaning="the search does worse than no search",
    )


def check_larger_epsilon(
    evaluate: Evaluate, attack: Attack, *, figure: float, tolerance: float = 0.0
) -> HonestyCheck:
    """Twice the epsilon (as far as the pixel range goes) must not be weaker."""
    largest = attack.ball.largest_epsilon(attack.pixel_range)
    at_larger = evaluate(attack.replace(epsilon=min(2.0 * attack.epsilon, largest)))
    return HonestyCheck(
        name="twice the epsilon is not weaker",
        passed=at_larger <= figure + tolerance,
        figure=at_larger,
        limit=figure,
        meaning="the search does not find what the smaller ball holds",
    )


def check_more_steps(
    evaluate: Evaluate, attack: IterativeAttack, *, figure: float, tolerance: float = 0.0
) -> HonestyCheck:
    """Four times the steps must not be weaker."""
    with_more = evaluate(attack.replace(steps=4 * attack.steps))
    return HonestyCheck(
        name="four times the steps are not weaker",
        passed=with_more <= figure + tolerance,
        figure=with_more,
        limit=figure,
        meaning="the search does not converge; the step size may be wrong",
    )


def check_unbounded(
    evaluate: Evaluate, attack: Attack, *, unbounded_epsilon: float = 1.0, limit: float = 0.02
) -> HonestyCheck:
    """An attack that may change everything must bring the figure (almost) to 0.

    Args:
        evaluate: Attack -> figure.
        attack: The attack, of any epsilon.
        unbounded_epsilon: An epsilon that holds (nearly) every image. 1 does in the L-infinity ball
            for pixels in [0, 1]; in the L2 ball, the root of the number of pixels does.
        limit: Largest figure that counts as almost 0.
    """
    unbounded = evaluate(attack.replace(epsilon=unbounded_epsilon))
    return HonestyCheck(
        name="an unbounded attack wins",
        passed=unbounded <= limit,
        figure=unbounded,
        limit=limit,
        meaning="the objective or the search does not attack what is measured",
    )


def check_gradient_masking(
    evaluate: Evaluate, gradient_free: Attack, *, figure: float, tolerance: float = 0.0
) -> HonestyCheck:
    """An attack without gradients must not be stronger than the one with them."""
    without_gradients = evaluate(gradient_free)
    return HonestyCheck(
        name="an attack without gradients is not stronger",
        passed=without_gradients >= figure - tolerance,
        figure=without_gradients,
        limit=figure,
        meaning="the gradients look masked",
    )


def honesty_report(
    evaluate: Evaluate,
    attack: IterativeAttack,
    *,
    gradient_free: Attack | None = None,
    unbounded_epsilon: float = 1.0,
    almost_zero: float = 0.02,
    tolerance: float = 0.0,
) -> HonestyReport:
    """Makes all checks of one attack; calls `evaluate` six times.

    Source: Carlini et al. (2019), "On evaluating adversarial robustness", and Athalye, Carlini and
    Wagner (2018), section 3.1, the behaviours by which masked gradients are known.

    Args:
        evaluate: Attack -> the network's figure under it, in [0, 1], higher is better for the
            network (robust Recall@1, robust accuracy). Best on the same images with the same seed.
        attack: The attack whose figure shall be believed.
        gradient_free: The attack without gradients; by default SPSA with the attack's ball, epsilon
            and steps.
        unbounded_epsilon: See `check_unbounded`.
        almost_zero: Largest figure that an unbounded attack may leave.
        tolerance: How much a figure may be on the wrong side by chance; with n images a change of
            one image is `1/n`.

    Returns:
        The report; nothing is raised when a check fails.
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
    masking = check_gradient_masking(evaluate, gradient_free, **compared)
    return HonestyReport(
        figure=figure,
        checks=(
            check_random_noise(evaluate, attack, **compared),
            check_larger_epsilon(evaluate, attack, **compared),
            check_more_steps(evaluate, attack, **compared),
            check_unbounded(
                evaluate, attack, unbounded_epsilon=unbounded_epsilon, limit=almost_zero
            ),
            masking,
        ),
        gradients_look_masked=not masking.passed,
    )

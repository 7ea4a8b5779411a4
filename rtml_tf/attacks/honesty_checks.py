"""Comparisons that tell a strong attack from a weak one."""

import dataclasses
import math
from collections.abc import Callable

from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.iterative_attack import IterativeAttack
from rtml_tf.attacks.random_noise import RandomNoise

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


def check_random_noise(evaluate: Evaluate, attack: Attack, *, figure: float) -> HonestyCheck:
    """Random noise of the same epsilon must be weaker than the attack (unless that leaves 0).

    No chance is forgiven: an attack that finds nothing and noise that does nothing are alike.
    """
    noise = RandomNoise(epsilon=attack.epsilon, ball=attack.ball, pixel_range=attack.pixel_range)
    under_noise = evaluate(noise)
    return HonestyCheck(
        name="random noise of the same epsilon is weaker",
        passed=figure == 0.0 or under_noise > figure,
        figure=under_noise,
        limit=figure,
        meaning="the search is no better than no search",
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
    evaluate: Evaluate,
    attack: IterativeAttack,
    *,
    unbounded_epsilon: float | None = None,
    limit: float = 0.02,
) -> HonestyCheck:
    """An attack that may change everything must bring the figure (almost) to 0.

    Args:
        evaluate: Attack -> figure.
        attack: The attack, of any epsilon. An absolute step size is replaced by the default, which
            grows with epsilon.
        unbounded_epsilon: An epsilon that holds (nearly) every image; None for the width of the
            pixel range, which does in the L-infinity ball. In the L2 ball the width times the root
            of the number of pixels does.
        limit: Largest figure that counts as almost 0.

    Raises:
        ValueError: If `unbounded_epsilon` is None for another ball than the L-infinity one.
    """
    if unbounded_epsilon is None:
        unbounded_epsilon = attack.ball.largest_epsilon(attack.pixel_range)
    if math.isinf(unbounded_epsilon):
        raise ValueError(f"unbounded_epsilon must be given for {attack.ball}, got None.")
    unbounded = evaluate(attack.replace(epsilon=unbounded_epsilon, step_size=None))
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

"""The epsilons of a robust evaluation, and how they are called in tables."""

from collections.abc import Sequence

from rtml_tf.attacks.attack import Attack

_EIGHT_BIT_STEPS = 255


def epsilon_name(epsilon: float) -> str:
    """The name of an epsilon in pixel units: "4/255" where it is such a fraction, else "0.0157".

    Numbers of four characters at most are called what they are: "0", "0.2", "0.25".
    """
    decimal = f"{epsilon:g}"
    steps = round(epsilon * _EIGHT_BIT_STEPS)
    if len(decimal) <= 4 or abs(epsilon * _EIGHT_BIT_STEPS - steps) > 1e-4 * abs(steps):
        return decimal
    return f"{steps}/{_EIGHT_BIT_STEPS}"


def figure_at(figure: str, epsilon: float) -> str:
    """The name of a figure under an attack of some epsilon, such as "recall@1 at 4/255"."""
    return f"{figure} at {epsilon_name(epsilon)}"


def checked_epsilons(epsilons: Sequence[float], attack: Attack) -> tuple[float, ...]:
    """The epsilons as a tuple.

    Args:
        epsilons: In pixel units, above 0 and rising.
        attack: Knows which epsilons it can take.

    Raises:
        ValueError: If there is none, they do not rise from above 0, or the attack cannot take one.
    """
    epsilons = tuple(float(epsilon) for epsilon in epsilons)
    if not epsilons or any(a >= b for a, b in zip((0.0, *epsilons), epsilons)):
        raise ValueError(
            "epsilons must hold at least one number, rise and begin above 0 (the clean figure is "
            f"always there), got {epsilons}."
        )
    for epsilon in epsilons:
        attack.epsilon_tensor(epsilon)
    return epsilons

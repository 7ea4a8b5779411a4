"""How the attacked images of one batch-norm branch are made."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from rtml_tf.attacks.attack import Attack, Network
from rtml_tf.attacks.metric_loss_objective import MetricLossObjective
from rtml_tf.attacks.objective import Objective
from rtml_tf.attacks.permuted_targets import PermutedTargetsObjective
from rtml_tf.models.model_config import arguments_from, serialized
from rtml_tf.models.schedules import Schedule, at_step, checked_epsilon


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class AdversarialBranch:
    """The attack that makes the images of a branch.

    Attributes:
        attack: How to search.
        objective: What the attack raises; None: the metric loss that the model trains with.
        epsilon: Schedule over steps that replaces the attack's epsilon, or None.
    """

    def __init__(
        self,
        *,
        attack: Attack,
        objective: Objective | None = None,
        epsilon: Schedule | None = None,
    ):
        """Joins a search and an objective.

        Args:
            attack: How to search, with its epsilon in pixel units.
            objective: What the attack raises; `None`: the metric loss (AdvProp). One of a margin
                head without a loss takes that of the model.
            epsilon: A Keras learning-rate schedule that gives epsilon for a step (a warm-up:
                `PolynomialDecay` from 0).

        Raises:
            ValueError: If the attack cannot raise the objective, or epsilon is out of range.
        """
        if objective is not None:
            attack.check_objective(objective)
        self.attack = attack
        self.objective = objective
        if epsilon is not None:
            epsilon = checked_epsilon(epsilon, ball=attack.ball, pixel_range=attack.pixel_range)
        self.epsilon = epsilon

    @property
    def fewest_images(self) -> int:
        """How many images it must get at once: alone, an image would be its own target."""
        return 2 if isinstance(self.objective, PermutedTargetsObjective) else 1

    def attacked(
        self,
        network: Network,
        batch: Mapping[str, tf.Tensor],
        *,
        loss_objective: MetricLossObjective,
        step: tf.Tensor,
        seed: tf.Tensor,
    ) -> tf.Tensor:
        """The images of `batch` after the attack: float32 `[B, H, W, C]`, without a gradient.

        Args:
            network: What is attacked: the network through this branch, in inference mode.
            batch: `"image"`, `"label"`.
            loss_objective: Raises the loss of training; where the branch has no objective.
            step: Number of the training step.
            seed: int32 `[2]`.
        """
        objective = loss_objective
        if self.objective is not None:
            objective = self.objective.in_training(loss_objective.loss)
        epsilon = None if self.epsilon is None else at_step(self.epsilon, step)
        return self.attack(network, batch, objective, epsilon=epsilon, seed=seed)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, as Keras serialises them."""
        return {
            "attack": serialized(self.attack),
            "objective": serialized(self.objective),
            "epsilon": serialized(self.epsilon),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "AdversarialBranch":
        """Builds it from `get_config()`."""
        return cls(**arguments_from(config))


def targeted_branches(
    *,
    attack: Attack,
    targets: Mapping[str, int] | None = None,
    exclude_own_class: bool = False,
    epsilon: Schedule | None = None,
) -> dict[str, AdversarialBranch]:
    """The branches of MDProp: one attack, towards different numbers of targets at once.

    Args:
        attack: How to search; the same for all branches.
        targets: Number of targets by branch; `None`: 1 for "single" and 5 for "multi", as in the
            paper.
        exclude_own_class: Whether targets are of another class than the image, see
            `PermutedTargetsObjective`.
        epsilon: See `AdversarialBranch`.

    Returns:
        The branches by name.
    """
    targets = {"single": 1, "multi": 5} if targets is None else targets
    return {
        name: AdversarialBranch(
            attack=attack,
            objective=PermutedTargetsObjective(
                targets=count,
                exclude_own_class=exclude_own_class,
                own_pass=attack.leaves_clean_images,
            ),
            epsilon=epsilon,
        )
        for name, count in targets.items()
    }

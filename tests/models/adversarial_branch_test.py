"""Tests of what makes the images of a branch."""

import tensorflow as tf

from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.metric_loss_objective import MetricLossObjective
from rtml_tf.attacks.permuted_targets import PermutedTargetsObjective
from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.models.adversarial_branch import AdversarialBranch, targeted_branches

_BATCH = {"image": tf.constant([[0.5, 0.5], [0.5, 0.5]]), "label": tf.constant([1, -1])}


class AdversarialBranchTest(tf.test.TestCase):
    def test_without_an_objective_the_loss_rises(self):
        """The gradient of sum_i label_i x_i has the sign of the label."""
        branch = AdversarialBranch(attack=FastGradientMethod(epsilon=0.25))
        attacked = branch.attacked(
            lambda images: images,
            _BATCH,
            loss_objective=MetricLossObjective(
                loss=lambda x, labels: tf.reduce_sum(x * tf.cast(labels, x.dtype)[:, tf.newaxis])
            ),
            step=tf.constant(0),
            seed=(1, 2),
        )
        self.assertAllClose(attacked, [[0.75, 0.75], [0.25, 0.25]], atol=1e-6)

    def test_targeted_branches_are_those_of_the_paper(self):
        attack = ProjectedGradientDescent(epsilon=0.1, steps=1)
        branches = targeted_branches(attack=attack)
        self.assertEqual(
            {name: branch.objective.targets for name, branch in branches.items()},
            {"single": 1, "multi": 5},
        )
        self.assertTrue(branches["multi"].objective.own_pass)
        (branch,) = targeted_branches(
            attack=FastGradientMethod(epsilon=0.1), targets={"ten": 10}, exclude_own_class=True
        ).values()
        self.assertEqual(branch.objective.targets, 10)
        self.assertTrue(branch.objective.exclude_own_class)
        self.assertFalse(branch.objective.own_pass)

    def test_configuration_round_trip(self):
        branch = AdversarialBranch(
            attack=ProjectedGradientDescent(epsilon=0.1, steps=2),
            objective=PermutedTargetsObjective(targets=3),
            epsilon=tf.keras.optimizers.schedules.PolynomialDecay(0.0, 2, 0.1),
        )
        again = AdversarialBranch.from_config(branch.get_config())
        self.assertEqual(again.get_config(), branch.get_config())
        self.assertEqual(again.objective.targets, 3)

    def test_targets_without_a_pass_need_the_fast_gradient(self):
        with self.assertRaisesRegex(
            ValueError, "needs a FastGradientMethod, got ProjectedGradient"
        ):
            AdversarialBranch(
                attack=ProjectedGradientDescent(epsilon=0.1, steps=1),
                objective=PermutedTargetsObjective(own_pass=False),
            )


if __name__ == "__main__":
    tf.test.main()

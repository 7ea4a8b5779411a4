"""Tests of the steps of category-level adversaries, in both forms, by the formulas."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.losses.entropy import self_information_maps
from rtml_tf.losses.local_alignment import CategoryWeights
from rtml_tf.models.alternating_adversarial import AlternatingAdversarialModel
from rtml_tf.models.category_adversarial import CategoryAdversarialModel
from tests.adapted_segmentation import (
    adversarial_model,
    binary_cross_entropy,
    reference_step,
    small_discriminator,
    two_domain_batch,
)
from tests.aligned_corners import resize_aligned


class FormsTest(tf.test.TestCase, parameterized.TestCase):
    def _assert_step(self, model, expected):
        """All gradients are of the weights before the step: G's step does not change D's."""
        model.train_step(two_domain_batch())
        variables = [v for x in model.levels for v in x.discriminator.trainable_variables]
        self.assertAllClose(model.network.trainable_variables, expected[0], atol=1e-5)
        self.assertAllClose(variables, expected[1], atol=1e-5)

    @parameterized.parameters((False, tf.image.resize), (True, resize_aligned))
    def test_reversal_lets_the_generator_raise_the_loss_of_the_discriminator(self, aligned, resize):
        model = adversarial_model(aligned_corners=aligned)
        self._assert_step(
            model, reference_step(lambda logits: -binary_cross_entropy(logits, 1), resize=resize)
        )

    @parameterized.parameters((False, tf.image.resize), (True, resize_aligned))
    def test_alternating_lets_the_generator_lower_the_loss_of_the_other_label(
        self, aligned, resize
    ):
        model = adversarial_model(AlternatingAdversarialModel, aligned_corners=aligned)
        self._assert_step(
            model, reference_step(lambda logits: binary_cross_entropy(logits, 0), resize=resize)
        )

    def test_discriminator_may_see_self_information(self):
        expected = reference_step(
            lambda logits: -binary_cross_entropy(logits, 1), sees=self_information_maps
        )
        self._assert_step(adversarial_model(sees=self_information_maps), expected)

    @parameterized.parameters(CategoryAdversarialModel, AlternatingAdversarialModel)
    def test_two_levels(self, kind):
        """As in AdaptSegNet, the first head with a discriminator and weights of its own."""
        flipped = kind is AlternatingAdversarialModel
        expected = reference_step(
            lambda logits: (
                binary_cross_entropy(logits, 0) if flipped else -binary_cross_entropy(logits, 1)
            ),
            levels=((1, ("p2",), 1.0), (2, ("p1",), 0.25)),
            head_weights=(0.1, 1.0),
        )
        model = adversarial_model(
            kind,
            auxiliary_discriminator=small_discriminator(2),
            auxiliary_weight=0.25,
            head_weights=(0.1, 1.0),
        )
        self._assert_step(model, expected)

    @parameterized.parameters(
        None,
        CategoryWeights(lambda_local=3.0),
        CategoryWeights(lambda_local=3.0, scaled=True, epsilon=0.1),
        CategoryWeights(lambda_local=3.0, detached=False),
    )
    def test_both_forms_are_one_where_the_generator_has_the_target_label(self, category_weights):
        models = [
            adversarial_model(category_weights=category_weights),
            adversarial_model(
                AlternatingAdversarialModel,
                category_weights=category_weights,
                flipped_labels=False,
            ),
        ]
        logs = [model.train_step(two_domain_batch()) for model in models]
        for part in ("network", "discriminator"):
            reversal, alternating = (getattr(model, part).get_weights() for model in models)
            self.assertAllClose(reversal, alternating, atol=1e-6)
            self.assertNotAllClose(
                reversal[0], getattr(adversarial_model(), part).get_weights()[0], atol=1e-4
            )
        for name in set(logs[0]) - {"loss"}:
            self.assertAllClose(logs[0][name], logs[1][name], msg=name)

    @parameterized.parameters(CategoryAdversarialModel, AlternatingAdversarialModel)
    def test_generator_lowers_the_map_only_where_it_is_not_detached(self, kind):
        """The discriminator is sure and saturated, so that only the weights have a gradient."""
        moved = []
        for detached in (True, False):
            weights = CategoryWeights(lambda_local=3.0, detached=detached)
            model = adversarial_model(
                kind, category_weights=weights, discriminator_rate=0.0, rate=0.01
            )
            *kernels, bias = model.discriminator.get_weights()
            # Wrong on the target for the reversal form, right for flipped labels: a loss of 50.
            bias[:] = 50.0 if kind is AlternatingAdversarialModel else -50.0
            kernels = [0.0 * kernel for kernel in kernels]
            model.discriminator.set_weights([*kernels, bias])
            model.train_step(two_domain_batch())
            model.reset_metrics()
            moved.append(float(model.train_step(two_domain_batch())["local_alignment"]))
        self.assertLess(moved[1], 0.9 * moved[0])


if __name__ == "__main__":
    tf.test.main()

"""Tests of category-level adversaries, in both forms."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.losses.entropy import self_information_maps
from rtml_tf.losses.local_alignment import CategoryWeights
from rtml_tf.models.alternating_adversarial import AlternatingAdversarialModel
from rtml_tf.models.category_adversarial import CategoryAdversarialModel
from rtml_tf.networks.batch_norm_modes import freeze_batch_norm_statistics
from rtml_tf.networks.branches import with_branches
from rtml_tf.networks.discriminator import map_discriminator
from rtml_tf.runs.checkpoint import RunCheckpoint, RunState
from tests import two_cpus
from tests.adapted_segmentation import (
    SGD,
    adversarial_model,
    reference_step,
    small_discriminator,
    small_generator,
    spec_of,
    two_domain_batch,
)

_PolynomialDecay = tf.keras.optimizers.schedules.PolynomialDecay


def setUpModule():
    two_cpus.start()


class CategoryAdversarialModelTest(tf.test.TestCase, parameterized.TestCase):
    def test_without_adversary_it_is_supervised_training(self):
        model = adversarial_model(adversarial_weight=0.0)
        expected, _ = reference_step(lambda logits: 0.0 * logits)
        model.train_step(two_domain_batch())
        self.assertAllClose(model.network.trainable_variables, expected, atol=1e-5)

    def test_weights_are_damped_and_the_map_waits_for_the_warm_up(self):
        """lambda_adv (1 - i/I) with I = 4; in the first step all pixel weights are 1."""
        model = adversarial_model(
            adversarial_weight=_PolynomialDecay(0.8, 4, 0.0),
            category_weights=CategoryWeights(epsilon=0.0, lambda_local=0.0, warm_up_steps=1),
            discriminator_rate=0.0,
        )
        logs = []
        for _ in range(3):
            model.reset_metrics()
            logs.append(model.train_step(two_domain_batch()))
        self.assertAllClose([x["adversarial_weight"] for x in logs], [0.8, 0.6, 0.4])
        unweighted = adversarial_model(category_weights=None).train_step(two_domain_batch())
        self.assertAllClose(logs[0]["discriminator_loss"], unweighted["discriminator_loss"])
        self.assertLess(logs[1]["discriminator_loss"], logs[0]["discriminator_loss"])

    @parameterized.parameters(CategoryAdversarialModel, AlternatingAdversarialModel)
    def test_trains_in_a_graph_on_domains_of_different_sizes(self, kind):
        model = adversarial_model(kind, rate=0.05, discriminator_rate=0.05)
        dataset = tf.data.Dataset.from_tensors(two_domain_batch()).repeat()
        history = model.fit(dataset, steps_per_epoch=5, epochs=3, verbose=0).history
        self.assertLess(history["segmentation_loss"][2], history["segmentation_loss"][0])
        self.assertTrue(np.all(np.isfinite(list(history.values()))))

    @parameterized.parameters(False, True)
    def test_one_forward_is_two_where_batch_norms_allow_it(self, branches):
        generator = small_generator()
        if branches:
            generator = with_branches(network=generator, branches=("clean", "source"))
        else:
            generator = freeze_batch_norm_statistics(network=generator)
        weights = generator.get_weights()
        trained = []
        for one_forward in (False, True):
            generator.set_weights(weights)
            model = adversarial_model(generator=generator, one_forward=one_forward)
            model.train_step(two_domain_batch(target_shape=(3, 8, 8)))
            trained.append(generator.get_weights())
        self.assertAllClose(trained[0], trained[1], atol=1e-5)
        self.assertNotAllClose(trained[0][0], weights[0])

    def test_domain_specific_batch_norm_keeps_the_statistics_of_the_domains_apart(self):
        """The running mean moves by a hundredth of the difference to the mean of the images."""
        batch = two_domain_batch()
        batch["target"]["image"] += 5.0
        model = adversarial_model(
            generator=with_branches(network=small_generator(), branches=("clean", "source")),
            rate=0.0,
        )
        norm, stem = (model.network.get_layer(name) for name in ("norm", "stem"))
        start = norm.batch_norm("clean").moving_mean.numpy()
        model.train_step(batch)
        for branch, domain in (("clean", "target"), ("source", "source")):
            mean = tf.reduce_mean(stem(batch[domain]["image"]), axis=(0, 1, 2))
            expected = start + 0.01 * (mean - start)
            self.assertAllClose(norm.batch_norm(branch).moving_mean, expected, rtol=1e-4)
        finished = model.finished_network.get_layer("norm")
        self.assertIs(type(finished), tf.keras.layers.BatchNormalization)
        self.assertAllClose(finished.moving_mean, norm.batch_norm("clean").moving_mean)

    def test_resumes_with_both_networks_all_optimizers_and_the_schedule(self):
        folder = pathlib.Path(self.create_tempdir())

        def run(start, stop):
            model = adversarial_model(
                discriminator_optimizer=tf.keras.optimizers.Adam(0.01),
                head_optimizer=SGD(0.1, momentum=0.9),
                adversarial_weight=_PolynomialDecay(0.8, 4, 0.0),
            )
            state = RunState()
            checkpoint = RunCheckpoint(model=model, state=state, folder=folder)
            self.assertEqual(checkpoint.restore(), start > 0)
            self.assertEqual(int(model.step), start)
            for _ in range(start, stop):
                model.train_step(two_domain_batch())
                state.step.assign_add(1)
            checkpoint.save()
            return model.network.get_weights() + model.discriminator.get_weights()

        run(0, 2)
        resumed = run(2, 4)
        folder = pathlib.Path(self.create_tempdir())
        self.assertAllClose(resumed, run(0, 4), atol=1e-6)

    def test_two_replicas_with_one_batch_each_take_the_step_of_one(self):
        trained = []
        for strategy in (tf.distribute.get_strategy(), two_cpus.mirrored_strategy()):
            with strategy.scope():
                model = adversarial_model(AlternatingAdversarialModel)
            two_cpus.fit_on_each_replica(model, strategy, two_domain_batch())
            trained.append(model.network.get_weights() + model.discriminator.get_weights())
        self.assertAllClose(trained[0], trained[1], atol=1e-5)

    @parameterized.parameters(CategoryAdversarialModel, AlternatingAdversarialModel)
    def test_configuration_round_trip(self, kind):
        model = adversarial_model(
            kind, sees=self_information_maps, adversarial_weight=_PolynomialDecay(0.8, 4, 0.0)
        )
        again = kind.from_config(model.get_config())
        again.compile(optimizer=SGD(1.0))
        again.prepare(num_classes=3)
        for part in ("network", "discriminator"):
            getattr(again, part).set_weights(getattr(model, part).get_weights())
        logs = [m.train_step(two_domain_batch()) for m in (model, again)]
        self.assertAllClose(logs[0], logs[1])

    def test_refuses_data_that_does_not_fit(self):
        model = adversarial_model()
        model.check_data(spec_of(two_domain_batch()))
        spec = spec_of(two_domain_batch())
        with self.assertRaisesRegex(ValueError, r'needs batches with {"target": {"image": ...}}'):
            model.check_data({"source": spec["source"]})
        small = spec_of(two_domain_batch(target_shape=(1, 2, 12)))
        with self.assertRaisesRegex(ValueError, r"size of the target images, \(2, 12\); give it"):
            model.check_data(small)
        fixed = adversarial_model(discriminator=small_discriminator(size=8))
        with self.assertRaisesRegex(ValueError, r"size of the target images, \(4, 12\)"):
            fixed.check_data(spec)
        frozen = freeze_batch_norm_statistics(network=small_generator())
        with self.assertRaisesRegex(ValueError, r"one size, got \(8, 8, 1\) and \(4, 12, 1\)"):
            adversarial_model(generator=frozen, one_forward=True).check_data(spec)

    @parameterized.parameters(
        ({"category_weights": 40.0}, "category_weights must be CategoryWeights or None, got 40.0"),
        ({"adversarial_weight": -1.0}, "adversarial_weight must be a number of at least 0"),
        ({"auxiliary_weight": -1.0}, "auxiliary_weight must be a number of at least 0"),
        ({"one_forward": True}, "mix the batch statistics of source and target in 'norm'"),
        ({"discriminator": "paper"}, "must be a functional Keras model, got 'paper'"),
        (
            lambda: {"discriminator": map_discriminator(input_shape=(None, None, 2))},
            r"maps \[B, H, W, 3\] into logits \[B, h, w, 1\], got \(None, None, None, 2\)",
        ),
    )
    def test_refuses(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            adversarial_model(**(arguments() if callable(arguments) else arguments))


if __name__ == "__main__":
    tf.test.main()

"""Tests of training with branches and multi-targeted attacks."""

from unittest import mock

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.attacks.random_noise import RandomNoise
from rtml_tf.losses.margin_softmax import ArcFaceLoss
from rtml_tf.losses.multi_similarity import MultiSimilarityLoss
from rtml_tf.models.adversarial_branch import AdversarialBranch, targeted_branches
from rtml_tf.models.branch_combination import SeparateCombination
from rtml_tf.models.joint_adversarial import JointAdversarialModel
from rtml_tf.models.mdprop import MDPropModel
from rtml_tf.networks.branches import with_branches
from rtml_tf.networks.convolution import convolution
from rtml_tf.networks.embedding_head import embedding_head
from rtml_tf.networks.joining import join_networks

_SHAPE = (8, 8, 1)


def _network():
    tf.keras.utils.set_random_seed(0)
    image = tf.keras.Input(_SHAPE, name="image")
    features = convolution(image, filters=4, kernel_size=3, name="stem")
    features = convolution(features, filters=6, kernel_size=3, strides=2, name="stage")
    return tf.keras.Model(image, embedding_head(features=features, embedding_size=4))


def _batch(size=7):
    rng = np.random.default_rng(0)
    return {
        "image": tf.constant(rng.uniform(0.2, 0.8, size=(size, *_SHAPE)), tf.float32),
        "label": tf.constant(np.arange(size) % 3, tf.int32),
    }


def _model(model_class=MDPropModel, **arguments):
    if model_class is MDPropModel and "branches" not in arguments:
        attack = ProjectedGradientDescent(epsilon=0.1, steps=2)
        arguments["branches"] = targeted_branches(attack=attack)
    model = model_class(**{"network": _network(), "loss": MultiSimilarityLoss(), **arguments})
    model.compile(optimizer=tf.keras.optimizers.SGD(0.1))
    model.prepare(num_classes=3)
    return model


class MDPropModelTest(tf.test.TestCase):
    def test_one_pass_in_training_mode_takes_all_rows(self):
        model = _model()
        with mock.patch.object(model.network, "call", wraps=model.network.call) as call:
            model.train_step(_batch())
        (images,) = [arguments.args[0] for arguments in call.call_args_list]
        self.assertEqual(images.shape[0], 14)

    def test_one_branch_that_shares_batch_norms_is_joint_adversarial_training(self):
        attack = FastGradientMethod(epsilon=0.1)
        joint = _model(JointAdversarialModel, attack=attack)
        model = _model(
            branches={"adversarial": AdversarialBranch(attack=attack)},
            combination=SeparateCombination(weights={"clean": 0.5, "adversarial": 0.5}),
            shared_batch_norm=True,
        )
        expected, logs = joint.train_step(_batch()), model.train_step(_batch())
        for ours, theirs in zip(model.network.get_weights(), joint.network.get_weights()):
            self.assertAllClose(ours, theirs, atol=1e-6)
        self.assertIs(model.finished_network, model.network)
        for ours, theirs in (
            ("loss", "loss"),
            ("clean_loss", "clean_loss"),
            ("adversarial_loss", "adversarial_loss"),
            ("adversarial_embedding_shift", "embedding_shift"),
            ("adversarial_perturbation_norm", "perturbation_norm"),
        ):
            self.assertAllClose(logs[ours], expected[theirs], atol=1e-5)

    def test_trains_in_a_graph_on_odd_batches_and_logs_every_branch(self):
        model = _model(loss=ArcFaceLoss(), attack_dtype="bfloat16")
        dataset = tf.data.Dataset.from_tensors(_batch()).repeat()
        history = model.fit(dataset, steps_per_epoch=4, epochs=2, verbose=0).history
        self.assertLess(history["loss"][1], history["loss"][0])
        for name in ("single", "multi"):
            self.assertAllClose(history[f"{name}_perturbation_norm"], [0.1, 0.1], atol=1e-4)
            self.assertGreater(history[f"{name}_embedding_shift"][1], 0.0)
        self.assertEqual(set(history), set(model.logged))

    def test_takes_finite_steps_with_a_network_of_mixed_precision(self):
        self.addCleanup(tf.keras.mixed_precision.set_global_policy, "float32")
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        model = _model()
        norm = model.network.get_layer("stem_bn")
        self.assertEqual(norm.compute_dtype, "bfloat16")
        before = {name: norm.branch_weights(name) for name in norm.branches}
        logs = model.train_step(_batch())
        self.assertTrue(np.isfinite([value.numpy() for value in logs.values()]).all())
        self.assertEqual(model.skipped_steps.count, 0)
        for weight in model.network.weights:
            self.assertEqual(weight.dtype, tf.float32)
            self.assertTrue(np.isfinite(weight).all())
        for name, weights in before.items():
            for moved, old in zip(norm.branch_weights(name), weights):
                self.assertNotAllEqual(moved, old)

    def test_attacks_change_no_state_and_repeat_within_a_step(self):
        model = _model()
        before = model.get_weights()
        attacked = model.attacked(_batch())
        self.assertAllInRange(np.abs(attacked - _batch()["image"]).max(axis=(1, 2, 3)), 0.09, 0.1)
        self.assertAllEqual(model.attacked(_batch()), attacked)
        for weight, old in zip(model.get_weights(), before):
            self.assertAllEqual(weight, old)
        model.step.assign_add(1)
        self.assertNotAllEqual(model.attacked(_batch()), attacked)

    def test_branches_draw_apart(self):
        branch = AdversarialBranch(attack=RandomNoise(epsilon=0.1))
        model = _model(branches={"first": branch, "second": branch})
        noise = model.attacked(_batch(6)) - _batch(6)["image"]
        self.assertNotAllClose(noise[:3], noise[3:], atol=0.05)

    def test_a_branch_is_attacked_through_itself(self):
        """Statistics of another branch change nothing, its own do."""
        attack = FastGradientMethod(epsilon=0.1)
        model = _model(branches={"pgd": AdversarialBranch(attack=attack)})
        attacked = model.attacked(_batch())
        for name, same in (("clean", True), ("pgd", False)):
            mean = model.network.get_layer("stem_bn").batch_norm(name).moving_mean
            mean.assign(tf.random.stateless_normal(mean.shape, (1, 2)))
            self.assertEqual(np.array_equal(model.attacked(_batch()), attacked), same)

    def test_the_finished_network_is_the_clean_branch_as_it_is_now(self):
        model = _model()
        finished, images = model.finished_network, _batch()["image"]
        model.train_step(_batch())
        self.assertIs(model.finished_network, finished)
        self.assertAllClose(finished(images), model(images), atol=1e-6)
        self.assertEqual(finished.count_params(), _network().count_params())
        tracked = {id(weight) for weight in model.weights}
        self.assertFalse(tracked & {id(weight) for weight in finished.weights})

    def test_a_network_with_branches_of_its_own_making_is_trained_as_it_is(self):
        network = with_branches(network=_network(), shared_affine=True)
        self.assertIs(_model(network=network).network, network)

    def test_epsilon_follows_its_schedule(self):
        schedule = tf.keras.optimizers.schedules.PolynomialDecay(0.0, 2, 0.1)
        attack = FastGradientMethod(epsilon=0.5)
        model = _model(branches=targeted_branches(attack=attack, epsilon=schedule))
        for _ in range(3):
            logs = model.train_step(_batch())
        # The mean of 0, half and all of it.
        self.assertAllClose(logs["multi_perturbation_norm"], 0.05, atol=1e-6)

    def test_configuration_round_trip(self):
        model = _model(
            combination=SeparateCombination(weights={"clean": 1.0, "single": 0.5, "multi": 0.5}),
            whole_batch=True,
            attack_dtype="bfloat16",
            seed=5,
        )
        again = MDPropModel.from_config(model.get_config())
        config, expected = again.get_config(), model.get_config()
        for part in expected.keys() - {"network", "name"}:
            self.assertEqual(config[part], expected[part], part)
        self.assertEqual(again.network.output_shape, model.network.output_shape)

    def test_refuses(self):
        attack = FastGradientMethod(epsilon=0.1)
        branch = AdversarialBranch(attack=attack)
        for branches in ({}, {"clean": branch}):
            with self.assertRaisesRegex(ValueError, "at least one beside 'clean', got"):
                _model(branches=branches)
        with self.assertRaisesRegex(
            ValueError, r"branches\['pgd'\] must be an AdversarialBranch, got FastGradientMethod"
        ):
            _model(branches={"first": branch, "pgd": attack})
        with self.assertRaisesRegex(ValueError, "must be a Combination, got 'separate'"):
            _model(combination="separate")
        with self.assertRaisesRegex(ValueError, r"have the branches \('clean', 'pgd'\).*'multi'\)"):
            _model(network=with_branches(network=_network()), branches={"pgd": branch})
        with self.assertRaisesRegex(ValueError, r"\['clean', 'multi', 'single'\], got \['clean'\]"):
            _model(combination=SeparateCombination(weights={"clean": 1.0}))

    def test_refuses_a_network_that_attacks_cannot_follow(self):
        image = tf.keras.Input(_SHAPE)
        network = _network()
        rounded = join_networks(first=tf.keras.Model(image, tf.round(image)), second=network)
        spec = {"image": tf.TensorSpec([6, *_SHAPE])}
        noise = {"noise": AdversarialBranch(attack=RandomNoise(epsilon=0.1))}
        _model(network=rounded, branches=noise).check_data(spec)
        with self.assertRaisesRegex(ValueError, "passes no gradient to its inputs"):
            _model(network=rounded).check_data(spec)

    def test_refuses_batches_that_are_too_small(self):
        """An image alone would be its own target; of an attack without targets it is enough."""
        attack = FastGradientMethod(epsilon=0.1)
        untargeted = AdversarialBranch(attack=attack)

        def check(size, **arguments):
            _model(**arguments).check_data({"image": tf.TensorSpec([size, *_SHAPE])})

        with self.assertRaisesRegex(ValueError, "size of a batch must be known.*, got None"):
            check(None)
        parts = r"batch of 3 with parts of {'single': 2, 'multi': 1}"
        with self.assertRaisesRegex(ValueError, parts):
            check(3)
        check(4)
        check(3, whole_batch=True)
        with self.assertRaisesRegex(ValueError, r"batch of 1 with parts of {'whole': 1}"):
            check(1, whole_batch=True)
        check(2, branches={"first": untargeted, "second": untargeted})
        check(3, branches={**targeted_branches(attack=attack, targets={"one": 1}), "x": untargeted})


if __name__ == "__main__":
    tf.test.main()

"""Tests of joint adversarial training."""

from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.embedding_objectives import EmbeddingShiftObjective
from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.margin_head_objectives import CrossEntropyObjective
from rtml_tf.attacks.permuted_targets import PermutedTargetsObjective
from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.attacks.random_noise import RandomNoise
from rtml_tf.losses.margin_softmax import ArcFaceLoss
from rtml_tf.losses.multi_similarity import MultiSimilarityLoss
from rtml_tf.models.joint_adversarial import JointAdversarialModel
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.networks.resnet import cifar_resnet

_SHAPE = (8, 8, 1)


def _network():
    tf.keras.utils.set_random_seed(0)
    return cifar_resnet(input_shape=_SHAPE, width=0.25, embedding_size=4)


def _batch(size=8):
    rng = np.random.default_rng(0)
    return {
        "image": tf.constant(rng.uniform(0.1, 0.9, size=(size, *_SHAPE)), tf.float32),
        "label": tf.constant(np.arange(size) % 4, tf.int32),
    }


def _stepped(model_class=JointAdversarialModel, *, steps=1, learning_rate=0.1, **arguments):
    arguments = {"network": _network(), "loss": MultiSimilarityLoss(), **arguments}
    model = model_class(**arguments)
    model.compile(optimizer=tf.keras.optimizers.SGD(learning_rate))
    model.prepare(num_classes=4)
    for _ in range(steps):
        model.last_logs = model.train_step(_batch())
    return model


class JointAdversarialModelTest(tf.test.TestCase, parameterized.TestCase):
    def test_weight_0_takes_the_steps_of_metric_learning(self):
        metric = _stepped(MetricModel, steps=2)
        joint = _stepped(steps=2, attack=FastGradientMethod(epsilon=0.1), adversarial_weight=0.0)
        self.assertAllEqual(joint.last_logs.keys(), metric.last_logs.keys())
        for ours, theirs in zip(joint.network.get_weights(), metric.network.get_weights()):
            self.assertAllEqual(ours, theirs)

    def test_weight_1_trains_on_the_attacked_images_alone(self):
        attack = ProjectedGradientDescent(epsilon=0.1, steps=2)
        joint = _stepped(attack=attack, adversarial_weight=1.0)

        fresh = JointAdversarialModel(network=_network(), loss=MultiSimilarityLoss(), attack=attack)
        attacked = {**_batch(), "image": fresh.attacked(_batch())}
        metric = MetricModel(network=fresh.network, loss=MultiSimilarityLoss())
        metric.compile(optimizer=tf.keras.optimizers.SGD(0.1))
        metric.train_step(attacked)
        for ours, theirs in zip(joint.network.get_weights(), metric.network.get_weights()):
            self.assertAllClose(ours, theirs)
        self.assertCountEqual(joint.last_logs, [*MetricModel.logged, "perturbation_norm"])
        norm = np.abs(attacked["image"] - _batch()["image"]).max(axis=(1, 2, 3)).mean()
        self.assertAllClose(joint.last_logs["perturbation_norm"], norm)

    def test_the_step_descends_the_weighted_sum(self):
        """The loss of the paper, written out for one batch of 2B rows."""
        attack, loss, batch = FastGradientMethod(epsilon=0.1), MultiSimilarityLoss(), _batch()
        network = _network()
        joint = JointAdversarialModel(
            network=network, loss=loss, attack=attack, adversarial_weight=0.25
        )
        attacked = joint.attacked(batch)
        with tf.GradientTape() as tape:
            embeddings = network(tf.concat([batch["image"], attacked], 0), training=True)
            value = 0.75 * loss(embeddings[:8], batch["label"])
            value += 0.25 * loss(embeddings[8:], batch["label"])
        gradients = tape.gradient(value, network.trainable_variables)
        expected = [v - 0.1 * g for v, g in zip(network.trainable_variables, gradients)]

        stepped = _stepped(attack=attack, adversarial_weight=0.25)
        self.assertAllClose(stepped.network.trainable_variables, expected, atol=1e-6)
        self.assertAllClose(stepped.last_logs["loss"], value, atol=1e-6)
        self.assertAllClose(stepped.last_logs["perturbation_norm"], 0.1, atol=1e-6)
        self.assertAllClose(stepped.last_logs["adversarial_weight"], 0.25)
        self.assertCountEqual(stepped.last_logs, JointAdversarialModel.logged)
        similarities = embeddings[:8].numpy() @ embeddings[:8].numpy().T
        positive = np.equal.outer(batch["label"], batch["label"]) & ~np.eye(8, dtype=bool)
        self.assertAllClose(
            stepped.last_logs["positive_similarity"], similarities[positive].mean(), atol=1e-5
        )

    def test_a_shared_gradient_gives_the_weights_of_an_attack_on_the_same_pass(self):
        """Plain form: a pass in training mode for the attack, then one for each gradient."""
        attack, loss, batch = FastGradientMethod(epsilon=0.1), MultiSimilarityLoss(), _batch()
        network = _network()
        initial = network.get_weights()
        with tf.GradientTape() as tape:
            tape.watch(batch["image"])
            value = loss(network(batch["image"], training=True), batch["label"])
        attacked = batch["image"] + 0.1 * tf.sign(tape.gradient(value, batch["image"]))
        attacked = tf.clip_by_value(attacked, 0.0, 1.0)
        network.set_weights(initial)
        gradients, losses = [], []
        for images in (batch["image"], attacked):
            with tf.GradientTape() as tape:
                value = loss(network(images, training=True), batch["label"])
            gradients.append(tape.gradient(value, network.trainable_variables))
            losses.append(value)
        for variable, clean, adversarial in zip(network.trainable_variables, *gradients):
            variable.assign_sub(0.1 * (0.75 * clean + 0.25 * adversarial))

        shared = _stepped(attack=attack, adversarial_weight=0.25, shared_gradient=True)
        for ours, theirs in zip(shared.network.get_weights(), network.get_weights()):
            self.assertAllClose(ours, theirs, atol=1e-5)
        self.assertAllClose(shared.last_logs["loss"], 0.75 * losses[0] + 0.25 * losses[1])
        self.assertNotAllClose(losses[0], losses[1], atol=0.01)

    def test_the_attack_changes_no_state(self):
        model = _stepped(attack=ProjectedGradientDescent(epsilon=0.1, steps=3))
        before = model.get_weights()
        attacked = model.attacked(_batch())
        self.assertNotAllClose(attacked, _batch()["image"])
        for after, weight in zip(model.get_weights(), before):
            self.assertAllEqual(after, weight)

    def test_attacked_images_raise_the_loss(self):
        model = _stepped(attack=ProjectedGradientDescent(epsilon=0.1, steps=5))
        loss = model.metric_loss
        clean = loss(model.network(_batch()["image"]), _batch()["label"])
        attacked = loss(model.network(model.attacked(_batch())), _batch()["label"])
        self.assertGreater(attacked, clean + 0.01)

    @parameterized.parameters(False, True)
    def test_schedules_of_epsilon_and_weight(self, shared_gradient):
        schedule = tf.keras.optimizers.schedules.PolynomialDecay
        model = _stepped(
            steps=3,
            attack=FastGradientMethod(epsilon=0.5),
            shared_gradient=shared_gradient,
            epsilon=schedule(0.0, decay_steps=2, end_learning_rate=0.1),
            adversarial_weight=schedule(0.0, decay_steps=2, end_learning_rate=0.5),
        )
        # Means over the steps 0, 1 and 2, at 0, half and all of the way.
        self.assertAllClose(model.last_logs["perturbation_norm"], 0.05, atol=1e-6)
        self.assertAllClose(model.last_logs["adversarial_weight"], 0.25, atol=1e-6)

    def test_the_same_step_draws_the_same_start_and_the_next_another(self):
        model = _stepped(attack=ProjectedGradientDescent(epsilon=0.1, steps=1))
        first = model.attacked(_batch())
        self.assertAllEqual(model.attacked(_batch()), first)
        model.step.assign_add(1)
        self.assertNotAllEqual(model.attacked(_batch()), first)

    def test_it_is_traced_once_and_trains_in_a_graph(self):
        model = _stepped(
            loss=ArcFaceLoss(),
            attack=ProjectedGradientDescent(epsilon=0.1, steps=2),
            objective=EmbeddingShiftObjective(),
            attack_dtype="bfloat16",
        )
        dataset = tf.data.Dataset.from_tensors(_batch()).repeat()
        train_step = model.train_step
        with mock.patch.object(model, "train_step", wraps=train_step) as traced:
            history = model.fit(dataset, steps_per_epoch=3, epochs=2, verbose=0).history
        self.assertEqual(traced.call_count, 1)
        self.assertLess(history["loss"][1], history["loss"][0])
        self.assertGreater(history["embedding_shift"][0], 0.0)

    def test_a_margin_objective_attacks_the_classes_that_the_model_learns(self):
        loss = ArcFaceLoss()
        model = _stepped(
            loss=loss, attack=FastGradientMethod(epsilon=0.1), objective=CrossEntropyObjective()
        )
        expected = model.attack(
            model.network, _batch(), CrossEntropyObjective(loss=loss), seed=(0, 0)
        )
        self.assertAllClose(model.attacked(_batch()), expected, atol=1e-6)
        again = JointAdversarialModel.from_config(model.get_config())
        again.prepare(num_classes=4)
        self.assertNotAllClose(again.attacked(_batch()), _batch()["image"])

    def test_a_network_or_a_search_that_the_objective_has_no_use_for_is_refused(self):
        spec = {"image": _batch()["image"], "label": _batch()["label"]}
        image = tf.keras.Input(_SHAPE)
        rounded = tf.keras.Model(image, _network()(tf.round(image)))
        arguments = {"network": rounded, "loss": MultiSimilarityLoss()}
        JointAdversarialModel(**arguments, attack=RandomNoise(epsilon=0.1)).check_data(spec)
        search = ProjectedGradientDescent(epsilon=0.1, steps=2)
        with self.assertRaisesRegex(ValueError, "passes no gradient to its inputs"):
            JointAdversarialModel(**arguments, attack=search).check_data(spec)
        with self.assertRaisesRegex(ValueError, "needs a FastGradientMethod"):
            JointAdversarialModel(
                **arguments, attack=search, objective=PermutedTargetsObjective(own_pass=False)
            )

    def test_configuration_round_trip(self):
        model = JointAdversarialModel(
            network=_network(),
            loss=MultiSimilarityLoss(),
            attack=FastGradientMethod(epsilon=0.1),
            objective=EmbeddingShiftObjective(offset=0.01),
            epsilon=tf.keras.optimizers.schedules.PolynomialDecay(0.0, 2, 0.1),
            attack_dtype="bfloat16",
            seed=5,
        )
        again = JointAdversarialModel.from_config(model.get_config())
        config, expected = again.get_config(), model.get_config()
        for part in (
            "attack",
            "objective",
            "adversarial_weight",
            "epsilon",
            "attack_dtype",
            "seed",
            "loss",
        ):
            self.assertEqual(config[part], expected[part], part)

    @parameterized.parameters(
        ({"adversarial_weight": 1.5}, r"adversarial_weight must be in \[0, 1\].*got 1.5"),
        (
            {
                "attack": ProjectedGradientDescent(epsilon=0.1, steps=1),
                "shared_gradient": True,
            },
            "shared_gradient needs a FastGradientMethod",
        ),
        (
            {"epsilon": tf.keras.optimizers.schedules.PolynomialDecay(0.0, 9, 8.0)},
            r"epsilon, in pixel units, must be in \[0, 1\] at every step, .* ends with 8",
        ),
        (
            {"objective": EmbeddingShiftObjective(), "shared_gradient": True},
            "the loss itself as objective .* objective=<.*EmbeddingShiftObjective",
        ),
        (
            {"adversarial_weight": 1.0, "shared_gradient": True},
            r"adversarial_weight below 1, got .* adversarial_weight=1\.0\.",
        ),
        ({"attack_dtype": "int8"}, "compute_dtype must be float32, bfloat16 or float16"),
    )
    def test_refuses(self, change, message):
        arguments = {"attack": FastGradientMethod(epsilon=0.1), **change}
        with self.assertRaisesRegex(ValueError, message):
            JointAdversarialModel(network=_network(), loss=MultiSimilarityLoss(), **arguments)


if __name__ == "__main__":
    tf.test.main()

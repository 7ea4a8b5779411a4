"""Tests of adversarial training by replays."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.ball import L2Ball, LInfBall
from rtml_tf.losses.multi_similarity import MultiSimilarityLoss
from rtml_tf.models.free_adversarial import FreeAdversarialModel
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.networks.resnet import cifar_resnet

_SHAPE = (8, 8, 1)


def _network():
    tf.keras.utils.set_random_seed(0)
    return cifar_resnet(input_shape=_SHAPE, width=0.25, embedding_size=4)


def _batch():
    rng = np.random.default_rng(0)
    return {
        "image": tf.constant(rng.uniform(size=(8, *_SHAPE)), tf.float32),
        "label": tf.constant(np.arange(8) % 4, tf.int32),
    }


def _compiled(model):
    model.compile(optimizer=tf.keras.optimizers.SGD(0.1))
    model.prepare(num_classes=4)
    return model


class _OverflowsAtFirst(tf.keras.layers.Layer):
    """Passes images on; the gradient that the first pass gives them is not finite."""

    passes = 0

    def call(self, images):
        @tf.custom_gradient
        def same(images):
            self.passes += 1
            factor = float("nan") if self.passes == 1 else 1.0
            return tf.identity(images), lambda upstream: factor * upstream

        return same(images)


class FreeAdversarialModelTest(tf.test.TestCase, parameterized.TestCase):
    def test_a_network_without_gradient_is_refused(self):
        image = tf.keras.Input(_SHAPE)
        rounded = tf.keras.Model(image, _network()(tf.round(image)))
        model = FreeAdversarialModel(network=rounded, loss=MultiSimilarityLoss(), epsilon=0.1)
        with self.assertRaisesRegex(ValueError, "passes no gradient to its inputs"):
            model.check_data(_batch())

    def test_without_perturbation_replays_are_steps_of_metric_learning(self):
        free = _compiled(
            FreeAdversarialModel(
                network=_network(), loss=MultiSimilarityLoss(), epsilon=0.0, replays=3
            )
        )
        free.train_step(_batch())
        metric = _compiled(MetricModel(network=_network(), loss=MultiSimilarityLoss()))
        for _ in range(3):
            metric.train_step(_batch())
        for ours, theirs in zip(free.network.get_weights(), metric.network.get_weights()):
            self.assertAllClose(ours, theirs, atol=1e-6)
        self.assertEqual(int(free.step), 3)

    @parameterized.parameters((LInfBall(), 0.1), (L2Ball(), 1.5))
    def test_two_replays_are_the_algorithm_of_the_paper(self, ball, epsilon):
        """Written out for both steps; the random start is taken from the model's own seed."""
        batch, loss = _batch(), MultiSimilarityLoss()
        model = _compiled(
            FreeAdversarialModel(
                network=_network(), loss=loss, epsilon=epsilon, replays=2, ball=ball, seed=3
            )
        )
        perturbation = ball.random([8, *_SHAPE], epsilon, seed=model.step_seed())
        logs = model.train_step(batch)

        network, images, norms = _network(), batch["image"], []
        for _ in range(2):
            attacked = tf.clip_by_value(images + perturbation, 0.0, 1.0)
            flat = np.reshape(attacked - images, [8, -1])
            norms.append(np.mean(np.linalg.norm(flat, ball.order, axis=1)))
            with tf.GradientTape() as tape:
                tape.watch(attacked)
                value = loss(network(attacked, training=True), batch["label"])
            variables = network.trainable_variables
            gradients, image_gradient = tape.gradient(value, (variables, attacked))
            for variable, gradient in zip(variables, gradients):
                variable.assign_sub(0.1 * gradient)
            flat_gradient = np.reshape(image_gradient, [8, -1])
            if ball.order == 2:
                lengths = np.linalg.norm(flat_gradient, axis=1, keepdims=True)
                flat = flat + epsilon * flat_gradient / lengths
                lengths = np.linalg.norm(flat, axis=1, keepdims=True)
                flat = flat * np.minimum(1.0, epsilon / lengths)
            else:
                flat = np.clip(flat + epsilon * np.sign(flat_gradient), -epsilon, epsilon)
            perturbation = np.reshape(flat, images.shape)
        for ours, theirs in zip(model.network.get_weights(), network.get_weights()):
            self.assertAllClose(ours, theirs, atol=1e-5)
        self.assertAllClose(logs["perturbation_norm"], np.mean(norms), atol=1e-6)

    def test_trains_in_a_graph(self):
        model = _compiled(
            FreeAdversarialModel(network=_network(), loss=MultiSimilarityLoss(), epsilon=0.05)
        )
        dataset = tf.data.Dataset.from_tensors(_batch()).repeat()
        history = model.fit(dataset, steps_per_epoch=3, epochs=2, verbose=0).history
        self.assertLess(history["loss"][1], history["loss"][0])

    def test_epsilon_grows_with_the_updates(self):
        growing = tf.keras.optimizers.schedules.PolynomialDecay(0.0, 4, 0.2)
        model = _compiled(
            FreeAdversarialModel(
                network=_network(), loss=MultiSimilarityLoss(), epsilon=growing, replays=2
            )
        )
        norms = []
        for _ in range(3):
            model.reset_metrics()
            norms.append(float(model.train_step(_batch())["perturbation_norm"]))
        self.assertEqual(norms[0], 0.0)
        # Random starts nearly reach the ball's wall in some pixel of every image.
        self.assertAllClose(norms[1:], [0.1, 0.2], rtol=0.1)

    def test_an_overflow_spoils_no_replay_behind_it(self):
        image, layer = tf.keras.Input(_SHAPE), _OverflowsAtFirst()
        network = tf.keras.Model(image, _network()(layer(image)))
        layer.passes = 0
        model = _compiled(
            FreeAdversarialModel(
                network=network, loss=MultiSimilarityLoss(), epsilon=0.1, replays=3
            )
        )
        model.train_step(_batch())
        self.assertEqual(layer.passes, 3)
        self.assertEqual(int(model.skipped_steps.count), 0)

    def test_a_schedule_that_leaves_the_range_stops_the_step(self):
        beyond = tf.keras.optimizers.schedules.PiecewiseConstantDecay([2, 4], [0.1, 1.5, 0.1])
        model = _compiled(
            FreeAdversarialModel(
                network=_network(), loss=MultiSimilarityLoss(), epsilon=beyond, replays=3
            )
        )
        model.train_step(_batch())
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "at most 1, in pixel units"):
            model.train_step(_batch())

    @parameterized.parameters(0.1, tf.keras.optimizers.schedules.PolynomialDecay(0.0, 4, 0.2))
    def test_configuration_round_trip(self, epsilon):
        model = FreeAdversarialModel(
            network=_network(), loss=MultiSimilarityLoss(), epsilon=epsilon
        )
        again = FreeAdversarialModel.from_config(model.get_config())
        for part in ("epsilon", "replays", "ball", "loss"):
            self.assertEqual(again.get_config()[part], model.get_config()[part])

    @parameterized.parameters(
        ({"epsilon": 8}, r"epsilon, in pixel units, must be in \[0, 1\], got 8"),
        (
            {"epsilon": tf.keras.optimizers.schedules.PolynomialDecay(0.0, 9, 8.0)},
            r"epsilon, in pixel units, must be in \[0, 1\] at every step, .* ends with 8",
        ),
        ({"epsilon": 0.1, "replays": 0}, "replays must be an integer of at least 1, got 0"),
    )
    def test_refuses(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            FreeAdversarialModel(network=_network(), loss=MultiSimilarityLoss(), **arguments)


if __name__ == "__main__":
    tf.test.main()

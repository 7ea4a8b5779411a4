"""Tests of metric learning with one loss, and of what every model shares."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses.margin_softmax import ArcFaceLoss
from rtml_tf.losses.multi_similarity import MultiSimilarityLoss
from rtml_tf.models.metric_model import MetricModel
from tests import two_cpus


def setUpModule():
    two_cpus.start()


def _network(regularizer=None):
    image = tf.keras.Input((4, 4, 1), name="image")
    features = tf.keras.layers.Flatten()(image)
    features = tf.keras.layers.Dense(3, kernel_regularizer=regularizer, dtype="float32")(features)
    return tf.keras.Model(image, L2Normalization(dtype="float32")(features))


def _batch(size=12, classes=3):
    rng = np.random.default_rng(0)
    return {
        "image": tf.constant(rng.uniform(size=(size, 4, 4, 1)), tf.float32),
        "label": tf.constant(np.arange(size) % classes, tf.int32),
    }


def _compiled(model, optimizer, num_classes=3):
    model.compile(optimizer=optimizer)
    model.prepare(num_classes=num_classes)
    return model


class MetricModelTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        tf.keras.utils.set_random_seed(0)
        self.addCleanup(tf.keras.mixed_precision.set_global_policy, "float32")

    def test_one_step_is_gradient_descent_on_the_loss(self):
        network, loss, batch = _network(), MultiSimilarityLoss(), _batch()
        with tf.GradientTape() as tape:
            value = loss(network(batch["image"], training=True), batch["label"])
        gradients = tape.gradient(value, network.trainable_variables)
        expected = [v - 0.5 * g for v, g in zip(network.trainable_variables, gradients)]

        model = _compiled(MetricModel(network=network, loss=loss), tf.keras.optimizers.SGD(0.5))
        logs = model.train_step(batch)

        self.assertAllClose(network.trainable_variables, expected)
        self.assertAllClose(logs["loss"], value)
        self.assertEqual(int(model.step), 1)

    def test_training_pulls_classes_apart(self):
        model = _compiled(
            MetricModel(network=_network(), loss=MultiSimilarityLoss()),
            tf.keras.optimizers.Adam(0.05),
        )
        dataset = tf.data.Dataset.from_tensors(_batch()).repeat()
        history = model.fit(dataset, steps_per_epoch=20, epochs=2, verbose=0).history
        self.assertLess(history["loss"][1], history["loss"][0])
        self.assertGreater(history["positive_similarity"][1], history["negative_similarity"][1])

    def test_test_step_changes_nothing(self):
        model = _compiled(
            MetricModel(network=_network(), loss=MultiSimilarityLoss()),
            tf.keras.optimizers.SGD(1.0),
        )
        before = [v.numpy() for v in model.variables if "mean" not in v.name]
        logs = model.test_step(_batch())
        self.assertAllEqual([*logs], ["loss", "positive_similarity", "negative_similarity"])
        self.assertAllClose(model.network.get_weights(), before[: len(model.network.weights)])

    def test_logged_similarities_are_those_of_the_pairs(self):
        """The definition, written as a loop over pairs."""
        model = _compiled(
            MetricModel(network=_network(), loss=MultiSimilarityLoss()),
            tf.keras.optimizers.SGD(0.0),
        )
        batch = _batch(size=5, classes=2)
        embeddings, labels = model(batch["image"]).numpy(), batch["label"].numpy()
        pairs = [(i, j) for i in range(5) for j in range(5) if i != j]
        same = [embeddings[i] @ embeddings[j] for i, j in pairs if labels[i] == labels[j]]
        other = [embeddings[i] @ embeddings[j] for i, j in pairs if labels[i] != labels[j]]
        logs = model.train_step(batch)
        self.assertAllClose(logs["positive_similarity"], np.mean(same), atol=1e-5)
        self.assertAllClose(logs["negative_similarity"], np.mean(other), atol=1e-5)

    def test_class_weights_may_have_an_optimizer_of_their_own(self):
        loss = ArcFaceLoss()
        model = MetricModel(
            network=_network(), loss=loss, loss_optimizer=tf.keras.optimizers.SGD(0.5)
        )
        _compiled(model, tf.keras.optimizers.SGD(0.0))
        weights = [v.numpy() for v in model.network.trainable_variables]
        class_weights = loss.trainable_variables[0].numpy()
        model.train_step(_batch())
        self.assertAllEqual(model.network.trainable_variables[0], weights[0])
        self.assertNotAllClose(loss.trainable_variables[0], class_weights)

    def test_regularisation_of_the_network_is_part_of_the_step(self):
        """The gradient of 0.1 |w|^2 is 0.2 w."""
        batch = _batch()
        plain, regularised = _network(), _network(tf.keras.regularizers.L2(0.1))
        regularised.set_weights(plain.get_weights())
        kernel = plain.trainable_variables[0].numpy()
        for network in (plain, regularised):
            model = MetricModel(network=network, loss=MultiSimilarityLoss())
            _compiled(model, tf.keras.optimizers.SGD(0.5)).train_step(batch)
        self.assertAllClose(
            regularised.trainable_variables[0],
            plain.trainable_variables[0] - 0.5 * 0.2 * kernel,
        )

    @parameterized.parameters(0, -1)
    def test_a_step_that_overflows_anywhere_moves_nothing(self, overflowing):
        """Whichever group of weights has it: that of the network, or that of the loss."""
        loss = ArcFaceLoss(num_classes=4)
        model = MetricModel(
            network=_network(), loss=loss, loss_optimizer=tf.keras.optimizers.SGD(1.0)
        )
        scaling = tf.keras.mixed_precision.LossScaleOptimizer(tf.keras.optimizers.SGD(1.0))
        model.compile(optimizer=scaling)
        model.prepare(num_classes=4)
        weights = [v for _, group in model.optimizers_and_variables() for v in group]
        before = [weight.numpy() for weight in weights]
        gradients = [tf.ones_like(weight) for weight in weights]
        gradients[overflowing] *= float("inf")
        model.descend(gradients)
        for weight, value in zip(weights, before):
            self.assertAllEqual(weight, value)
        model.descend([tf.ones_like(weight) for weight in weights])
        for weight, value in zip(weights, before):
            self.assertAllClose(weight, value - 1.0)

    @parameterized.parameters("mixed_bfloat16", "mixed_float16")
    def test_mixed_precision_takes_steps(self, policy):
        tf.keras.mixed_precision.set_global_policy(policy)
        model = _compiled(
            MetricModel(network=_network(), loss=MultiSimilarityLoss()),
            tf.keras.optimizers.SGD(0.1),
        )
        before = model.network.get_weights()
        dataset = tf.data.Dataset.from_tensors(_batch()).repeat()
        history = model.fit(dataset, steps_per_epoch=3, verbose=0).history
        self.assertTrue(np.isfinite(history["loss"][0]))
        self.assertNotAllClose(model.network.get_weights()[0], before[0])

    def test_two_replicas_with_one_batch_each_and_local_negatives_take_the_step_of_one(self):
        """The mean of two equal gradients is the gradient."""

        def trained(strategy):
            tf.keras.utils.set_random_seed(0)
            with strategy.scope():
                model = MetricModel(network=_network(), loss=MultiSimilarityLoss())
                model.compile(optimizer=tf.keras.optimizers.SGD(0.5), negatives="local")
                model.prepare(num_classes=3)
            two_cpus.fit_on_each_replica(model, strategy, _batch())
            return model.network.get_weights()

        one = trained(tf.distribute.get_strategy())
        two = trained(two_cpus.mirrored_strategy())
        self.assertAllClose(two, one, atol=1e-6)

    def test_configuration_round_trip(self):
        model = MetricModel(
            network=_network(),
            loss=ArcFaceLoss(num_classes=3),
            loss_optimizer=tf.keras.optimizers.SGD(0.5),
        )
        again = MetricModel.from_config(model.get_config())
        self.assertEqual(again.metric_loss.get_config(), model.metric_loss.get_config())
        self.assertEqual(again.network.output_shape, model.network.output_shape)
        self.assertEqual(again.loss_optimizer.learning_rate.numpy(), 0.5)

    def test_refuses_other_negatives(self):
        model = MetricModel(network=_network(), loss=MultiSimilarityLoss())
        with self.assertRaisesRegex(
            ValueError, "negatives must be 'global' or 'local', got 'all'."
        ):
            model.compile(optimizer=tf.keras.optimizers.SGD(0.5), negatives="all")

    def test_refuses_what_is_not_a_network(self):
        with self.assertRaisesRegex(ValueError, "network must be a tf.keras.Model, got 'resnet'"):
            MetricModel(network="resnet", loss=MultiSimilarityLoss())


if __name__ == "__main__":
    tf.test.main()

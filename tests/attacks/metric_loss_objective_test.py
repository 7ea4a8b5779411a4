"""Tests for the objective that raises a metric loss."""

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.ball import LInfBall
from rtml_tf.attacks.metric_loss_objective import MetricLossObjective
from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent


@tf.keras.utils.register_keras_serializable(package="metric_loss_objective_test")
class _SpreadLoss(tf.keras.layers.Layer):
    """The mean distance of neighbours in the batch that have the same label."""

    def call(self, embeddings, labels):
        same = tf.cast(labels[1:] == labels[:-1], tf.float32)
        return tf.reduce_mean(same * tf.norm(embeddings[1:] - embeddings[:-1], axis=1))


class MetricLossObjectiveTest(tf.test.TestCase):
    def test_images_of_one_class_are_driven_apart_and_others_left(self):
        """Two images on a line move apart by epsilon each; the third shares no label."""
        batch = {"image": tf.constant([[0.4], [0.6], [0.8]]), "label": tf.constant([0, 0, 1])}
        attack = ProjectedGradientDescent(epsilon=0.1, steps=2, random_start=False)
        found = attack(tf.identity, batch, MetricLossObjective(loss=_SpreadLoss()))
        self.assertAllClose(found, [[0.3], [0.7], [0.8]])

    def test_restarts_keep_the_best_batch_as_a_whole(self):
        """Without a gradient a search ends at its start: the draws of the seeds folded in."""
        loss, ball = _SpreadLoss(), LInfBall()
        batch = {"image": tf.constant([[0.5, 0.5]] * 2), "label": tf.constant([0, 0])}
        attack = ProjectedGradientDescent(epsilon=0.3, steps=1, restarts=8, ball=ball)
        found = attack(tf.stop_gradient, batch, MetricLossObjective(loss=loss), seed=(7, 8))

        split = tf.random.experimental.stateless_split
        seed = split((7, 8), 2)[1]
        seeds = [tf.random.experimental.stateless_fold_in(seed, index) for index in range(8)]
        starts = [batch["image"] + ball.random([2, 2], 0.3, seed=split(s, 2)[0]) for s in seeds]
        best = int(np.argmax([loss(start, batch["label"]) for start in starts]))
        self.assertBetween(best, 1, 6)  # Neither the first restart nor the last.
        self.assertAllClose(found, starts[best], atol=1e-6)

    def test_keras_restores_it_with_its_loss(self):
        config = tf.keras.saving.serialize_keras_object(MetricLossObjective(loss=_SpreadLoss()))
        restored = tf.keras.saving.deserialize_keras_object(config)
        self.assertIsInstance(restored.loss, _SpreadLoss)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, r"loss must be callable .* got None\."):
            MetricLossObjective(loss=None)
        with self.assertRaisesRegex(ValueError, r'MetricLossObjective needs batch\["label"\], got'):
            MetricLossObjective(loss=_SpreadLoss()).prepare(tf.identity, {"image": 0}, seed=None)


if __name__ == "__main__":
    tf.test.main()

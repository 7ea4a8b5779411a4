"""Tests for the objectives that move embeddings."""

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.ball import L2Ball
from rtml_tf.attacks.embedding_objectives import (
    EmbeddingShiftObjective,
    TargetEmbeddingObjective,
)
from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent

SEED = tf.constant([1, 2])


class EmbeddingShiftObjectiveTest(tf.test.TestCase):
    def test_value_is_the_distance_but_for_the_offset(self):
        objective = EmbeddingShiftObjective(offset=1e-3)
        batch = {"image": tf.constant([[1.0, 0.0], [0.0, 0.0]])}
        value = objective.prepare(tf.identity, batch, seed=SEED)
        self.assertAllClose(value(batch["image"]), [1e-3, 1e-3], rtol=1e-4)
        self.assertAllClose(value(tf.constant([[1.0, 1.0], [3.0, 4.0]])), [1.0, 5.0], atol=1.1e-3)

    def test_the_clean_embedding_is_computed_once(self):
        calls = []

        def network(images):
            calls.append(images.shape)
            return images

        attack = ProjectedGradientDescent(epsilon=0.1, steps=3)
        attack(network, {"image": tf.zeros([1, 2])}, EmbeddingShiftObjective(), seed=SEED)
        self.assertLen(calls, 1 + 3)

    def test_even_one_step_from_the_clean_image_finds_a_way(self):
        """The longest shift of `x diag(5, 0.1)` is along the first pixel, both ways equally good;
        the direction of the offset decides."""
        stretch = tf.constant([[5.0, 0.1]])
        batch = {"image": tf.fill([20, 2], 0.5)}
        attack = FastGradientMethod(epsilon=0.1, ball=L2Ball())
        found = attack(lambda x: x * stretch, batch, EmbeddingShiftObjective(), seed=SEED)
        shift = np.abs(found - batch["image"])
        self.assertAllClose(np.median(shift[:, 0]), 0.1, rtol=1e-3)
        self.assertLess(np.min(found[:, 0]), 0.5)
        self.assertGreater(np.max(found[:, 0]), 0.5)

    def test_an_offset_of_zero_is_an_error(self):
        with self.assertRaisesRegex(ValueError, r"offset must be a number above 0, got 0\.0\."):
            EmbeddingShiftObjective(offset=0.0)

    def test_keras_restores_it(self):
        config = tf.keras.saving.serialize_keras_object(EmbeddingShiftObjective(offset=0.25))
        self.assertEqual(tf.keras.saving.deserialize_keras_object(config).offset, 0.25)


class TargetEmbeddingObjectiveTest(tf.test.TestCase):
    def _value(self, targets, embeddings):
        batch = {"image": tf.zeros([2, 1]), "target_embedding": targets}
        return TargetEmbeddingObjective().prepare(tf.identity, batch, seed=SEED)(embeddings)

    def test_value_is_the_mean_distance_to_the_targets_negated(self):
        """By hand: 3-4-5 and 6-8-10 triangles."""
        targets = tf.constant([[[3.0, 4.0], [0.0, 0.0]], [[6.0, 8.0], [0.0, 2.0]]])
        self.assertAllClose(self._value(targets, tf.zeros([2, 2])), [-7.5, -1.0], atol=1e-5)
        self.assertAllClose(self._value(targets[0], tf.zeros([2, 2])), [-5.0, 0.0], atol=1e-5)

    def test_an_image_that_is_its_own_target_has_a_zero_gradient(self):
        embeddings = tf.constant([[1.0, 2.0], [0.0, 1.0]])
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            value = self._value(tf.constant([[1.0, 2.0], [0.0, 0.0]]), embeddings)
        self.assertAllClose(tape.gradient(value, embeddings), [[0.0, 0.0], [0.0, -1.0]])

    def test_an_attack_goes_between_two_targets(self):
        """Outside the segment between two points the sum of distances falls towards it."""
        targets = tf.constant([[[0.9, 0.1]], [[0.9, 0.3]]])
        batch = {"image": tf.constant([[0.2, 0.2]]), "target_embedding": targets}
        attack = ProjectedGradientDescent(epsilon=0.3, steps=20, random_start=False, ball=L2Ball())
        found = attack(tf.identity, batch, TargetEmbeddingObjective())
        self.assertAllClose(found, [[0.5, 0.2]], atol=1e-4)

    def test_errors(self):
        with self.assertRaisesRegex(
            ValueError, r'TargetEmbeddingObjective needs batch\["target_embedding"\], got .*image'
        ):
            TargetEmbeddingObjective().prepare(tf.identity, {"image": 0}, seed=SEED)
        with self.assertRaisesRegex(ValueError, r"shape \[T, B, D\] or \[B, D\], got \(2,\)"):
            self._value(tf.zeros([2]), tf.zeros([2, 2]))


if __name__ == "__main__":
    tf.test.main()

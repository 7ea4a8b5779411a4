"""Tests of targets drawn from the batch."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.permuted_targets import (
    PermutedTargetsObjective,
    class_changing_permutations,
    random_permutations,
)
from rtml_tf.attacks.projected_gradient_descent import BasicIterativeMethod


class PermutationsTest(tf.test.TestCase, parameterized.TestCase):
    def test_random_permutations_are_permutations_that_differ_and_repeat(self):
        drawn = random_permutations(7, count=200, seed=(1, 2)).numpy()
        self.assertAllEqual(np.sort(drawn, axis=1), np.tile(np.arange(7), (200, 1)))
        self.assertAllEqual(random_permutations(7, count=200, seed=(1, 2)), drawn)
        self.assertNotAllEqual(random_permutations(7, count=200, seed=(1, 3)), drawn)
        # Every place goes to every place with probability 1/7; 200 draws give 28.6 +- 4.9.
        counts = (drawn[:, :, np.newaxis] == np.arange(7)).sum(axis=0)
        self.assertAllInRange(counts, 8, 50)

    @parameterized.parameters(([0, 0, 1, 1, 2, 2, 2],), ([4, 9, 4, 9],), ([1, 2, 3, 4, 5],))
    def test_class_changing_permutations_reach_all_of_the_other_classes(self, labels):
        labels = np.array(labels)
        drawn = class_changing_permutations(labels, count=300, seed=(1, 2)).numpy()
        self.assertAllEqual(np.sort(drawn, axis=1), np.tile(np.arange(labels.size), (300, 1)))
        self.assertFalse(np.any(labels[drawn] == labels))
        reached = {(i, j) for row in drawn for i, j in enumerate(row)}
        others = np.argwhere(labels[:, np.newaxis] != labels)
        self.assertEqual(reached, {tuple(pair) for pair in others})

    def test_images_of_a_class_do_not_move_as_one(self):
        labels = np.repeat(np.arange(4), 2)
        drawn = class_changing_permutations(labels, count=100, seed=(1, 2)).numpy()
        together = labels[drawn[:, 0]] == labels[drawn[:, 1]]
        self.assertBetween(together.mean(), 0.3, 0.9)

    def test_a_class_of_more_than_half_keeps_as_few_as_possible(self):
        """Of three of one class and one other, two must stay in the class."""
        labels = np.array([0, 0, 0, 1])
        drawn = class_changing_permutations(labels, count=50, seed=(1, 2)).numpy()
        self.assertAllEqual((labels[drawn] == labels).sum(axis=1), np.full(50, 2))
        self.assertAllEqual(class_changing_permutations([5], count=2, seed=(1, 2)), [[0], [0]])


def _embed(images):
    return tf.reshape(images, [tf.shape(images)[0], 2])


def _batch():
    points = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.3, 0.4]]
    return {
        "image": tf.constant(points, shape=(4, 1, 2, 1)),
        "label": tf.constant([0, 0, 1, 1]),
    }


class PermutedTargetsObjectiveTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(targets=(1, 5), exclude_own_class=(True, False))
    def test_value_is_minus_the_mean_distance_to_clean_embeddings(self, targets, exclude_own_class):
        """The formula, with distances by NumPy."""
        objective = PermutedTargetsObjective(targets=targets, exclude_own_class=exclude_own_class)
        moved = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)
        if exclude_own_class:
            permutations = class_changing_permutations([0, 0, 1, 1], count=targets, seed=(7, 8))
        else:
            permutations = random_permutations(4, count=targets, seed=(7, 8))
        clean = _embed(_batch()["image"]).numpy()
        distances = np.linalg.norm(clean[permutations.numpy()] - moved, axis=-1)  # [T, B]

        values = objective.prepare(_embed, _batch(), seed=(7, 8))(moved)
        self.assertAllClose(values, -distances.mean(axis=0), atol=1e-6)

    def test_one_step_goes_the_way_to_the_target(self):
        """The gradient of a distance in the plane: signs of the way to the target."""
        clean = _embed(_batch()["image"]).numpy()
        attack, objective = FastGradientMethod(epsilon=0.01), PermutedTargetsObjective()
        attacked = attack(_embed, _batch(), objective, seed=(0, 3))
        seed = tf.random.experimental.stateless_split((0, 3), 2)[0]
        targets = clean[random_permutations(4, count=1, seed=seed)[0].numpy()]
        self.assertFalse(np.all(targets == clean))
        step = np.clip(clean + 0.01 * np.sign(targets - clean), 0, 1)
        self.assertAllClose(_embed(attacked), step, atol=1e-6)

    @parameterized.parameters(1, 5)
    def test_without_a_pass_of_its_own_the_fast_gradient_is_the_same(self, targets):
        passes = []

        def embed(images):
            passes.append(images)
            return _embed(tf.sin(3.0 * images))

        def attacked(own_pass):
            passes.clear()
            objective = PermutedTargetsObjective(targets=targets, own_pass=own_pass)
            return FastGradientMethod(epsilon=0.1)(embed, _batch(), objective, seed=(1, 2))

        expected = attacked(own_pass=True)
        self.assertLen(passes, 2)
        self.assertAllEqual(attacked(own_pass=False), expected)
        self.assertLen(passes, 1)

    def test_configuration_round_trip(self):
        objective = PermutedTargetsObjective(targets=3, exclude_own_class=True, own_pass=False)
        again = PermutedTargetsObjective.from_config(objective.get_config())
        self.assertEqual(vars(again), vars(objective))

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "targets must be an integer of at least 1, got 0"):
            PermutedTargetsObjective(targets=0)
        objective = PermutedTargetsObjective(exclude_own_class=True)
        with self.assertRaisesRegex(ValueError, r'needs batch\["label"\], got a batch of'):
            objective.prepare(_embed, {"image": _batch()["image"]}, seed=(1, 2))

    def test_a_search_in_steps_needs_targets_with_a_pass_of_their_own(self):
        attack = BasicIterativeMethod(epsilon=0.1, steps=2)
        attack(_embed, _batch(), PermutedTargetsObjective(), seed=(1, 2))
        with self.assertRaisesRegex(ValueError, "needs a FastGradientMethod, got BasicIterative"):
            attack(_embed, _batch(), PermutedTargetsObjective(own_pass=False), seed=(1, 2))


if __name__ == "__main__":
    tf.test.main()

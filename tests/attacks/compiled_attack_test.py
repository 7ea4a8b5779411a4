"""Tests for the attack that is traced once."""

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.carlini_wagner import CarliniWagnerL2
from rtml_tf.attacks.compiled_attack import CompiledAttack
from rtml_tf.attacks.embedding_objectives import (
    EmbeddingShiftObjective,
    TargetEmbeddingObjective,
)
from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent

SEED = (1, 2)


def _network():
    tf.keras.utils.set_random_seed(0)
    return tf.keras.Sequential(
        [tf.keras.layers.Input([2, 2, 3]), tf.keras.layers.Flatten(), tf.keras.layers.Dense(4)]
    )


def _images(size):
    return np.random.default_rng(size).uniform(0, 1, (size, 2, 2, 3)).astype(np.float32)


class CompiledAttackTest(tf.test.TestCase):
    def test_traced_once_whatever_the_batch_size_epsilon_and_seed(self):
        network, objective = _network(), EmbeddingShiftObjective()
        attack = ProjectedGradientDescent(epsilon=0.1, steps=3)
        compiled = CompiledAttack(network=network, attack=attack, objective=objective)
        self.assertEqual(compiled.trace_count, 0)
        variable = tf.Variable(0.05)
        for size, epsilon, seed in (
            (3, None, SEED),
            (3, 0.2, (5, 6)),
            (1, tf.constant(0.3), tf.constant([7, 8], tf.int64)),
            (2, variable, np.array([9, 10])),
        ):
            batch = {"image": _images(size)}
            found = compiled(batch, epsilon=epsilon, seed=seed)
            expected = attack(network, batch, objective, epsilon=epsilon, seed=seed)
            self.assertAllClose(found, expected, atol=1e-6)
        variable.assign(0.0)
        self.assertAllEqual(compiled(batch, epsilon=variable, seed=SEED), batch["image"])
        self.assertEqual(compiled.trace_count, 1)

    def test_sees_the_networks_weights_of_the_moment(self):
        network = _network()
        attack = ProjectedGradientDescent(epsilon=0.1, steps=3)
        compiled = CompiledAttack(
            network=network, attack=attack, objective=EmbeddingShiftObjective()
        )
        batch = {"image": np.full([1, 2, 2, 3], 0.5, np.float32)}
        before = compiled(batch, seed=SEED)
        network.set_weights(
            [np.random.default_rng(1).normal(size=w.shape) for w in network.get_weights()]
        )
        self.assertNotAllClose(compiled(batch, seed=SEED), before)
        self.assertEqual(compiled.trace_count, 1)

    def test_entries_beside_the_images_may_have_the_batch_on_another_axis(self):
        attack = ProjectedGradientDescent(epsilon=0.1, steps=2)
        compiled = CompiledAttack(
            network=_network(), attack=attack, objective=TargetEmbeddingObjective()
        )
        for size in (2, 3):
            batch = {"image": _images(size), "target_embedding": np.zeros([5, size, 4])}
            self.assertEqual(compiled(batch, seed=SEED).shape, (size, 2, 2, 3))
        self.assertEqual(compiled.trace_count, 1)

    def test_an_attack_without_epsilon(self):
        attack = CarliniWagnerL2(goal=0.3, steps=40, search_steps=3, learning_rate=0.05)
        compiled = CompiledAttack(
            network=_network(), attack=attack, objective=EmbeddingShiftObjective()
        )
        images = _images(2)
        found = compiled({"image": images}, seed=SEED)
        self.assertGreater(np.abs(found - images).max(), 0.05)
        with self.assertRaisesRegex(ValueError, "epsilon must be .* got one after none"):
            compiled({"image": images}, epsilon=0.1, seed=SEED)

    def test_a_random_attack_without_seed_is_an_error(self):
        attack = ProjectedGradientDescent(epsilon=0.1, steps=2)
        compiled = CompiledAttack(
            network=tf.identity, attack=attack, objective=EmbeddingShiftObjective()
        )
        with self.assertRaisesRegex(ValueError, r"ProjectedGradientDescent .* seed must be"):
            compiled({"image": _images(1)})

    def test_a_random_objective_without_seed_is_an_error(self):
        attack = FastGradientMethod(epsilon=0.1)
        compiled = CompiledAttack(
            network=tf.identity, attack=attack, objective=EmbeddingShiftObjective()
        )
        with self.assertRaisesRegex(ValueError, r"EmbeddingShiftObjective .* seed must be"):
            compiled({"image": _images(1)})


if __name__ == "__main__":
    tf.test.main()

"""Tests of what all attacks have in common: their ball, their seeds, and what they leave alone."""

import contextlib
import importlib
import inspect
import pkgutil

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import rtml_tf.attacks
from rtml_tf.attacks.attack import Attack
from rtml_tf.attacks.ball import L2Ball, LInfBall
from rtml_tf.attacks.carlini_wagner import CarliniWagnerL2
from rtml_tf.attacks.embedding_objectives import EmbeddingShiftObjective
from rtml_tf.attacks.fast_gradient import FastGradientMethod
from rtml_tf.attacks.momentum_iterative import MomentumIterativeMethod
from rtml_tf.attacks.objective import Objective
from rtml_tf.attacks.projected_gradient_descent import (
    BasicIterativeMethod,
    ProjectedGradientDescent,
)
from rtml_tf.attacks.random_noise import RandomNoise
from rtml_tf.attacks.spsa import SPSA
from tests.attacks.linear_problem import Linear

SEED = (3, 4)


def _attacks(epsilon):
    for ball in (LInfBall(), L2Ball()):
        yield FastGradientMethod(epsilon=epsilon, ball=ball)
        yield BasicIterativeMethod(epsilon=epsilon, steps=2, ball=ball)
        yield ProjectedGradientDescent(epsilon=epsilon, steps=2, restarts=2, ball=ball)
        yield MomentumIterativeMethod(epsilon=epsilon, steps=2, ball=ball)
        yield SPSA(epsilon=epsilon, steps=2, samples=2, ball=ball)
        yield RandomNoise(epsilon=epsilon, ball=ball)
    yield CarliniWagnerL2(goal=0.01, epsilon=epsilon, steps=3, search_steps=2, learning_rate=0.1)


def _attacks_with_every_argument():
    """Attacks with no argument at its default; step sizes of both kinds exclude each other."""
    common = {"epsilon": 0.1, "pixel_range": (-1.0, 2.0)}
    yield FastGradientMethod(**common, ball=L2Ball())
    yield RandomNoise(**common, ball=L2Ball(), full_size=True, restarts=3)
    for step in ({"step_size": 0.03}, {"relative_step_size": 0.3}):
        iterative = {**common, "ball": L2Ball(), "steps": 3, **step}
        yield BasicIterativeMethod(**iterative)
        iterative |= {"start_radius": 0.07, "restarts": 3}
        yield ProjectedGradientDescent(**iterative)
        yield ProjectedGradientDescent(**common, steps=3, random_start=False)
        yield MomentumIterativeMethod(**iterative, random_start=True, decay=0.5)
        yield SPSA(**iterative, samples=5, delta=0.02)
        yield SPSA(**common, steps=3, random_start=False)
    yield CarliniWagnerL2(
        **common, goal=0.2, steps=3, search_steps=2, initial_constant=0.5, learning_rate=0.1
    )


def _network(dtype="float32"):
    policy = tf.keras.mixed_precision.Policy(dtype)
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.Input([6, 6, 3]),
            layers.Conv2D(4, 3, dtype=policy),
            layers.BatchNormalization(dtype=policy),
            layers.ReLU(dtype=policy),
            layers.Dropout(0.5, dtype=policy),
            layers.Flatten(dtype=policy),
            layers.Dense(5, dtype=policy),
        ]
    )


def _images(shape=(3, 6, 6, 3), seed=0):
    return np.random.default_rng(seed).uniform(0, 1, shape).astype(np.float32)


class _Constant(Objective):
    """Has no gradient at all, or not a number."""

    def __init__(self, factor):
        self.factor = factor

    def prepare(self, network, batch, *, seed):
        return lambda outputs: tf.reduce_sum(outputs, axis=1) * self.factor


class BallAndRangeTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(0.0, 1e-7, 8 / 255, 0.3, 1.0)
    def test_every_attack_stays_in_the_ball_and_in_the_pixel_range(self, epsilon):
        rng = np.random.default_rng(int(1000 * epsilon))
        for attack in _attacks(epsilon):
            shape = (2, *rng.integers(1, 6, 2), rng.integers(1, 4))
            images = np.round(_images(shape, seed=1), rng.integers(0, 3))
            weights = rng.normal(0, 1, (int(np.prod(shape[1:])), 3)).astype(np.float32)
            found = attack(
                lambda x, w=weights: tf.tanh(tf.reshape(x, [-1, w.shape[0]]) @ w),
                {"image": images},
                EmbeddingShiftObjective(),
                seed=SEED,
            ).numpy()
            self.assertEqual(found.dtype, np.float32)
            self.assertAllInRange(found, 0.0, 1.0)
            difference = found - images
            if attack.ball.order == 2:
                norms = np.linalg.norm(difference.astype(np.float64).reshape(2, -1), axis=1)
                self.assertLessEqual(norms.max(), epsilon * (1 + 1e-6), attack)
            else:
                self.assertLessEqual(np.abs(difference).max(), np.float32(epsilon), attack)

    @parameterized.parameters(0.0, float("nan"), float("inf"), -float("inf"))
    def test_gradients_that_are_zero_or_not_finite_are_survived(self, factor):
        images = _images([2, 4])
        for attack in _attacks(0.1):
            found = attack(tf.identity, {"image": images}, _Constant(factor), seed=SEED)
            self.assertAllInRange(found, 0.0, 1.0)

    @parameterized.parameters(
        FastGradientMethod(epsilon=0.1),
        ProjectedGradientDescent(epsilon=0.1, steps=2),
        SPSA(epsilon=0.1, steps=2, samples=2),
    )
    def test_images_outside_the_pixel_range_are_not_brought_into_it(self, attack):
        for wrong, message in (([5.0, 0.5], r"\[0\.0, 1\.0\].*to.*5"), ([-3.0, 0.5], "got.*-3")):
            with self.assertRaisesRegex(tf.errors.InvalidArgumentError, f"(?s){message}"):
                attack(tf.identity, {"image": [wrong]}, Linear(), seed=SEED)
        rounded = attack(tf.identity, {"image": [[1.000001, 0.5]]}, Linear(), seed=SEED)
        self.assertAllInRange(rounded, 0.0, 1.0)
        attack(tf.identity, {"image": [[float("nan"), 0.5]]}, Linear(), seed=SEED)

    def test_a_network_without_gradient_is_named(self):
        batch = {"image": _images([2, 4])}
        for attack in _attacks(0.1):
            if isinstance(attack, CarliniWagnerL2):
                continue  # The norm that it lowers has a gradient.
            with contextlib.ExitStack() as stack:
                if attack.needs_gradient:
                    logs = stack.enter_context(self.assertLogs(level="WARNING"))
                else:
                    stack.enter_context(self.assertNoLogs(level="WARNING"))
                attack(tf.round, batch, Linear(), seed=SEED)
            if attack.needs_gradient:
                self.assertIn("passes no gradient to its images", logs.output[0])

    def test_a_range_of_its_own_holds(self):
        images = np.array([[100.0, 100.0, 0.0, 255.0]], np.float32)
        for attack in (
            ProjectedGradientDescent(epsilon=8.0, steps=2, pixel_range=(0.0, 255.0)),
            CarliniWagnerL2(goal=460, steps=3, learning_rate=0.1, pixel_range=(0, 255)),
        ):
            found = attack(tf.identity, {"image": images}, Linear(), seed=SEED).numpy()
            self.assertAllInRange(found, 0.0, 255.0)
            self.assertGreater(np.abs(found - images).max(), 2.0)


class EpsilonTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*_attacks(0.05))
    def test_a_number_a_tensor_and_a_variable_do_the_same(self, attack):
        network, batch = _network(), {"image": _images()}

        def attacked(epsilon, attack=attack):
            return attack(network, batch, EmbeddingShiftObjective(), epsilon=epsilon, seed=SEED)

        expected = attacked(None)
        changed = attack.replace(epsilon=0.3)
        self.assertAllEqual(attacked(0.05, changed), expected)
        self.assertAllEqual(attacked(tf.constant(0.05, tf.float64), changed), expected)
        self.assertAllEqual(attacked(tf.Variable(0.05), changed), expected)

    def test_a_variable_can_change_between_calls_of_one_graph(self):
        epsilon = tf.Variable(0.0)
        attack = FastGradientMethod(epsilon=0.5)

        @tf.function
        def attacked(images):
            return attack(tf.identity, {"image": images}, Linear(), epsilon=epsilon)

        for value in (0.0, 0.25):
            epsilon.assign(value)
            self.assertAllEqual(attacked(tf.fill([1, 2], 0.5)), tf.fill([1, 2], 0.5 + value))


class InferenceModeTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*_attacks(0.1))
    def test_nothing_of_the_network_changes(self, attack):
        network = _network()
        before = [variable.numpy() for variable in network.variables]
        attack(network, {"image": _images()}, EmbeddingShiftObjective(), seed=SEED)
        for old, variable in zip(before, network.variables, strict=True):
            self.assertAllEqual(variable, old, variable.name)
        self.assertEmpty(network.losses)

    def test_dropout_and_batch_statistics_play_no_part(self):
        """In inference mode an image's result does not depend on the rest of its batch."""
        network, images = _network(), _images()
        attack = BasicIterativeMethod(epsilon=0.1, steps=2)
        together = attack(network, {"image": images}, EmbeddingShiftObjective(), seed=SEED)
        again = attack(network, {"image": images}, EmbeddingShiftObjective(), seed=SEED)
        alone = attack(network, {"image": images[:1]}, EmbeddingShiftObjective(), seed=SEED)
        self.assertAllEqual(together, again)
        self.assertAllEqual(together[:1], alone)

    def test_the_result_carries_no_gradient_to_the_weights(self):
        network = _network()
        with tf.GradientTape() as tape:
            found = FastGradientMethod(epsilon=0.1, ball=L2Ball())(
                network, {"image": _images()}, EmbeddingShiftObjective(), seed=SEED
            )
            total = tf.reduce_sum(found)
        self.assertTrue(
            all(part is None for part in tape.gradient(total, network.trainable_variables))
        )

    @parameterized.parameters("mixed_bfloat16", "mixed_float16")
    def test_mixed_precision_networks_and_images(self, policy):
        network, images = _network(policy), _images().astype(np.float16)
        attack = ProjectedGradientDescent(epsilon=8 / 255, steps=2)
        found = attack(network, {"image": images}, EmbeddingShiftObjective(), seed=SEED)
        self.assertEqual(found.dtype, tf.float32)
        distance = np.abs(found - images.astype(np.float32)).max()
        self.assertBetween(distance, 7 / 255, np.float32(8 / 255))


class SeedTest(tf.test.TestCase):
    def test_the_result_is_a_function_of_the_seed(self):
        network, batch = _network(), {"image": _images()}
        for attack in _attacks(0.1):
            if attack.is_random:
                first, same, other = (
                    attack(network, batch, EmbeddingShiftObjective(), seed=seed)
                    for seed in (SEED, tf.constant(SEED), (3, 5))
                )
                self.assertAllEqual(first, same)
                self.assertNotAllClose(first, other)

    def test_a_random_attack_without_seed_is_an_error(self):
        with self.assertRaisesRegex(ValueError, r"RandomNoise .* seed must be int32 \[2\], got N"):
            RandomNoise(epsilon=0.1)(tf.identity, {"image": _images([1, 2])}, Linear())


def _attributes(attack):
    """By name, what an attack holds; balls have no equality but their text."""
    return {name: repr(value) for name, value in vars(attack).items()}


class ConfigAndErrorsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*_attacks(0.1))
    def test_keras_restores_an_attack_from_its_config(self, attack):
        config = tf.keras.saving.serialize_keras_object(attack)
        restored = tf.keras.saving.deserialize_keras_object(config)
        self.assertIs(type(restored), type(attack))
        self.assertEqual(restored.get_config(), attack.get_config())

    @parameterized.parameters(*_attacks_with_every_argument())
    def test_the_configuration_has_every_argument(self, attack):
        arguments = set(inspect.signature(type(attack)).parameters)
        self.assertEqual(set(attack.get_config()), arguments)
        config = tf.keras.saving.serialize_keras_object(attack)
        restored = tf.keras.saving.deserialize_keras_object(config)
        self.assertEqual(_attributes(restored), _attributes(attack))
        changed = attack.replace(epsilon=0.2)
        self.assertIs(type(changed), type(attack))
        self.assertEqual(_attributes(changed), {**_attributes(attack), "epsilon": "0.2"})

    def test_every_argument_of_every_attack_is_tested_here(self):
        modules = [
            f"rtml_tf.attacks.{x.name}" for x in pkgutil.iter_modules(rtml_tf.attacks.__path__)
        ]
        members = [m for name in modules for m in vars(importlib.import_module(name)).values()]
        classes = {m for m in members if inspect.isclass(m) and issubclass(m, Attack)}
        tested = list(_attacks_with_every_argument())
        for kind in (x for x in classes if not inspect.isabstract(x)):
            for name, parameter in inspect.signature(kind).parameters.items():
                values = [getattr(attack, name) for attack in tested if type(attack) is kind]
                self.assertTrue(any(x != parameter.default for x in values), f"{kind}: {name}")

    @parameterized.parameters(
        ({"epsilon": 8}, r"epsilon must be in \[0, 1\] \(pixel units.*\), got 8\."),
        ({"epsilon": -0.1}, r"epsilon must be in .* got -0\.1\."),
        ({"epsilon": float("nan")}, r"epsilon must be in .* got nan\."),
        ({"epsilon": None}, r"epsilon must be a number, got None\."),
        ({"epsilon": 0.1, "pixel_range": (1, 0)}, r"pixel_range must be .* got \(1, 0\)\."),
    )
    def test_constructor_errors(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            FastGradientMethod(**arguments)

    def test_call_errors(self):
        attack, batch = FastGradientMethod(epsilon=0.1), {"image": _images([1, 2])}
        with self.assertRaisesRegex(ValueError, r"epsilon must be in .* got 8\."):
            attack(tf.identity, batch, Linear(), epsilon=8)
        with self.assertRaisesRegex(ValueError, r"epsilon must be one number, got the shape \(2,"):
            attack(tf.identity, batch, Linear(), epsilon=tf.constant([0.1, 0.1]))
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "must not be negative"):
            attack(tf.identity, batch, Linear(), epsilon=tf.constant(-0.1))
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, "must be at most 1, in pixel"):
            attack(tf.identity, batch, Linear(), epsilon=tf.constant(1.5))
        with self.assertRaisesRegex(ValueError, r'must have an entry "image", got \[\'label\'\]'):
            attack(tf.identity, {"label": [1]}, Linear())
        with self.assertRaisesRegex(ValueError, r"must be floating, .* got uint8\."):
            attack(tf.identity, {"image": np.zeros([1, 2], np.uint8)}, Linear())


if __name__ == "__main__":
    tf.test.main()

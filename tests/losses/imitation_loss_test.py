"""What every imitation loss must hold, on every batch."""

import importlib
import inspect
import json
import pkgutil

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

import rtml_tf.losses
from rtml_tf.losses import (
    absolute_imitation,
    combined_imitation,
    imitation_loss,
    relational_imitation,
    relative_imitation,
    similarity_imitation,
)

LOSSES = {
    "absolute": absolute_imitation.AbsoluteImitation,
    "absolute_not_squared": lambda: absolute_imitation.AbsoluteImitation(squared=False),
    "relative": relative_imitation.RelativeImitation,
    "relative_normalized": lambda: relative_imitation.RelativeImitation(normalize=True),
    "distance_wise": relational_imitation.DistanceWiseImitation,
    "angle_wise": relational_imitation.AngleWiseImitation,
    "similarity": lambda: similarity_imitation.SimilarityImitation(temperature=0.5),
    "combined": lambda: combined_imitation.CombinedImitation(
        losses=[
            relational_imitation.DistanceWiseImitation(),
            absolute_imitation.AbsoluteImitation(),
        ],
        weights=[1.0, 0.5],
    ),
}
SIZE = 4


def unit(seed, size=6):
    rows = np.random.RandomState(seed).normal(size=(size, SIZE)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def value_and_gradient(loss, student, teacher):
    student = tf.convert_to_tensor(student)
    with tf.GradientTape() as tape:
        tape.watch(student)
        value = loss(student, teacher)
    return value, tape.gradient(value, student)


def named(names):
    return [(name, name) for name in names]


class ImitationLossTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.named_parameters(named(LOSSES))
    def test_finite_value_and_gradient_on_unusual_batches(self, name):
        compiled = tf.function(
            lambda student, teacher: value_and_gradient(LOSSES[name](), student, teacher),
            input_signature=[tf.TensorSpec([None, SIZE])] * 2,
        )
        twice, same = np.repeat(unit(0, 3), 2, axis=0), np.repeat(unit(0, 1), 6, axis=0)
        batches = {
            "the teacher's own embeddings": (unit(1), unit(1)),
            "the same image twice": (twice, unit(1)),
            "the teacher sees the same image twice": (unit(1), twice),
            "collapsed student": (same, unit(1)),
            "collapsed teacher": (unit(1), same),
            "collapsed both": (same, same),
            "two examples": (unit(0, 2), unit(1, 2)),
            "two examples in one place": (same[:2], unit(1, 2)),
            "one example": (unit(0, 1), unit(1, 1)),
        }
        for batch, (student, teacher) in batches.items():
            with self.subTest(batch):
                value, gradient = compiled(student, teacher)
                self.assertAllInRange(value, 0.0, 100.0)
                self.assertAllInRange(gradient, -100.0, 100.0)

    @parameterized.named_parameters(named(LOSSES))
    def test_zero_for_the_teachers_own_embeddings_only(self, name):
        loss = LOSSES[name]()
        self.assertAllClose(loss(unit(0), unit(0)), 0.0, atol=1e-6)
        self.assertGreater(loss(unit(0), unit(1)), 1e-3)

    @parameterized.named_parameters(
        named(["relative", "distance_wise", "angle_wise", "similarity"])
    )
    def test_a_single_example_has_no_relations(self, name):
        value, gradient = value_and_gradient(LOSSES[name](), unit(0, 1), unit(1, 1))
        self.assertAllEqual(value, 0.0)
        self.assertAllEqual(gradient, np.zeros((1, SIZE)))

    @parameterized.named_parameters(named(LOSSES))
    def test_gradient_equals_finite_differences(self, name):
        loss, student, teacher = LOSSES[name](), unit(0), unit(1)
        direction = np.random.RandomState(2).normal(size=student.shape).astype(np.float32)
        _, gradient = value_and_gradient(loss, student, teacher)
        step = 2e-3
        above = loss(student + step * direction, teacher)
        below = loss(student - step * direction, teacher)
        slope = float(above - below) / (2 * step)
        self.assertGreater(abs(slope), 0.003)
        self.assertAllClose(np.sum(gradient * direction), slope, rtol=0.01, atol=1e-3)

    @parameterized.named_parameters(named(LOSSES))
    def test_the_teacher_gets_no_gradient(self, name):
        teacher = tf.Variable(unit(1))
        with tf.GradientTape() as tape:
            value = LOSSES[name]()(tf.Variable(unit(0)), teacher)
        self.assertIsNone(tape.gradient(value, teacher))

    @parameterized.named_parameters(named(LOSSES))
    def test_sizes_may_differ_unless_embeddings_themselves_are_compared(self, name):
        loss, smaller = LOSSES[name](), unit(0)[:, :3]
        if loss.needs_equal_sizes:
            with self.assertRaisesRegex(ValueError, r"embedding size, got shapes \(6, 3\) and \(6"):
                loss(smaller, unit(1))
        else:
            self.assertGreater(loss(smaller, unit(1)), 0.0)

    def test_which_losses_compare_the_embeddings_themselves(self):
        comparing = {name for name, make in LOSSES.items() if make().needs_equal_sizes}
        self.assertEqual(comparing, {"absolute", "absolute_not_squared", "combined"})

    @parameterized.named_parameters(named(LOSSES))
    def test_half_precision_embeddings_are_worked_on_in_float32(self, name):
        loss = LOSSES[name]()
        student, teacher = tf.cast(unit(0), tf.bfloat16), tf.cast(unit(1), tf.bfloat16)
        value = loss(student, teacher)
        self.assertEqual(value.dtype, tf.float32)
        expected = loss(tf.cast(student, tf.float32), tf.cast(teacher, tf.float32))
        self.assertAllClose(value, expected, rtol=1e-5)

    @parameterized.named_parameters(named(LOSSES))
    def test_round_trip_through_its_configuration(self, name):
        loss = LOSSES[name]()
        arguments = set(inspect.signature(type(loss).__init__).parameters) - {"self"}
        self.assertEqual(set(loss.get_config()), arguments)
        copy = tf.keras.layers.deserialize(json.loads(json.dumps(tf.keras.layers.serialize(loss))))
        self.assertIs(type(copy), type(loss))
        self.assertAllEqual(copy(unit(0), unit(1)), loss(unit(0), unit(1)))

    def test_every_loss_of_the_package_is_tested_here(self):
        in_package = set()
        for module in pkgutil.iter_modules(rtml_tf.losses.__path__):
            members = vars(importlib.import_module(f"rtml_tf.losses.{module.name}")).values()
            in_package |= {
                member
                for member in members
                if inspect.isclass(member) and issubclass(member, imitation_loss.ImitationLoss)
            }
        tested = {type(make()) for make in LOSSES.values()}
        self.assertEqual(in_package - {imitation_loss.ImitationLoss}, tested)


class CheckedEmbeddingsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.named_parameters(
        ("rank", (4, 2, 2), (4, 2), r"student must have shape \[B, D\], got \(4, 2, 2\)"),
        ("teacher_rank", (4, 2), (4,), r"teacher must have shape \[B, D\], got \(4,\)"),
        ("batch_size", (4, 2), (3, 2), r"same batch size, got shapes \(4, 2\) and \(3, 2\)"),
    )
    def test_names_wrong_shapes(self, student, teacher, message):
        with self.assertRaisesRegex(ValueError, message):
            imitation_loss.checked_embeddings(tf.zeros(student), tf.zeros(teacher))

    def test_names_wrong_types(self):
        with self.assertRaisesRegex(ValueError, "teacher must be floating, got int32"):
            imitation_loss.checked_embeddings(tf.zeros([2, 3]), tf.zeros([2, 3], tf.int32))


if __name__ == "__main__":
    absltest.main()

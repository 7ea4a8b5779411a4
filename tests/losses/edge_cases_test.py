"""What every loss must hold, on every batch."""

import functools
import importlib
import inspect
import json
import pkgutil

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

import rtml_tf.losses
from rtml_tf.losses import class_weights, margin_softmax, metric_loss
from tests.every_loss import LOSSES

SIZE = 5

# Losses that are a sum over pairs or triplets with a positive: nothing to say without one.
NEED_POSITIVES = (
    "circle",
    "easy_positive",
    "easy_positive_hard",
    "lifted_structure",
    "multi_similarity",
    "n_pairs",
    "triplet_hard",
    "triplet_hard_soft",
    "triplet_semihard",
    "triplet_semihard_euclidean",
)


EMBEDDINGS = np.random.RandomState(0).normal(size=(6, SIZE)).astype(np.float32)
EMBEDDINGS /= np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
ONE_VECTOR = np.eye(1, SIZE, dtype=np.float32)

LABELS = {
    "pairs": [0, 0, 1, 1, 2, 2],
    "uneven": [0, 1, 1, 1, 2, 2],
    "no positives": [0, 1, 2, 3, 4, 5],
    "one class": [3] * 6,
    "same image twice": [0, 0, 1, 1, 2, 2],
    "same image in two classes": [0, 1, 0, 1, 2, 2],
    "collapsed": [0, 0, 1, 1, 2, 2],
    "opposite": [0, 0, 1, 1],
    "zero vectors": [0, 0, 1, 1],
    "one zero vector": [0, 0, 1, 1, 2, 2],
    "single example": [2],
}
UNUSUAL_EMBEDDINGS = {
    "same image twice": np.repeat(EMBEDDINGS[:3], 2, axis=0),
    "same image in two classes": np.repeat(EMBEDDINGS[:3], 2, axis=0),
    "collapsed": np.repeat(ONE_VECTOR, 6, axis=0),
    "opposite": np.concatenate([ONE_VECTOR, -ONE_VECTOR] * 2),
    "zero vectors": np.zeros((4, SIZE), np.float32),
    "one zero vector": np.concatenate([np.zeros((1, SIZE), np.float32), EMBEDDINGS[1:]]),
    "single example": EMBEDDINGS[:1],
}
BATCHES = {
    name: (UNUSUAL_EMBEDDINGS.get(name, EMBEDDINGS), np.array(labels, np.int32))
    for name, labels in LABELS.items()
}


def loss_and_gradients(loss, embeddings, labels):
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        value = loss(embeddings, labels)
    gradients = tape.gradient(value, [embeddings, *loss.trainable_weights])
    return value, [tf.convert_to_tensor(gradient) for gradient in gradients]


@functools.cache
def built(name):
    """The loss, and its value and gradients as a graph for batches of any size."""
    tf.keras.utils.set_random_seed(0)
    loss = LOSSES[name]()
    loss(EMBEDDINGS, np.arange(6))
    compiled = tf.function(
        functools.partial(loss_and_gradients, loss),
        input_signature=[
            tf.TensorSpec([None, SIZE], tf.float32),
            tf.TensorSpec([None], tf.int32),
        ],
    )
    return loss, compiled


def setUpModule():
    # Optimizing these small graphs takes far longer than running them.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def tearDownModule():
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
    # Graphs that live until the interpreter ends complain while it does.
    built.cache_clear()


def named(names):
    return [(name, name) for name in names]


class EdgeCasesTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.named_parameters(named(LOSSES))
    def test_finite_value_and_gradients_and_no_side_effect(self, name):
        loss, compiled = built(name)
        before = repr(loss.get_weights())
        for batch_name, (embeddings, labels) in BATCHES.items():
            with self.subTest(batch_name):
                value, gradients = compiled(embeddings, labels)
                self.assertEqual(value.shape, ())
                self.assertEqual(value.dtype, tf.float32)
                self.assertAllInRange(value, -1e4, 1e5)
                for gradient in gradients:
                    self.assertAllInRange(gradient, -1e4, 1e4)
        self.assertEqual(repr(loss.get_weights()), before, "A call changed a variable.")

    @parameterized.named_parameters(named(NEED_POSITIVES))
    def test_zero_without_positives_or_without_negatives(self, name):
        _, compiled = built(name)
        for batch_name in ("no positives", "one class", "single example"):
            with self.subTest(batch_name):
                embeddings, labels = BATCHES[batch_name]
                value, gradients = compiled(embeddings, labels)
                self.assertAllEqual(value, 0.0)
                self.assertAllEqual(gradients[0], np.zeros_like(embeddings))

    @parameterized.named_parameters(named([name for name in LOSSES if name != "n_pairs"]))
    def test_order_of_the_batch_does_not_matter(self, name):
        """N-pairs is left out: the first of two examples is the anchor, by definition."""
        _, compiled = built(name)
        embeddings, labels = BATCHES["pairs"]
        expected, _ = compiled(embeddings, labels)
        for seed in range(3):
            order = np.random.RandomState(seed).permutation(len(labels))
            value, _ = compiled(embeddings[order], labels[order])
            self.assertAllClose(value, expected, rtol=1e-5)

    @parameterized.named_parameters(named([name for name in LOSSES if name != "circle"]))
    def test_gradient_equals_finite_differences(self, name):
        """Circle loss is left out: its weights are constants in the gradient on purpose."""
        _, compiled = built(name)
        embeddings, labels = BATCHES["uneven"]
        direction = np.random.RandomState(3).normal(size=embeddings.shape).astype(np.float32)
        _, gradients = compiled(embeddings, labels)
        step = 2e-3
        above, _ = compiled(embeddings + step * direction, labels)
        below, _ = compiled(embeddings - step * direction, labels)
        slope = float(above - below) / (2 * step)
        self.assertGreater(abs(slope), 0.01)
        self.assertAllClose(np.sum(gradients[0] * direction), slope, rtol=0.02, atol=2e-3)

    @parameterized.named_parameters(named(LOSSES))
    def test_half_precision_embeddings_are_worked_on_in_float32(self, name):
        loss, compiled = built(name)
        embeddings, labels = BATCHES["pairs"]
        half = tf.cast(embeddings, tf.bfloat16)
        value, gradients = loss_and_gradients(loss, half, labels)
        expected, expected_gradients = compiled(tf.cast(half, tf.float32), labels)
        self.assertEqual(value.dtype, tf.float32)
        self.assertAllClose(value, expected, rtol=1e-5)
        self.assertEqual(gradients[0].dtype, tf.bfloat16)
        self.assertAllClose(gradients[0], expected_gradients[0], rtol=0.01, atol=0.01)

        half = tf.cast(embeddings, tf.float16)
        expected, _ = compiled(tf.cast(half, tf.float32), labels)
        self.assertAllClose(loss(half, labels), expected, rtol=1e-5)

    @parameterized.named_parameters(named(LOSSES))
    def test_round_trip_through_its_configuration(self, name):
        loss, compiled = built(name)
        embeddings, labels = BATCHES["pairs"]
        arguments = set(inspect.signature(type(loss).__init__).parameters) - {"self"}
        self.assertEqual(set(loss.get_config()), arguments)

        config = json.loads(json.dumps(tf.keras.layers.serialize(loss)))
        copy = tf.keras.layers.deserialize(config)
        copy(embeddings, labels)
        copy.set_weights(loss.get_weights())
        self.assertIs(type(copy), type(loss))
        self.assertEqual(json.dumps(copy.get_config()), json.dumps(loss.get_config()))
        self.assertAllClose(copy(embeddings, labels), compiled(embeddings, labels)[0])

    def test_every_loss_of_the_package_is_tested_here(self):
        abstract = {
            class_weights.ClassVectorLoss,
            class_weights.ClassWeightLoss,
            margin_softmax.MarginSoftmaxLoss,
            metric_loss.MetricLoss,
        }
        in_package = set()
        for module in pkgutil.iter_modules(rtml_tf.losses.__path__):
            members = vars(importlib.import_module(f"rtml_tf.losses.{module.name}")).values()
            in_package |= {
                member
                for member in members
                if inspect.isclass(member) and issubclass(member, metric_loss.MetricLoss)
            }
        tested = {type(make()) for make in LOSSES.values()}
        self.assertEqual(in_package - abstract, tested)

    def test_which_losses_have_a_meaning_on_unseen_classes(self):
        with_class_vectors = {name for name, make in LOSSES.items() if not make().unseen_classes}
        self.assertEqual(
            with_class_vectors,
            {
                "arcface",
                "center",
                "combined",
                "cosface",
                "normalized_softmax",
                "partial_arcface",
                "proxy_anchor",
                "proxy_nca",
                "proxy_nca_original",
                "sphereface",
            },
        )


if __name__ == "__main__":
    absltest.main()

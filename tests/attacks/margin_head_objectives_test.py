"""Tests for the objectives of a margin head's classifier."""

import numpy as np
import tensorflow as tf
from scipy import special

from rtml_tf.attacks.margin_head_objectives import ClassMarginObjective, CrossEntropyObjective


@tf.keras.utils.register_keras_serializable(package="margin_head_objectives_test")
class _Head(tf.keras.layers.Layer):
    """A margin head with fixed class weights."""

    def __init__(self, scale, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def logits(self, embeddings):
        return self.scale * embeddings

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


class MarginHeadObjectivesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.embeddings = np.random.default_rng(0).normal(0, 1, (4, 3)).astype(np.float32)
        self.labels = np.array([0, 2, 1, 1])
        self.batch = {"image": tf.zeros([4, 1]), "label": tf.constant(self.labels)}

    def _value(self, objective):
        return objective.prepare(tf.identity, self.batch, seed=tf.constant([0, 0]))(self.embeddings)

    def test_cross_entropy(self):
        """SciPy's log-softmax."""
        expected = -special.log_softmax(5.0 * self.embeddings, axis=1)[range(4), self.labels]
        self.assertAllClose(self._value(CrossEntropyObjective(loss=_Head(5.0))), expected)

    def test_class_margin(self):
        logits = 5.0 * self.embeddings
        right = logits[range(4), self.labels]
        logits[range(4), self.labels] = -np.inf
        found = self._value(ClassMarginObjective(loss=_Head(5.0)))
        self.assertAllClose(found, logits.max(axis=1) - right)

    def test_keras_restores_them(self):
        for objective in (CrossEntropyObjective, ClassMarginObjective):
            config = tf.keras.saving.serialize_keras_object(objective(loss=_Head(3.0)))
            restored = tf.keras.saving.deserialize_keras_object(config)
            self.assertIs(type(restored), objective)
            self.assertEqual(restored.loss.scale, 3.0)
            self.assertIsNone(objective.from_config(objective().get_config()).loss)

    def test_in_training_the_loss_of_the_model_is_taken_where_none_is_given(self):
        own, of_model = _Head(3.0), _Head(5.0)
        self.assertIs(CrossEntropyObjective().in_training(of_model).loss, of_model)
        self.assertIs(CrossEntropyObjective(loss=own).in_training(of_model).loss, own)

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, r"loss must have a method logits.* got 3\."):
            ClassMarginObjective(loss=3)
        with self.assertRaisesRegex(ValueError, "loss of ClassMarginObjective must be given here"):
            self._value(ClassMarginObjective())
        with self.assertRaisesRegex(ValueError, r"loss must have a method logits"):
            CrossEntropyObjective().in_training(lambda embeddings, labels: 0.0)
        with self.assertRaisesRegex(ValueError, r'CrossEntropyObjective needs batch\["label"\]'):
            CrossEntropyObjective(loss=_Head(1.0)).prepare(tf.identity, {}, seed=None)


if __name__ == "__main__":
    tf.test.main()

"""With global negatives two replicas take the step of one device, for every metric loss."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.frozen_batch_norm import FrozenStatisticsBatchNormalization
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.models.metric_model import MetricModel
from tests import two_cpus
from tests.every_loss import LOSSES
from tests.one_step import updates

# Replicas see different classes, different numbers of each, and one class is seen by both.
_LABELS = (0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4)


def setUpModule():
    two_cpus.start()


def _network():
    image = tf.keras.Input((4, 4, 1), name="image")
    features = tf.keras.layers.Dense(6)(tf.keras.layers.Flatten()(image))
    features = FrozenStatisticsBatchNormalization()(features)
    features = tf.keras.layers.Dense(5)(features)
    return tf.keras.Model(image, L2Normalization()(features))


def _batch():
    images = np.random.default_rng(0).uniform(size=(len(_LABELS), 4, 4, 1))
    return {"image": tf.constant(images, tf.float32), "label": tf.constant(_LABELS)}


def _model(name, negatives="global"):
    model = MetricModel(network=_network(), loss=LOSSES[name]())
    model.compile(optimizer=tf.keras.optimizers.SGD(1.0), negatives=negatives)
    model.prepare(num_classes=6)
    return model


class EveryLossOnReplicasTest(tf.test.TestCase, parameterized.TestCase):
    # Classes are sampled on each replica: see partial_softmax_on_replicas_test.py.
    @parameterized.parameters(*sorted(LOSSES.keys() - {"partial_arcface"}))
    def test_two_replicas_take_the_step_of_one_device(self, name):
        one = updates(lambda: _model(name), _batch())
        two = updates(lambda: _model(name), _batch(), two_cpus.mirrored_strategy())
        self.assertGreater(max(np.abs(change).max() for change in one), 1e-4)
        self.assertAllClose(two, one, atol=1e-5, rtol=0)

    def test_local_negatives_are_the_mean_of_the_steps_of_the_parts(self):
        def build():
            return _model("multi_similarity", "local")

        halves = [
            updates(build, {key: value[rows] for key, value in _batch().items()})
            for rows in (slice(0, 6), slice(6, 12))
        ]
        two = updates(build, _batch(), two_cpus.mirrored_strategy())
        self.assertAllClose(two, [np.mean(x, axis=0) for x in zip(*halves)], atol=1e-5, rtol=0)
        one = updates(build, _batch())
        self.assertNotAllClose(two[0], one[0], atol=1e-3)


if __name__ == "__main__":
    tf.test.main()

"""Tests of batch norms that are frozen in part."""

import numpy as np
import tensorflow as tf

from rtml_tf.layers.frozen_batch_norm import (
    FrozenAffineBatchNormalization,
    FrozenStatisticsBatchNormalization,
)

_GAMMA, _BETA, _MEAN, _VARIANCE, _EPSILON = 2.0, 1.0, 3.0, 4.0, 1e-3
_X = np.array([[1.0], [5.0]], np.float32)  # mean 3, variance 4


def _layer(kind):
    layer = kind(momentum=0.5, epsilon=_EPSILON)
    layer.build((None, 1))
    layer.set_weights([np.array([v]) for v in (_GAMMA, _BETA, _MEAN + 10.0, _VARIANCE + 12.0)])
    return layer


def _normalised(x, mean, variance):
    return _GAMMA * (x - mean) / np.sqrt(variance + _EPSILON) + _BETA


class FrozenBatchNormTest(tf.test.TestCase):
    def test_frozen_statistics_are_used_and_kept_while_training(self):
        layer = _layer(FrozenStatisticsBatchNormalization)
        for training in (True, False):
            self.assertAllClose(layer(_X, training=training), _normalised(_X, 13.0, 16.0))
        self.assertAllClose(layer.moving_mean, [13.0])
        self.assertLen(layer.trainable_weights, 2)

    def test_frozen_affine_has_live_statistics_and_nothing_to_train(self):
        """The running statistics move half way, by the momentum."""
        layer = _layer(FrozenAffineBatchNormalization)
        self.assertAllClose(layer(_X, training=True), _normalised(_X, 3.0, 4.0))
        self.assertAllClose(layer.moving_mean, [8.0])
        self.assertAllClose(layer.moving_variance, [10.0])
        self.assertEmpty(layer.trainable_weights)
        self.assertAllClose(layer(_X, training=False), _normalised(_X, 8.0, 10.0))

    def test_survive_serialisation(self):
        for kind in (FrozenAffineBatchNormalization, FrozenStatisticsBatchNormalization):
            layer = _layer(kind)
            copy = tf.keras.layers.deserialize(tf.keras.layers.serialize(layer))
            self.assertIs(type(copy), kind)
            self.assertEqual(copy.get_config(), layer.get_config())


if __name__ == "__main__":
    tf.test.main()

"""Tests of the standardisation of features."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from sklearn.preprocessing import StandardScaler

from rtml_tf.layers.standardization import Standardization, adapted_standardization


class _Batches:
    def __init__(self, *arrays, endless=False):
        self._arrays, self._endless = arrays, endless

    def dataset(self):
        spec = {"image": tf.TensorSpec([None, 2])}
        dataset = tf.data.Dataset.from_generator(
            lambda: ({"image": array} for array in self._arrays), output_signature=spec
        )
        return dataset.repeat() if self._endless else dataset


class StandardizationTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(0.0, 1e6)
    def test_equals_the_scaler_of_scikit_learn(self, mean):
        features = np.random.default_rng(0).normal(size=[100, 3]) * [1.0, 2.0, 0.5] + mean
        layer = Standardization()
        layer.adapt([features[:7], features[7:60], features[60:]])
        scaler = StandardScaler().fit(features)
        self.assertAllClose(layer.mean, scaler.mean_, rtol=1e-6)
        self.assertAllClose(layer.std, scaler.scale_, rtol=1e-5)
        if not mean:
            self.assertAllClose(layer(features), scaler.transform(features), atol=1e-5)

    def test_constant_features_are_not_blown_up(self):
        """Root mean square of the deviations 0, 3 and 4: sqrt(25 / 3)."""
        layer = Standardization(floor=0.1)
        layer.adapt([np.array([[5.0, 0.0, 0.0], [5.0, 6.0, 8.0]])])
        self.assertAllClose(layer.std, [0.1 * np.sqrt(25 / 3), 3.0, 4.0])
        layer.adapt([np.ones([4, 3])])
        self.assertAllEqual(layer.std, [1.0, 1.0, 1.0])

    def test_does_nothing_before_it_is_adapted_and_is_not_trained(self):
        layer = Standardization()
        self.assertAllEqual(layer(tf.constant([[2.0, -3.0]])), [[2.0, -3.0]])
        self.assertEmpty(layer.trainable_weights)

    def test_mixed_precision_rounds_only_the_result(self):
        layer = Standardization(dtype="mixed_bfloat16")
        layer.adapt([np.array([[1000.0], [1002.0]])])
        features = layer(tf.constant([[1001.5]]))
        self.assertEqual(features.dtype, tf.bfloat16)
        self.assertAllEqual(tf.cast(features, tf.float32), [[0.5]])

    def test_survives_serialisation(self):
        layer = Standardization(floor=0.3, name="standard")
        copy = tf.keras.layers.deserialize(tf.keras.layers.serialize(layer))
        self.assertEqual(copy.get_config(), layer.get_config())
        self.assertEqual(copy.floor, 0.3)

    def test_batches_of_the_toolkit(self):
        first, second = np.array([[0.0, 1.0], [2.0, 1.0]]), np.array([[10.0, 4.0]])
        layer = adapted_standardization(batches=_Batches(first, second))
        self.assertAllClose(layer.mean, [4.0, 2.0])
        layer = adapted_standardization(batches=_Batches(first, second, endless=True), limit=1)
        self.assertAllClose(layer.mean, [1.0, 1.0])

    def test_errors(self):
        with self.assertRaisesRegex(ValueError, r"floor must be in \(0, 1\], got 0.0"):
            Standardization(floor=0.0)
        with self.assertRaisesRegex(ValueError, "must have at least one example, got none"):
            Standardization().adapt([])
        for batch in (np.zeros([2]), np.full([2, 2], np.nan)):
            with self.assertRaisesRegex(ValueError, r"finite arrays \[n, F\], got one of shape"):
                Standardization().adapt([batch])
        with self.assertRaisesRegex(ValueError, r"part must be one of \['image'\], got 'target'"):
            adapted_standardization(batches=_Batches(), part="target")
        with self.assertRaisesRegex(ValueError, "limit must be set for batches that have no end"):
            adapted_standardization(batches=_Batches(np.ones([1, 2]), endless=True))


if __name__ == "__main__":
    tf.test.main()

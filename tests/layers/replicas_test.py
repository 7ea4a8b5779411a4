"""Tests of what replicas tell each other."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.replicas import gather_rows, mean_over_replicas, num_replicas
from tests import two_cpus

_ROWS = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)


def setUpModule():
    two_cpus.start()


def _on_two_replicas(function):
    """What each replica gives for its two of the four rows."""
    strategy = two_cpus.mirrored_strategy()
    rows = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(np.split(_ROWS, 2)[context.replica_id_in_sync_group])
    )
    results = tf.function(lambda rows: strategy.run(function, args=(rows,)))(rows)
    parts = [strategy.experimental_local_results(x) for x in tf.nest.flatten(results)]
    return [tf.nest.pack_sequence_as(results, [x[i] for x in parts]) for i in (0, 1)]


def _product(rows):
    """A function in which all rows meet, some of them sparsely."""
    return tf.reduce_sum(tf.gather(rows, [0, 3, 3])[0] * rows[1] * rows[2] * rows[3])


class ReplicasTest(tf.test.TestCase, parameterized.TestCase):
    def test_every_replica_gets_all_rows_in_order(self):
        def gathered(rows):
            numbers = tf.cast(tf.round(100 * rows[:, 0]), tf.int32)
            return gather_rows({"rows": rows, "numbers": [numbers]})

        for result in _on_two_replicas(gathered):
            self.assertAllEqual(result["rows"], _ROWS)
            self.assertAllEqual(result["numbers"][0], np.round(100 * _ROWS[:, 0]))
            self.assertEqual(result["rows"].shape, (4, 2))

    @parameterized.parameters(1.0, 2.0)
    def test_the_gradient_is_that_of_the_own_rows(self, weight):
        """Reference: the gradient on one device."""

        def gradient(rows):
            with tf.GradientTape() as tape:
                tape.watch(rows)
                value = _product(gather_rows(rows, gradient_weight=weight))
            return tape.gradient(value, rows)

        expected = weight * gradient(tf.constant(_ROWS))  # Without replicas the weight is 1.
        self.assertAllClose(tf.concat(_on_two_replicas(gradient), axis=0), expected)

    def test_a_mean_is_a_constant(self):
        def mean_and_gradient(rows):
            with tf.GradientTape() as tape:
                tape.watch(rows)
                mean = mean_over_replicas(tf.reduce_sum(rows))
                value = mean * tf.reduce_sum(rows)
            return mean, tape.gradient(value, rows)

        for mean, gradient in _on_two_replicas(mean_and_gradient):
            self.assertAllClose(mean, _ROWS.sum() / 2)
            self.assertAllClose(gradient, tf.fill((2, 2), mean))

    def test_replicas_are_counted_where_they_run(self):
        self.assertEqual(num_replicas(), 1)
        with two_cpus.mirrored_strategy().scope():
            self.assertEqual(num_replicas(), 1)
        counts = _on_two_replicas(lambda rows: tf.constant(num_replicas()))
        self.assertAllEqual(counts, [2, 2])
        rows = tf.constant(_ROWS)
        self.assertIs(gather_rows(rows), rows)


if __name__ == "__main__":
    tf.test.main()

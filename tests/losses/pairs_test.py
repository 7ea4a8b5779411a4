import numpy as np
import tensorflow as tf
from absl.testing import absltest
from scipy.spatial import distance

from rtml_tf.losses import pairs

ROWS = np.random.RandomState(0).normal(size=(4, 3)).astype(np.float32)
COLUMNS = np.random.RandomState(1).normal(size=(5, 3)).astype(np.float32)


class PairsTest(tf.test.TestCase):
    def test_masks_leave_out_the_example_itself(self):
        labels = tf.constant([7, 7, 3])
        positive, negative = pairs.pair_masks(labels, labels)
        self.assertAllEqual(positive, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
        self.assertAllEqual(negative, [[0, 0, 1], [0, 0, 1], [1, 1, 0]])

    def test_masks_with_more_columns_than_rows(self):
        positive, negative = pairs.pair_masks(tf.constant([7, 3]), tf.constant([7, 3, 3]))
        self.assertAllEqual(positive, [[0, 0, 0], [0, 0, 1]])
        self.assertAllEqual(negative, [[0, 1, 1], [1, 0, 0]])

    def test_similarities_and_distances_of_two_sets(self):
        """SciPy's cdist."""
        self.assertAllClose(
            pairs.cosine_similarities(ROWS, COLUMNS), 1 - distance.cdist(ROWS, COLUMNS, "cosine")
        )
        self.assertAllClose(
            pairs.squared_distances(ROWS, COLUMNS),
            distance.cdist(ROWS, COLUMNS, "sqeuclidean"),
            rtol=1e-5,
        )
        self.assertAllClose(
            pairs.euclidean_distances(ROWS, COLUMNS), distance.cdist(ROWS, COLUMNS), rtol=1e-5
        )

    def test_distance_zero_has_gradient_zero(self):
        rows = tf.constant([[1.0, 2.0], [1.0, 2.0]])
        with tf.GradientTape() as tape:
            tape.watch(rows)
            distances = pairs.euclidean_distances(rows, rows)
        self.assertAllEqual(distances, np.zeros((2, 2)))
        self.assertAllEqual(tape.gradient(distances, rows), np.zeros((2, 2)))

    def test_squared_distance_is_never_negative(self):
        rows = np.random.RandomState(2).normal(size=(50, 8)).astype(np.float32) * 100
        self.assertAllInRange(pairs.squared_distances(rows, rows), 0.0, np.inf)

    def test_reductions_look_at_chosen_values_only(self):
        values = tf.constant([[1.0, 2.0, 4.0], [3.0, -5.0, np.inf]])
        mask = tf.constant([[True, True, False], [True, True, False]])
        self.assertAllEqual(pairs.masked_max(values, mask), [2.0, 3.0])
        self.assertAllClose(pairs.masked_mean(values, mask), 0.25)
        self.assertAllClose(
            pairs.masked_log_sum_exp(values, mask),
            np.log([np.exp(1) + np.exp(2), np.exp(3) + np.exp(-5)]),
        )
        self.assertAllClose(
            pairs.masked_log_sum_exp(values, mask, axis=0)[:2],
            np.log([np.exp(1) + np.exp(3), np.exp(2) + np.exp(-5)]),
        )

    def test_reductions_of_nothing(self):
        values = tf.constant([[1.0, 2.0]])
        nothing = tf.constant([[False, False]])
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(values)
            mean = pairs.masked_mean(values, nothing)
            softplus = tf.nn.softplus(pairs.masked_log_sum_exp(values, nothing))
        self.assertAllEqual(mean, 0.0)
        self.assertAllEqual(softplus, [0.0])
        self.assertAllEqual(tape.gradient(mean, values), [[0.0, 0.0]])
        self.assertAllEqual(tape.gradient(softplus, values), [[0.0, 0.0]])

    def test_log_sum_exp_of_large_values(self):
        values = tf.constant([[1000.0, 1000.0]])
        self.assertAllClose(
            pairs.masked_log_sum_exp(values, tf.ones_like(values, tf.bool)), [1000.0 + np.log(2)]
        )

    def test_zero_unless_keeps_an_undefined_loss_out_of_the_gradient(self):
        embeddings = tf.zeros([1, 2])
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            value = pairs.zero_unless(
                tf.constant(False), lambda: tf.norm(embeddings) / 0.0, embeddings
            )
        self.assertAllEqual(value, 0.0)
        self.assertAllEqual(tape.gradient(value, embeddings), [[0.0, 0.0]])


if __name__ == "__main__":
    absltest.main()

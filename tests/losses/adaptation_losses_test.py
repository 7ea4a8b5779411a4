"""Tests of the losses of domain adaptation: discrepancy, alignment map, domain loss, entropy."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from scipy import spatial, special

from rtml_tf.losses.domain import SOURCE, TARGET, domain_loss
from rtml_tf.losses.entropy import entropy_loss, entropy_map, self_information_maps
from rtml_tf.losses.local_alignment import CategoryWeights, local_alignment_map
from rtml_tf.losses.weight_discrepancy import weight_discrepancy


def _logits(seed, shape=(2, 3, 4, 5)):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _gradient(function, *inputs):
    inputs = [tf.constant(x) for x in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = function(*inputs)
    return tape.gradient(value, inputs, unconnected_gradients="zero")


class WeightDiscrepancyTest(tf.test.TestCase):
    def test_is_one_plus_the_cosine_of_all_weights_together(self):
        """SciPy's cosine distance is 1 - cos."""
        first, second = ([_logits(s, (3, 2)), _logits(s + 1, (4,))] for s in (0, 5))
        flat = [np.concatenate([w.ravel() for w in weights]) for weights in (first, second)]
        expected = 2.0 - spatial.distance.cosine(*flat)
        self.assertAllClose(weight_discrepancy(first, second), expected)

    def test_identical_opposite_and_zero_weights(self):
        weights = [_logits(0, (3, 2))]
        self.assertAllClose(weight_discrepancy(weights, weights), 2.0)
        self.assertAllClose(weight_discrepancy(weights, [-weights[0]]), 0.0, atol=1e-6)
        zero = np.zeros((3, 2), np.float32)
        self.assertAllClose(weight_discrepancy(weights, [zero]), 1.0)
        gradients = _gradient(lambda a, b: weight_discrepancy([a], [b]), zero, zero)
        self.assertAllEqual(gradients, np.zeros((2, 3, 2)))

    def test_refuses_different_classifiers(self):
        with self.assertRaisesRegex(ValueError, r"same shapes, got \[\(2,\)\] and \[\(3,\)\]"):
            weight_discrepancy([tf.ones(2)], [tf.ones(3)])


class LocalAlignmentTest(tf.test.TestCase, parameterized.TestCase):
    def test_map_is_the_cosine_distance_of_each_pixel(self):
        first, second = _logits(0), _logits(1)
        expected = np.empty(first.shape[:-1])
        for pixel in np.ndindex(expected.shape):
            expected[pixel] = spatial.distance.cosine(
                special.softmax(first[pixel]), special.softmax(second[pixel])
            )
        self.assertAllClose(local_alignment_map(first, second), expected, atol=1e-6)

    def test_map_keeps_its_digits_where_the_classifiers_nearly_agree(self):
        """`1 - cos` in float32 would be off by 1e-7, of 1e-9; the reference is in float64."""
        first = _logits(0, (1, 1, 5)).astype(np.float64)
        second = first + 1e-4 * _logits(1, (1, 1, 5))
        u, v = (x / np.linalg.norm(x) for x in map(special.softmax, (first, second)))
        self.assertAllClose(
            local_alignment_map(first, second)[0, 0], np.sum((u - v) ** 2) / 2, rtol=1e-2, atol=0.0
        )

    def test_weights_of_the_paper(self):
        """40 M + 0.4, for an M that is 0 in one half and 1 in the other."""
        first = tf.constant([[[50.0, 0.0], [50.0, 0.0]]])
        second = tf.constant([[[50.0, 0.0], [0.0, 50.0]]])
        weights, alignment = CategoryWeights()(first, second, step=0)
        self.assertAllClose(alignment, [[0.0, 1.0]])
        self.assertAllClose(weights, [[0.4, 40.4]])
        weights, _ = CategoryWeights(lambda_local=3.0, scaled=True)(first, second, step=0)
        self.assertAllClose(weights, [[0.4, 6.4]])

    def test_warm_up_has_weights_of_one(self):
        weigh = CategoryWeights(warm_up_steps=2)
        self.assertAllEqual(weigh(_logits(0), _logits(1), tf.constant(1))[0], np.ones([2, 3, 4]))
        self.assertAllClose(
            weigh(_logits(0), _logits(1), tf.constant(2))[0],
            CategoryWeights()(_logits(0), _logits(1), 0)[0],
        )

    @parameterized.parameters(True, False)
    def test_gradient_goes_through_the_map_only_if_it_is_not_detached(self, detached):
        def total(first, second):
            return tf.reduce_sum(CategoryWeights(detached=detached)(first, second, 0)[0])

        norm = np.linalg.norm(_gradient(total, _logits(0), _logits(1))[0])
        self.assertEqual(norm == 0.0, detached)

    @parameterized.product(scaled=(False, True), saturated=(0.0, 1e4))
    def test_is_finite_for_identical_and_saturated_classifiers(self, scaled, saturated):
        """Identical classifiers: M = 0, so all weights are epsilon."""
        logits = saturated * _logits(0)
        weigh = CategoryWeights(scaled=scaled, detached=False)
        self.assertAllClose(weigh(logits, logits, 0)[0], np.full([2, 3, 4], 0.4))
        for other in (logits, saturated * _logits(1)):
            gradients = _gradient(lambda *x: tf.reduce_sum(weigh(*x, 0)[0]), logits, other)
            self.assertAllInRange(gradients, -1e3, 1e3)


class DomainLossTest(tf.test.TestCase):
    def test_is_the_weighted_mean_over_pixels(self):
        """-log sigmoid of the logit, for the target, and of its negative for the source."""
        logits, weights = _logits(0), np.abs(_logits(1))
        for label, signed in ((TARGET, logits), (SOURCE, -logits)):
            losses = -special.log_expit(signed)
            self.assertAllClose(domain_loss(logits, label), losses.mean())
            self.assertAllClose(domain_loss(logits, label, weights), (weights * losses).mean())

    def test_is_finite_for_a_sure_discriminator(self):
        logits = np.array([[1e4, -1e4]], np.float32)
        self.assertAllClose(domain_loss(logits, SOURCE), 5e3)
        gradients = _gradient(lambda x: domain_loss(x, SOURCE), logits)
        self.assertAllClose(gradients, [[[0.5, 0.0]]])

    def test_refuses_weights_of_another_shape(self):
        with self.assertRaisesRegex(ValueError, r"one shape, got \(2, 3\) and \(2,\)"):
            domain_loss(tf.ones([2, 3]), SOURCE, tf.ones(2))


class EntropyTest(tf.test.TestCase):
    def test_is_the_entropy_in_units_of_its_largest_value(self):
        logits = _logits(0)
        p = special.softmax(logits, axis=-1)
        expected = special.entr(p) / np.log(5)
        self.assertAllClose(self_information_maps(logits), expected)
        self.assertAllClose(entropy_loss(logits), expected.sum(-1).mean())
        self.assertAllClose(entropy_map(np.zeros([1, 1, 1, 5])), [[[1.0]]])

    def test_is_finite_for_a_sure_prediction(self):
        logits = np.array([[[[1e4, 0.0, -1e4]]]], np.float32)
        self.assertAllClose(entropy_loss(logits), 0.0)
        self.assertAllClose(_gradient(entropy_loss, logits)[0], np.zeros([1, 1, 1, 3]))


if __name__ == "__main__":
    tf.test.main()

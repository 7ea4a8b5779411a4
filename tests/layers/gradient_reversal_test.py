"""Tests of gradient reversal."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.gradient_reversal import GradientReversal, reverse_gradient


def _gradient(layer, value=2.0, **kwargs):
    """The gradient of `5 layer(x)`, which is -5 strength."""
    x = tf.constant([value])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = 5.0 * layer(x, **kwargs)
    return float(tape.gradient(y, x)[0])


class ReverseGradientTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(False, True)
    def test_is_the_identity_with_a_reversed_gradient(self, compiled):
        def values_and_gradient(x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = reverse_gradient(x, 0.5)
                loss = tf.reduce_sum(y * [1.0, -4.0])
            return y, tape.gradient(loss, x)

        x = tf.constant([3.0, -7.0])
        y, gradient = (tf.function(values_and_gradient) if compiled else values_and_gradient)(x)
        self.assertAllEqual(y, x)
        self.assertAllEqual(gradient, [-0.5, 2.0])

    def test_second_derivative_passes_the_op_twice(self):
        """f(x) = x^3 at x = 2, s = 0.5: -s 3x^2 = -6 and s^2 6x = 3."""
        x = tf.Variable(2.0)
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                y = reverse_gradient(x, 0.5) ** 3
            first = inner.gradient(y, x)
        self.assertAllClose(first, -6.0)
        self.assertAllClose(outer.gradient(first, x), 3.0)

    def test_strength_may_be_a_variable_and_gets_no_gradient(self):
        strength, x = tf.Variable(3.0), tf.Variable(1.0)

        @tf.function
        def gradients():
            with tf.GradientTape() as tape:
                y = reverse_gradient(tf.identity(x), strength)
            return tape.gradient(y, [x, strength], unconnected_gradients="zero")

        self.assertAllEqual(gradients(), [-3.0, 0.0])
        strength.assign(0.25)
        self.assertAllEqual(gradients(), [-0.25, 0.0])

    def test_works_in_bfloat16(self):
        x = tf.constant(1.0, tf.bfloat16)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = reverse_gradient(x, 2.0)
        self.assertEqual(tape.gradient(y, x), tf.constant(-2.0, tf.bfloat16))


class GradientReversalTest(tf.test.TestCase):
    def test_strength_is_a_number_or_a_variable(self):
        self.assertAllClose(_gradient(GradientReversal(strength=0.1)), -0.5)
        variable = tf.Variable(1.0, trainable=False)
        layer = GradientReversal(strength=variable)
        self.assertAllClose(_gradient(layer), -5.0)
        variable.assign(2.0)
        self.assertAllClose(_gradient(layer), -10.0)

    def test_schedule_counts_training_calls_only(self):
        """The strength falls from 1 to 0 in four steps."""
        schedule = tf.keras.optimizers.schedules.PolynomialDecay(1.0, 4, 0.0)
        layer = GradientReversal(strength=schedule)
        seen = [_gradient(layer, training=training) for training in (False, True, True, False)]
        self.assertAllClose(seen, [-5.0, -5.0, -3.75, -2.5])

    def test_survives_serialisation(self):
        schedule = tf.keras.optimizers.schedules.PolynomialDecay(1.0, 4, 0.0)
        for strength in (0.5, tf.Variable(0.5, trainable=False), schedule):
            layer = GradientReversal(strength=strength)
            copy = tf.keras.layers.deserialize(tf.keras.layers.serialize(layer))
            self.assertAllClose(_gradient(copy), _gradient(layer))
            self.assertEqual(copy.get_config(), layer.get_config())


if __name__ == "__main__":
    tf.test.main()

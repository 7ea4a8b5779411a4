"""Tests of looking at a network with the averages of its weights."""

import tensorflow as tf

from rtml_tf.models.training_model import TrainingModel
from rtml_tf.runs.averaging import averaged_weights, keeps_average


class _TwoOptimizers(TrainingModel):
    """The kernel and the bias of a network have an optimizer each."""

    def __init__(self, bias_optimizer):
        image = tf.keras.Input((2,))
        embedding = tf.keras.layers.Dense(1, kernel_initializer="zeros")(image)
        super().__init__(network=tf.keras.Model(image, embedding))
        self.bias_optimizer = bias_optimizer

    def optimizers_and_variables(self):
        kernel, bias = self.network.trainable_variables
        return [(self.optimizer, [kernel]), (self.bias_optimizer, [bias])]


def _sgd(**arguments):
    return tf.keras.optimizers.SGD(1.0, **arguments)


class AveragingTest(tf.test.TestCase):
    def _after_one_step(self, optimizer, bias_optimizer):
        """A model whose every weight went from 0 to -1."""
        model = _TwoOptimizers(bias_optimizer)
        model.compile(optimizer=optimizer)
        model.prepare(num_classes=2)
        kernel, bias = model.network.trainable_variables
        model.descend([tf.ones_like(kernel), tf.ones_like(bias)])
        return model, kernel, bias

    def test_every_optimizer_gives_the_averages_of_its_own_weights(self):
        """An average starts at the weight, 0: after one step with momentum m it is -(1 - m)."""
        average = {"use_ema": True, "ema_momentum": 0.75}
        slow = {"use_ema": True, "ema_momentum": 0.875}
        model, kernel, bias = self._after_one_step(_sgd(**average), _sgd(**slow))
        self.assertTrue(keeps_average(model))
        with averaged_weights(model):
            self.assertAllClose(kernel, [[-0.25], [-0.25]])
            self.assertAllClose(bias, [-0.125])
        self.assertAllEqual(kernel, [[-1.0], [-1.0]])
        self.assertAllEqual(bias, [-1.0])

    def test_without_an_average_nothing_changes(self):
        model, kernel, _ = self._after_one_step(_sgd(), _sgd())
        self.assertFalse(keeps_average(model))
        with averaged_weights(model):
            self.assertAllEqual(kernel, [[-1.0], [-1.0]])

    def test_the_weights_come_back_after_an_error(self):
        model, kernel, _ = self._after_one_step(_sgd(use_ema=True), _sgd(use_ema=True))
        with self.assertRaisesRegex(RuntimeError, "in between"):
            with averaged_weights(model):
                raise RuntimeError("in between")
        self.assertAllEqual(kernel, [[-1.0], [-1.0]])


if __name__ == "__main__":
    tf.test.main()

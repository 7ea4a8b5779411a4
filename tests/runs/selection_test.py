"""Tests of validation that keeps the best network."""

import numpy as np
import tensorflow as tf

from rtml_tf.networks.saving import load_network
from rtml_tf.runs.checkpoint import RunState
from rtml_tf.runs.run_folder import RunFolder
from rtml_tf.runs.selection import BestNetwork
from rtml_tf.runs.workers import Workers

_STEPS = 4  # In an epoch.


class _Given:
    """Figures that stand for those of epoch after epoch."""

    figure_names = ("recall",)

    def __init__(self, figures):
        self._figures = iter(figures)

    def evaluate(self, network: tf.keras.Model) -> dict[str, float]:
        return {"recall": next(self._figures)}


class _Model(tf.keras.Model):
    """A model whose network is one bias."""

    def __init__(self):
        super().__init__()
        image = tf.keras.Input((1,))
        self.network = tf.keras.Model(image, tf.keras.layers.Dense(1)(image))

    @property
    def finished_network(self) -> tf.keras.Model:
        return self.network

    def optimizers_and_variables(self):
        return [(self.optimizer, self.network.trainable_variables)]


class BestNetworkTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = RunFolder(self.create_tempdir().full_path)
        self.state = RunState()
        self.model = _Model()
        self.model.compile(optimizer=tf.keras.optimizers.SGD())

    def _train(self, figures):
        """An epoch for each figure, from where the state stands; biases are numbers of epochs."""
        callback = BestNetwork(
            evaluation=_Given(figures),
            figure="recall",
            higher_is_better=True,
            every_epochs=1,
            patience=None,
            state=self.state,
            folder=self.folder,
            epochs=99,
            workers=Workers(),
        )
        callback.set_model(self.model)
        callback.set_params({"steps": _STEPS})
        callback.on_train_begin()
        first = int(self.state.step.numpy()) // _STEPS
        for epoch in range(first, first + len(figures)):
            self.model.network.trainable_variables[1].assign([epoch + 1.0])
            self.state.step.assign(_STEPS * (epoch + 1))
            callback.on_epoch_end(epoch, {})

    def _assert_best(self, epoch, value, stale):
        self.assertEqual(int(self.state.best_epoch.numpy()), epoch)
        self.assertEqual(float(self.state.best_value.numpy()), value)
        self.assertEqual(int(self.state.stale_validations.numpy()), stale)
        network = load_network(self.folder.network)
        self.assertEqual(float(network(np.zeros([1, 1]))[0, 0]), epoch)

    def test_keeps_the_best(self):
        self._train([0.5, 0.7, 0.6])
        self._assert_best(epoch=2, value=0.7, stale=1)

    def test_a_resumed_run_goes_on_with_its_best(self):
        self._train([0.5, 0.7, 0.6])
        self._train([0.6, 0.65])
        self._assert_best(epoch=2, value=0.7, stale=3)

    def test_the_network_of_an_epoch_that_is_trained_again_is_no_longer_the_best(self):
        """Epoch 3 was lost and comes out worse: the network of epoch 1 is gone, too."""
        self._train([0.5, 0.4])
        lost = [tf.identity(variable) for variable in self.state.variables]
        self._train([0.9])
        for variable, value in zip(self.state.variables, lost):
            variable.assign(value)
        with self.assertLogs(level="WARNING") as logs:
            self._train([0.3, 0.2])
        self.assertRegex(logs.output[0], "keras is of an epoch that is trained again;.* 3 on")
        self._assert_best(epoch=3, value=0.3, stale=1)


if __name__ == "__main__":
    tf.test.main()

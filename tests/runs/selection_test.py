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
        self.biases = []  # Of the networks that were evaluated.

    def evaluate(self, network: tf.keras.Model) -> dict[str, float]:
        self.biases.append(_bias(network))
        return {"recall": next(self._figures)}


def _bias(network):
    return float(network(np.zeros([1, 1]))[0, 0])


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

    def _callback(self, evaluation, **options):
        arguments = {"higher_is_better": True, "every_epochs": 1, "epochs": 99, **options}
        callback = BestNetwork(
            evaluation=evaluation,
            figure="recall",
            patience=None,
            state=self.state,
            folder=self.folder,
            workers=Workers(),
            **arguments,
        )
        callback.set_model(self.model)
        callback.set_params({"steps": _STEPS})
        callback.on_train_begin()
        return callback

    def _train(self, figures, *, trained=None, **options):
        """Epochs from where the state stands, one for each figure; biases are their numbers.

        Args:
            figures: Of one evaluation after another.
            trained: How many epochs; None: as many as figures.
            **options: Of `BestNetwork`.

        Returns:
            The epochs that were evaluated.
        """
        evaluation = _Given(figures)
        callback = self._callback(evaluation, **options)
        first = int(self.state.step.numpy()) // _STEPS
        for epoch in range(first, first + (trained or len(figures))):
            self.model.network.trainable_variables[1].assign([epoch + 1.0])
            self.state.step.assign(_STEPS * (epoch + 1))
            callback.on_epoch_end(epoch, {})
        return evaluation.biases

    def _assert_best(self, epoch, value, stale):
        self.assertEqual(int(self.state.best_epoch.numpy()), epoch)
        self.assertEqual(float(self.state.best_value.numpy()), value)
        self.assertEqual(int(self.state.stale_validations.numpy()), stale)
        self.assertEqual(_bias(load_network(self.folder.network)), epoch)

    def test_keeps_the_best(self):
        self._train([0.5, 0.7, 0.6])
        self._assert_best(epoch=2, value=0.7, stale=1)

    def test_keeps_the_lowest_where_lower_is_better(self):
        self._train([0.5, 0.25, 0.4], higher_is_better=False)
        self._assert_best(epoch=2, value=0.25, stale=1)

    def test_evaluates_every_so_many_epochs_and_the_last(self):
        evaluated = self._train([0.5, 0.3, 0.75], trained=5, every_epochs=2, epochs=5)
        self.assertEqual(evaluated, [2, 4, 5])
        self._assert_best(epoch=5, value=0.75, stale=0)

    def test_a_figure_that_is_no_number_is_never_better(self):
        self._train([float("nan"), 0.25, float("nan")])
        self._assert_best(epoch=2, value=0.25, stale=1)

    def test_evaluates_and_keeps_the_average_where_the_optimizer_has_one(self):
        """With a momentum of 1/2, of the biases 1, 2 and 3 after one that was 0."""
        optimizer = tf.keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
        self.model.compile(optimizer=optimizer)
        variables = self.model.network.trainable_variables
        optimizer.build(variables)
        evaluation = _Given([0.5, 0.7, 0.6])
        callback = self._callback(evaluation)
        for epoch in range(3):
            optimizer.apply_gradients(zip([tf.zeros([1, 1]), -tf.ones([1])], variables))
            callback.on_epoch_end(epoch, {})
        self.assertAllClose(evaluation.biases, [0.5, 1.25, 2.125])
        self.assertAllClose(_bias(load_network(self.folder.network)), 1.25)
        self.assertAllClose(variables[1], [3.0])

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

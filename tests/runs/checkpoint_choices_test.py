"""Tests of the networks that other choices of the checkpoint would have given."""

import os
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.networks.fingerprint import network_fingerprint
from rtml_tf.networks.saving import load_network
from rtml_tf.runs.checkpoint import RunState
from rtml_tf.runs.checkpoint_choices import CheckpointChoices, Choice
from rtml_tf.runs.run_folder import RunFolder, read_json
from rtml_tf.runs.workers import Workers


class _Bias:
    """Figures of a network of one bias: `bias`, and its distance from 2."""

    figure_names = ("bias", "distance")

    def __init__(self):
        self.calls = 0

    def evaluate(self, network: tf.keras.Model) -> dict[str, float]:
        self.calls += 1
        bias = float(network(tf.zeros([1, 1]))[0, 0])
        return {"bias": bias, "distance": abs(bias - 2.0)}


class _Model(tf.keras.Model):
    """A model whose network is a dense layer from one number to one."""

    def __init__(self):
        super().__init__()
        image = tf.keras.Input((1,))
        self.network = tf.keras.Model(image, tf.keras.layers.Dense(1)(image))
        self.step = tf.Variable(0, dtype=tf.int64)  # Two gradient steps are taken with each batch.

    @property
    def finished_network(self) -> tf.keras.Model:
        return self.network

    def optimizers_and_variables(self):
        return [(self.optimizer, self.network.trainable_variables)]


class CheckpointChoicesTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._folder = RunFolder(self.create_tempdir().full_path)
        self._state = RunState()
        self._evaluation = _Bias()

    def _callback(self, model, *, evaluation=None) -> CheckpointChoices:
        evaluation = evaluation or self._evaluation
        choices = {
            "largest": Choice(evaluation=evaluation, figure="bias"),
            "nearest": Choice(evaluation=evaluation, figure="distance", higher_is_better=False),
        }
        callback = CheckpointChoices(choices=choices, evaluations={"test": _Bias()})
        callback.use_folder(self._folder)
        callback.use_state(self._state)
        callback.set_model(model)
        callback.set_params({"steps": 5})
        return callback

    def _train(self, callback, model, biases, first_epoch: int = 0) -> list[dict]:
        """An epoch for each bias."""
        logs = []
        callback.on_train_begin()
        for epoch, bias in enumerate(biases, start=first_epoch):
            model.network.trainable_variables[1].assign([bias])
            self._state.step.assign(5 * (epoch + 1))
            model.step.assign(10 * (epoch + 1))
            logs.append({})
            callback.on_epoch_end(epoch, logs[-1])
        return logs

    def _bias_of(self, name: str) -> float:
        network = load_network(os.path.join(self._folder.path, "choices", f"{name}.keras"))
        return _Bias().evaluate(network)["bias"]

    def test_keeps_the_network_of_each_choice_and_the_last(self):
        model = _Model()
        model.compile(optimizer=tf.keras.optimizers.SGD())
        callback = self._callback(model)
        logs = self._train(callback, model, [1.0, 3.5, 2.25, 3.0])
        callback.on_train_end()
        self.assertEqual(self._evaluation.calls, 4)  # One for both choices.
        self.assertEqual(logs[1]["validation/largest/bias"], 3.5)
        self.assertEqual(logs[1]["validation/nearest/distance"], 1.5)
        self.assertEqual(
            {name: self._bias_of(name) for name in ("largest", "nearest", "last")},
            {"largest": 3.5, "nearest": 2.25, "last": 3.0},
        )
        written = read_json(self._folder.path / "choices.json")
        for name, entry in written.items():
            network = load_network(self._folder.path / "choices" / f"{name}.keras")
            self.assertEqual(entry.pop("network"), network_fingerprint(network))
        self.assertEqual(
            written,
            {
                "largest": {
                    "epoch": 2,
                    "value": 3.5,
                    "figures": {"test": {"bias": 3.5, "distance": 1.5}},
                },
                "nearest": {
                    "epoch": 3,
                    "value": 0.25,
                    "figures": {"test": {"bias": 2.25, "distance": 0.25}},
                },
                "last": {"epoch": 4, "figures": {"test": {"bias": 3.0, "distance": 1.0}}},
            },
        )

    def test_evaluations_of_the_end_are_not_made_twice(self):
        """The third of three networks cannot be evaluated; then the run is resumed."""
        model = _Model()
        model.compile(optimizer=tf.keras.optimizers.SGD())
        callback = self._callback(model)
        self._train(callback, model, [1.0, 3.5])
        evaluate = _Bias.evaluate
        calls = []

        def fails_at_the_third(evaluation, network):
            calls.append(evaluate(evaluation, network)["bias"])
            if len(calls) == 3:
                raise OSError("the disk is full.")
            return evaluate(evaluation, network)

        with mock.patch.object(_Bias, "evaluate", fails_at_the_third):
            with self.assertRaisesRegex(OSError, "disk is full"):
                callback.on_train_end()
            callback = self._callback(model)
            callback.on_train_begin()
            callback.on_train_end()
            self.assertEqual(calls, [3.5, 1.0, 3.5, 3.5])
            model.network.trainable_variables[1].assign([7.0])
            callback.on_train_end()
        self.assertEqual(calls[4:], [7.0])
        last = read_json(self._folder.path / "choices.json")["last"]
        self.assertEqual(last["figures"]["test"]["bias"], 7.0)

    def test_a_resumed_run_goes_on_with_its_choices(self):
        model = _Model()
        model.compile(optimizer=tf.keras.optimizers.SGD())
        self._train(self._callback(model), model, [1.0, 3.5])
        callback = self._callback(model)
        self._train(callback, model, [3.25, 2.0], first_epoch=2)
        callback.on_train_end()
        self.assertEqual([self._bias_of(name) for name in ("largest", "nearest")], [3.5, 2.0])

    def test_goes_by_the_figures_of_the_first_worker(self):
        """For which the first epoch has the largest bias and the second is nearest to 2."""
        model = _Model()
        model.compile(optimizer=tf.keras.optimizers.SGD())
        callback = self._callback(model)
        theirs = iter([{"bias": 9.0, "distance": 7.0}, {"bias": 2.0, "distance": 0.0}])
        with mock.patch.object(Workers, "figures_of_chief", lambda *_: next(theirs)):
            logs = self._train(callback, model, [2.0, 3.5])
        self.assertEqual(logs[0]["validation/largest/bias"], 9.0)
        self.assertEqual([self._bias_of(name) for name in ("largest", "nearest")], [2.0, 3.5])

    def test_networks_are_averages_but_for_the_last_as_it_is(self):
        model = _Model()
        optimizer = tf.keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
        model.compile(optimizer=optimizer)
        optimizer.build(model.network.trainable_variables)
        callback = self._callback(model)
        callback.on_train_begin()
        for epoch in range(3):  # Two steps up by 1 each time: 2, 4, 6.
            for _ in range(2):
                gradients = [tf.zeros([1, 1]), -tf.ones([1])]
                optimizer.apply_gradients(zip(gradients, model.network.trainable_variables))
            self._state.step.assign(5 * (epoch + 1))
            model.step.assign(10 * (epoch + 1))
            callback.on_epoch_end(epoch, {})
        callback.on_train_end()
        average = 0.0
        for bias in range(1, 7):
            average = 0.5 * average + 0.5 * bias
        self.assertAlmostEqual(self._bias_of("largest"), average, places=5)
        self.assertAlmostEqual(self._bias_of("last"), average, places=5)
        self.assertEqual(self._bias_of("last, not averaged"), 6.0)
        self.assertAllClose(model.network.trainable_variables[1], np.array([6.0]))

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "no figure 'miou'. It has: bias, distance"):
            Choice(evaluation=self._evaluation, figure="miou")
        choice = Choice(evaluation=self._evaluation, figure="bias")
        with self.assertRaisesRegex(ValueError, "must not be named 'last'"):
            CheckpointChoices(choices={"last": choice}, evaluations={})
        with self.assertRaisesRegex(ValueError, "every_epochs must be at least 1, got 0"):
            CheckpointChoices(choices={}, evaluations={}, every_epochs=0)
        with self.assertRaisesRegex(ValueError, "needs use_folder and use_state to be called"):
            CheckpointChoices(choices={}, evaluations={}).on_train_begin()


if __name__ == "__main__":
    tf.test.main()

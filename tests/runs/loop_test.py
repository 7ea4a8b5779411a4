"""Tests of what callbacks see and do in a run, and of epochs that are counted."""

import csv
import os
import pathlib
import signal

import numpy as np
import tensorflow as tf

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.batches import TrainingBatches
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses.contrastive import ContrastiveLoss
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.runs.training import RunInterrupted, train

_STEPS = 2  # In an epoch.


class _Constant:
    """A figure that never becomes better."""

    figure_names = ("figure",)

    def evaluate(self, network):
        del network
        return {"figure": 0.5}


class _SignalAt(tf.keras.callbacks.Callback):
    """Sends this process SIGTERM at the end of an epoch (from 0), or of training (None)."""

    def __init__(self, epoch):
        super().__init__()
        self._when = str(epoch)

    def on_epoch_end(self, epoch, logs=None):
        if str(epoch) == self._when:
            os.kill(os.getpid(), signal.SIGTERM)

    def on_train_end(self, logs=None):
        if self._when == "None":
            os.kill(os.getpid(), signal.SIGTERM)


def _source():
    images = np.random.default_rng(0).uniform(size=(8, 4, 4, 1)).astype(np.float32)
    return ArraySource(
        keys=[str(number) for number in range(8)],
        array=images,
        labels=np.arange(8) % 4,
        class_names=["a", "b", "c", "d"],
    )


class TrainingLoopTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def train(self, run, *, steps_per_epoch=_STEPS, **arguments):
        image = tf.keras.Input((4, 4, 1), name="image")
        embedding = tf.keras.layers.Dense(2)(tf.keras.layers.Flatten()(image))
        batches = TrainingBatches(
            source=_source(),
            sampler=PKSampler(classes_per_batch=2, images_per_class=2),
            steps_per_epoch=steps_per_epoch,
        )
        return train(
            run_dir=str(self.folder / run),
            model=MetricModel(
                network=tf.keras.Model(image, L2Normalization()(embedding)), loss=ContrastiveLoss()
            ),
            optimizer=tf.keras.optimizers.SGD(1.0),
            train_data=batches,
            **{"epochs": 4, "evaluate_untrained": False, **arguments},
        )

    def column(self, run, name):
        with open(self.folder / run / "log.csv", newline="", encoding="utf-8") as file:
            return [float(row[name]) for row in csv.DictReader(file)]

    def test_callbacks_see_the_validation_and_go_on_counting_when_resumed(self):
        """With a patience of 2 the rate falls after the third of figures that are all equal."""

        def arguments(*callbacks):
            plateau = tf.keras.callbacks.ReduceLROnPlateau(
                monitor="validation/figure", mode="max", factor=0.5, patience=2
            )
            validation = {"validation": _Constant(), "select_by": "figure"}
            return {"callbacks": [plateau, *callbacks], **validation}

        self.train("whole", **arguments())
        with self.assertRaisesRegex(RunInterrupted, "after step 4"):
            self.train("parts", **arguments(_SignalAt(1)))
        self.train("parts", **arguments())
        for run in ("whole", "parts"):
            self.assertEqual(self.column(run, "learning_rate"), [1.0, 1.0, 0.5, 0.5])

    def test_a_signal_at_the_end_of_training_stops_before_the_evaluations(self):
        with self.assertRaisesRegex(RunInterrupted, "SIGTERM after step 8"):
            self.train("run", callbacks=[_SignalAt(None)])
        self.assertFalse((self.folder / "run" / "metrics.json").exists())
        self.assertEqual(self.train("run")["training"]["steps"], 8)

    def test_training_that_a_callback_stops_ends_with_the_epoch(self):
        class Stop(tf.keras.callbacks.Callback):
            def on_train_batch_begin(self, batch, logs=None):
                self.model.stop_training = True

        self.assertEqual(self.train("run", callbacks=[Stop()])["training"]["steps"], _STEPS)

    def test_a_run_does_not_go_on_with_epochs_of_another_length(self):
        self.train("run", epochs=1)
        (self.folder / "run" / "metrics.json").unlink()
        with self.assertRaisesRegex(ValueError, "has epochs of 2 steps, got data with epochs of 1"):
            self.train("run", steps_per_epoch=1)


if __name__ == "__main__":
    tf.test.main()

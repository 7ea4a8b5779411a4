"""Tests of how a run counts its epochs."""

import pathlib

import numpy as np
import tensorflow as tf

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.batches import TrainingBatches
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses.contrastive import ContrastiveLoss
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.runs.training import train

_STEPS = 2  # In an epoch.


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

    def test_a_run_does_not_go_on_with_epochs_of_another_length(self):
        self.train("run", epochs=1)
        (self.folder / "run" / "metrics.json").unlink()
        with self.assertRaisesRegex(ValueError, "has epochs of 2 steps, got data with epochs of 1"):
            self.train("run", steps_per_epoch=1)


if __name__ == "__main__":
    tf.test.main()

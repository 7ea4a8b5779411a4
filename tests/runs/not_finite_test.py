"""Tests of runs whose data makes the loss not finite."""

import csv
import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from rtml_tf.data.batches import TrainingBatches
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.data.source import ImageSource
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses.multi_similarity import MultiSimilarityLoss
from rtml_tf.models.metric_model import MetricModel
from rtml_tf.networks.saving import load_network
from rtml_tf.runs.not_finite import NotFiniteError
from rtml_tf.runs.training import train

_BROKEN = 4


class _OneBrokenImage(ImageSource):
    """Four classes of three images, one of which is not a number."""

    def __init__(self):
        images = np.random.default_rng(0).uniform(size=(12, 2, 2, 1)).astype(np.float32)
        images[_BROKEN] = np.nan
        self._images = tf.constant(images)
        self.labels = np.repeat(np.arange(4), 3).astype(np.int32)
        self.class_names = tuple("abcd")
        self.keys = tuple(map(str, range(12)))
        self.image_shape = (2, 2, 1)

    def load(self, index):
        return self._images[index]


def _network():
    tf.keras.utils.set_random_seed(0)
    image = tf.keras.Input((2, 2, 1), name="image")
    embedding = tf.keras.layers.Dense(3, name="dense")(tf.keras.layers.Flatten()(image))
    return tf.keras.Model(image, L2Normalization()(embedding))


def _data():
    sampler = PKSampler(classes_per_batch=2, images_per_class=2)
    return TrainingBatches(source=_OneBrokenImage(), sampler=sampler, steps_per_epoch=20)


def _train(folder, **changes):
    arguments = {
        "model": MetricModel(network=_network(), loss=MultiSimilarityLoss()),
        "optimizer": tf.keras.optimizers.SGD(0.1),
        "train_data": _data(),
        "epochs": 2,
        **changes,
    }
    return train(run_dir=str(folder), **arguments)


def _broken_steps(steps):
    """The steps whose batch holds the broken image."""
    batches = _data().dataset().take(steps).as_numpy_iterator()
    return [step for step, batch in enumerate(batches) if np.isnan(batch["image"]).any()]


class NotFiniteTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path) / "run"

    def test_steps_are_skipped_and_counted(self):
        model = MetricModel(network=_network(), loss=MultiSimilarityLoss())
        metrics = _train(self.folder, model=model, stop_after_skipped_steps=None)
        skipped = _broken_steps(40)
        self.assertBetween(len(skipped), 5, 35)  # Some, and not all.
        self.assertEqual(metrics["training"]["skipped_steps"], len(skipped))
        with open(self.folder / "log.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        counts = [len(_broken_steps(20)), len(skipped)]
        self.assertEqual([float(row["skipped_steps"]) for row in rows], counts)
        self.assertTrue(all(np.isfinite(float(row["loss"])) for row in rows))
        (events,) = (self.folder / "tensorboard").glob("events*")
        tags = {
            v.tag for e in tf.compat.v1.train.summary_iterator(str(events)) for v in e.summary.value
        }
        self.assertIn("training/skipped_steps", tags)

        by_hand = MetricModel(network=_network(), loss=MultiSimilarityLoss())
        by_hand.compile(optimizer=tf.keras.optimizers.SGD(0.1))
        for step, batch in enumerate(_data().dataset().take(40)):
            if step not in skipped:
                by_hand.train_step(batch)
        trained = load_network(self.folder / "network.keras").get_weights()
        for mine, others in zip(trained, by_hand.network.get_weights(), strict=True):
            np.testing.assert_allclose(mine, others, rtol=1e-5)

    def test_the_run_stops_and_leaves_the_batch(self):
        model = MetricModel(network=_network(), loss=MultiSimilarityLoss())
        step = _broken_steps(20)[0]
        with self.assertRaisesRegex(
            NotFiniteError,
            rf"stopped after step {step}: the loss or a gradient of the next step was not finite "
            r"\(loss .*; not finite: the gradients of .*dense/bias",
        ):
            _train(self.folder, model=model, stop_after_skipped_steps=1)
        self.assertFalse((self.folder / "network.keras").exists())
        with np.load(self.folder / f"not_finite_after_step_{step}.npz") as saved:
            self.assertEqual(saved["step"], step)
            loss = float(saved["loss"])
            self.assertSameElements(
                saved["gradients"].tolist(), [v.name for v in model.network.trainable_variables]
            )
            images, labels = saved["image"], saved["label"]
        batch = next(iter(_data().dataset(start_step=step)))
        np.testing.assert_array_equal(images, batch["image"])
        np.testing.assert_array_equal(labels, batch["label"])

        by_hand = MetricModel(network=_network(), loss=MultiSimilarityLoss())
        by_hand.compile(optimizer=tf.keras.optimizers.SGD(0.1))
        for batch in _data().dataset().take(step):
            by_hand.train_step(batch)
        weights = (model.network.get_weights(), by_hand.network.get_weights())
        for mine, others in zip(*weights, strict=True):
            np.testing.assert_allclose(mine, others, rtol=1e-5)
        embeddings = by_hand.network(images)
        np.testing.assert_allclose(loss, by_hand.metric_loss(embeddings, labels), rtol=1e-4)

    def test_no_steps_at_all_are_too_few(self):
        with self.assertRaisesRegex(ValueError, "at least 1 step, or None .*, got 0"):
            _train(self.folder, stop_after_skipped_steps=0)
        self.assertFalse(self.folder.exists())


if __name__ == "__main__":
    absltest.main()

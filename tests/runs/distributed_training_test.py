"""Tests of a whole run on two replicas of this machine, and of what it is configured with."""

import csv
import os
import pathlib
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.batches import TrainingBatches
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.evaluation.retrieval import RetrievalEvaluation
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses.margin_softmax import ArcFaceLoss
from rtml_tf.losses.partial_softmax import PartialSoftmaxLoss
from rtml_tf.models.joint_adversarial import JointAdversarialModel
from rtml_tf.networks.batch_norm_modes import synchronize_batch_norm
from rtml_tf.networks.saving import load_network
from rtml_tf.runs import pipeline
from rtml_tf.runs.attack_pictures import AttackPictures
from rtml_tf.runs.replicated_batches import ReplicatedBatches
from rtml_tf.runs.runtime import distributed
from rtml_tf.runs.strategies import (
    Mirrored,
    MultiWorkerMirrored,
    check_cluster_is_used,
    join_cluster,
)
from rtml_tf.runs.training import train
from tests import two_cpus


def setUpModule():
    two_cpus.start()


def _two_replicas():
    return Mirrored(
        devices=("CPU:0", "CPU:1"), cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def _source():
    rng = np.random.default_rng(0)
    labels = np.arange(24) % 6
    patterns = rng.uniform(0.2, 0.8, size=(6, 4, 4, 1))
    images = patterns[labels] + rng.uniform(-0.2, 0.2, size=(24, 4, 4, 1))
    return ArraySource(
        keys=[str(number) for number in range(24)],
        array=images.astype(np.float32),
        labels=labels,
        class_names=[f"class {label}" for label in range(6)],
    )


def _batches(source):
    sampler = PKSampler(classes_per_batch=4, images_per_class=2)
    return TrainingBatches(source=source, sampler=sampler, steps_per_epoch=2)


def _divided_arcface():
    return PartialSoftmaxLoss(loss=ArcFaceLoss(), sample_rate=1.0)


def _network():
    image = tf.keras.Input((4, 4, 1), name="image")
    features = tf.keras.layers.Conv2D(4, 3, name="conv")(image)
    features = tf.keras.layers.BatchNormalization(name="norm")(features)
    features = tf.keras.layers.Flatten(name="flat")(tf.keras.layers.ReLU(name="relu")(features))
    outputs = L2Normalization(name="length")(tf.keras.layers.Dense(4, name="dense")(features))
    return synchronize_batch_norm(network=tf.keras.Model(image, outputs))


class DistributedTrainingTest(tf.test.TestCase, parameterized.TestCase):
    def train(self, strategy, folder, *, epochs, loss=ArcFaceLoss):
        """Trains on a strategy, built as the binary builds it."""
        with distributed(strategy=strategy):
            tf.keras.utils.set_random_seed(0)
            source = _source()
            train(
                run_dir=str(folder),
                model=JointAdversarialModel(
                    network=_network(),
                    loss=loss(),
                    attack=ProjectedGradientDescent(epsilon=0.05, steps=2, random_start=False),
                ),
                optimizer=tf.keras.optimizers.SGD(0.1, use_ema=True),
                train_data=_batches(source),
                validation=RetrievalEvaluation(source=source),
                select_by="alignment",
                higher_is_better=False,
                evaluate_untrained=False,
                callbacks=[AttackPictures(source=source, count=2, every_steps=2)],
                epochs=epochs,
            )

    @parameterized.parameters((ArcFaceLoss, _two_replicas), (_divided_arcface, lambda: None))
    def test_a_run_on_two_replicas_is_the_run_on_one_device_also_when_resumed(
        self, loss, strategy_of_the_last_epoch
    ):
        """Class weights that were divided are put together again where there is one device."""
        folder = pathlib.Path(self.create_tempdir().full_path)
        self.train(None, folder / "one", epochs=3, loss=loss)
        self.train(_two_replicas(), folder / "two", epochs=2, loss=loss)
        (folder / "two" / "metrics.json").unlink()
        self.train(strategy_of_the_last_epoch(), folder / "two", epochs=3, loss=loss)
        logs = []
        for run in ("one", "two"):
            with open(folder / run / "log.csv", encoding="utf-8") as file:
                logs.append(list(csv.DictReader(file)))
        self.assertLen(logs[0], 3)
        for name in set(logs[0][0]) - {"seconds", "images_per_second"}:
            if name.endswith("positive_similarity") or name.endswith("negative_similarity"):
                continue  # Of the pairs of each replica.
            ours, theirs = ([float(row[name]) for row in log] for log in logs)
            self.assertAllClose(ours, theirs, atol=1e-3, msg=name)
        weights = (load_network(folder / run / "network.keras") for run in ("one", "two"))
        self.assertAllClose(*(network.get_weights() for network in weights), atol=1e-4)

    @parameterized.parameters(False, True)
    def test_replicas_get_rows_of_one_batch_or_a_batch_each(self, batch_per_replica):
        batches = _batches(_source())
        with distributed(strategy=_two_replicas()):
            replicated = ReplicatedBatches(batches, batch_per_replica=batch_per_replica)
            parts = next(iter(replicated.distributed(start_step=1)))
            (whole,) = replicated.dataset(start_step=1).take(1)
        images = parts["image"].values
        self.assertAllEqual(tf.concat(images, axis=0), whole["image"])
        self.assertEqual(replicated.element_spec["image"].shape, images[0].shape)
        self.assertEqual(replicated.steps_per_epoch, 1 if batch_per_replica else 2)
        self.assertEqual(replicated.batch_size, 16 if batch_per_replica else 8)
        self.assertLen(whole["image"], replicated.batch_size)

    def test_stages_stay_on_the_replicas_but_for_those_that_know_one_device(self):
        seen = {}

        def stage(name):
            def run(**arguments):
                del arguments
                tf.keras.layers.Dense(1).build((None, 1))
                seen[name] = tf.distribute.get_strategy().num_replicas_in_sync
                return {"networks": {}}

            return run

        stages = {name: stage(name) for name in ("first", "export", "last")}
        stages["export"].on_one_device = True
        folder = self.create_tempdir().full_path
        with distributed(strategy=_two_replicas()):
            pipeline.run(run_dir=folder, stages=list(stages.items()))
        self.assertEqual(seen, {"first": 2, "export": 1, "last": 2})


class StrategiesTest(tf.test.TestCase):
    def test_refuses_devices_that_are_not_there(self):
        with self.assertRaisesRegex(
            ValueError, "there is no device GPU:98, GPU:99; this machine has CPU:0"
        ):
            Mirrored(devices=("GPU:98", "GPU:99")).start()
        with self.assertRaisesRegex(ValueError, "devices must be different names"):
            Mirrored(devices=("GPU:0", "GPU:0"))

    def test_a_cluster_that_is_not_used_is_told(self):
        with self.assertRaisesRegex(ValueError, "names 2 machines, but .* in force has 1 worker:"):
            check_cluster_is_used(workers=["first:1", "second:1"])
        with self.assertNoLogs(level="WARNING"), mock.patch.dict(os.environ, TF_CONFIG=""):
            check_cluster_is_used(workers=["first:1"])
            check_cluster_is_used(workers=None)
        with mock.patch.dict(os.environ, TF_CONFIG="{}"):
            with self.assertLogs(level="WARNING") as logs, distributed(strategy=_two_replicas()):
                check_cluster_is_used(workers=None)
        self.assertRegex(logs.output[0], "TF_CONFIG is set, but .*: this machine works alone")

    def test_refuses_clusters_that_are_none(self):
        self.addCleanup(os.environ.pop, "TF_CONFIG", None)
        os.environ.pop("TF_CONFIG", None)
        with self.assertRaisesRegex(ValueError, "there is no cluster: give --workers="):
            MultiWorkerMirrored().start()
        os.environ["TF_CONFIG"] = "{}"
        with self.assertRaisesRegex(ValueError, "TF_CONFIG must be .*got {}"):
            MultiWorkerMirrored().start()
        for workers, index, message in (
            (["first"], 0, "workers must be addresses host:port, got 'first'"),
            (["first:1", "first:1"], 0, "workers must differ, got first:1, first:1"),
            (["first:1", "second:1"], 2, r"must be in \[0, 2\), as there are 2 workers, got 2"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                join_cluster(workers=workers, index=index)


if __name__ == "__main__":
    tf.test.main()

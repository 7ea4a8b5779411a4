"""Two programs over loopback train one network, as one program does alone."""

# bazel: size = "large"
# bazel: data = ["//rtml_tf:train"]

import csv
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from benchmarks.free_addresses import free_addresses
from rtml_tf.networks.saving import load_network

_EXPERIMENT = """
from __gin__ import dynamic_registration
import tensorflow as tf
from rtml_tf.data import batches
from rtml_tf.data import image_folder
from rtml_tf.data import pk_sampler
from rtml_tf.evaluation import retrieval
from rtml_tf.losses import partial_softmax
from rtml_tf.models import metric_model
from rtml_tf.networks import batch_norm_modes
from rtml_tf.networks import resnet
from rtml_tf.runs import training

include "gin_configs/losses/partial_arcface.gin"

image_folder.ImageFolder.root = "images"
image_folder.ImageFolder.image_size = (8, 8)
image_folder.ImageFolder.channels = 1
retrieval.RetrievalEvaluation.source = @image_folder.ImageFolder()
retrieval.RetrievalEvaluation.batch_size = 8  # the workers divide three batches
batches.TrainingBatches.source = @image_folder.ImageFolder()
batches.TrainingBatches.sampler = @pk_sampler.PKSampler()
batches.TrainingBatches.steps_per_epoch = 2
pk_sampler.PKSampler.classes_per_batch = 4
pk_sampler.PKSampler.images_per_class = 2
metric_model.MetricModel.network = @batch_norm_modes.synchronize_batch_norm()
metric_model.MetricModel.loss = %LOSS
partial_softmax.PartialSoftmaxLoss.sample_rate = 1.0
batch_norm_modes.synchronize_batch_norm.network = @resnet.cifar_resnet()
resnet.cifar_resnet.input_shape = (8, 8, 1)
resnet.cifar_resnet.width = 0.25
tf.keras.optimizers.SGD.learning_rate = 0.05
training.train.model = @metric_model.MetricModel()
training.train.optimizer = @tf.keras.optimizers.SGD()
training.train.train_data = @batches.TrainingBatches()
training.train.validation = @retrieval.RetrievalEvaluation()
training.train.select_by = "alignment"
training.train.higher_is_better = False
training.train.epochs = 6
"""


class TwoWorkersTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        rng = np.random.default_rng(0)
        for label in range(5):
            pattern = rng.uniform(size=(8, 8, 1))
            (self.folder / "images" / f"class{label}").mkdir(parents=True)
            for number in range(4):
                image = 255 * np.clip(pattern + rng.normal(0, 0.2, size=(8, 8, 1)), 0, 1)
                tf.io.write_file(
                    str(self.folder / "images" / f"class{label}" / f"{number}.png"),
                    tf.io.encode_png(tf.cast(image, tf.uint8)),
                )
        (self.folder / "experiment.gin").write_text(_EXPERIMENT, encoding="utf-8")
        (self.folder / "tmp").mkdir()

    def start(self, *flags):
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "BUILD_WORKING_DIRECTORY": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "MPLCONFIGDIR": str(self.folder / "matplotlib"),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "rtml_tf.train", "--gin_file=experiment.gin", *flags],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start_workers(self, count, *flags):
        self.addresses = free_addresses(count)
        return [
            self.start(
                "--gin_file=gin_configs/distribution/multi_worker.gin",
                f"--workers={','.join(self.addresses)}",
                f"--worker_index={index}",
                *flags,
            )
            for index in range(count)
        ]

    def start_two(self, *flags):
        return self.start_workers(2, "--run_dir=two", *flags)

    def finish(self, process):
        output, errors = process.communicate(timeout=300)
        return process.returncode, output, errors

    def rows(self, run):
        with open(self.folder / run / "log.csv", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_two_workers_that_are_stopped_and_resumed_train_what_one_does(self):
        """Class weights are divided: what each worker goes on with comes from both."""
        one, workers = self.start("--run_dir=one"), self.start_two()
        while workers[0].poll() is None and not (self.folder / "two" / "log.csv").exists():
            time.sleep(0.01)
        workers[1].send_signal(signal.SIGTERM)  # The other learns of it.
        for code, _, errors in map(self.finish, workers):
            self.assertEqual(code, 128 + signal.SIGTERM, errors)
        self.assertFalse((self.folder / "two" / "metrics.json").exists())
        stopped_after = len(self.rows("two"))
        code, _, errors = self.finish(one)
        self.assertEqual(code, 0, errors)
        shutil.copytree(self.folder / "two", self.folder / "two_then_one")

        codes, outputs, errors = zip(*map(self.finish, self.start_two()))
        self.assertEqual(codes, (0, 0), errors)
        self.assertIn("Resuming two after step", outputs[0])
        self.assertEqual(outputs[1], "")  # The first speaks for all.
        self.assertEqual(list((self.folder / "tmp").glob("rtml_tf*")), [])
        (last,) = self.start_workers(1, "--run_dir=two_then_one")
        code, output, errors = self.finish(last)
        self.assertEqual(code, 0, errors)
        self.assertIn("Resuming two_then_one after step", output)

        rows = self.rows("one"), self.rows("two")
        self.assertLess(stopped_after, 6)
        for name in ("loss", "positive_similarity", "validation/alignment"):
            np.testing.assert_allclose(
                *([float(row[name]) for row in table] for table in rows), atol=1e-4
            )
        expected, *found = [
            load_network(self.folder / run / "network.keras").get_weights()
            for run in ("one", "two", "two_then_one")
        ]
        for weights in found:
            for ours, theirs in zip(weights, expected):
                np.testing.assert_allclose(ours, theirs, atol=1e-4)

    def test_a_worker_that_dies_is_named_and_both_go_on_from_the_last_checkpoint(self):
        often = "--gin_param=training.train.checkpoint_every_steps = 1"
        workers = self.start_two(often)
        while workers[0].poll() is None and not (self.folder / "two" / "log.csv").exists():
            time.sleep(0.01)
        workers[1].kill()
        self.finish(workers[1])
        code, _, errors = self.finish(workers[0])
        self.assertEqual(code, 1, errors)
        self.assertIn(f"error: worker 1 ({self.addresses[1]}) is gone or has failed", errors)
        self.assertNotIn("Traceback", errors)

        codes, outputs, errors = zip(*map(self.finish, self.start_two(often)))
        self.assertEqual(codes, (0, 0), errors)
        self.assertRegex(outputs[0], r"Resuming two after step \d+")
        self.assertLen(self.rows("two"), 6)


if __name__ == "__main__":
    absltest.main()

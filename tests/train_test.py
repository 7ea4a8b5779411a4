"""Tests of the training and evaluation binaries, through their command lines."""

# bazel: data = ["//rtml_tf:evaluate", "//rtml_tf:train"]

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from rtml_tf.networks.saving import load_network

_EXPERIMENT = """
from __gin__ import dynamic_registration
from rtml_tf.data import batches
from rtml_tf.data import image_folder
from rtml_tf.data import pk_sampler
from rtml_tf.data import random_moves
from rtml_tf.data import splits
from rtml_tf.evaluation import projector
from rtml_tf.networks import resnet
from rtml_tf.runs import training

include "gin_configs/data/class_split.gin"
include "gin_configs/networks/cifar_resnet.gin"
include "gin_configs/metric/base.gin"
include "gin_configs/losses/arcface.gin"

INPUT_SHAPE = (8, 8, 1)
image_folder.ImageFolder.root = "images"
image_folder.ImageFolder.image_size = (8, 8)
image_folder.ImageFolder.channels = 1
source/gin.singleton.constructor = @image_folder.ImageFolder
splits.class_split.fractions = {"train": 0.5, "validation": 0.25, "test": 0.25}

random_moves.RandomTranslation.max_fraction = 0.2
AUGMENTATION = [@random_moves.RandomTranslation()]
batches.TrainingBatches.steps_per_epoch = 4
pk_sampler.PKSampler.classes_per_batch = 4
resnet.cifar_resnet.width = 0.25
projector.EmbeddingProjector.limit = 16
training.train.epochs = 4
"""


def _content(run):
    """The files of a run folder, without evaluations that came later."""
    files = (file for file in run.rglob("*") if file.is_file())
    return {file: file.read_bytes() for file in files if "evaluations" not in file.parts}


class BinariesTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        rng = np.random.default_rng(0)
        for label in range(8):
            pattern = rng.uniform(0, 1, size=(8, 8, 1))
            (self.folder / "images" / f"class{label}").mkdir(parents=True)
            for number in range(5):
                image = 255 * np.clip(pattern + rng.normal(0, 0.2, size=(8, 8, 1)), 0, 1)
                tf.io.write_file(
                    str(self.folder / "images" / f"class{label}" / f"{number}.png"),
                    tf.io.encode_png(tf.cast(image, tf.uint8)),
                )
        (self.folder / "experiment.gin").write_text(_EXPERIMENT, encoding="utf-8")

    def start(self, binary, *flags):
        # As under `bazel run`: the program starts elsewhere and finds the user's folder itself.
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "BUILD_WORKING_DIRECTORY": str(self.folder),
        }
        return subprocess.Popen(
            [sys.executable, "-m", binary, *flags],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def finish(self, process):
        output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def test_a_run_that_is_killed_goes_on_as_if_nothing_had_happened(self):
        flags = ["--gin_file=experiment.gin"]
        whole = self.start("rtml_tf.train", *flags, "--run_dir=whole")
        killed = self.start("rtml_tf.train", *flags, "--run_dir=killed")
        log = self.folder / "killed" / "log.csv"
        while killed.poll() is None and not log.exists():
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
        _, output = self.finish(killed)
        self.assertEqual(killed.returncode, -signal.SIGKILL, output)
        self.assertFalse((self.folder / "killed" / "metrics.json").exists())

        code, output = self.finish(self.start("rtml_tf.train", *flags, "--run_dir=killed"))
        self.assertEqual(code, 0, output)
        code, whole_output = self.finish(whole)
        self.assertEqual(code, 0, whole_output)

        runs = [self.folder / "whole", self.folder / "killed"]
        figures = [json.loads((run / "metrics.json").read_text())["networks"] for run in runs]
        self.assertEqual(*figures)
        weights = [load_network(run / "network.keras").get_weights() for run in runs]
        for mine, others in zip(*weights):
            np.testing.assert_array_equal(mine, others)

        run = _content(self.folder / "whole")
        mirrored = ["--gin_file=gin_configs/distribution/mirrored.gin"]
        for name, devices in {"again": [], "mirrored": mirrored}.items():
            evaluation = self.start("rtml_tf.evaluate", "--run_dir=whole", *devices)
            code, output = self.finish(evaluation)
            self.assertEqual(code, 0, output)
            file = self.folder / "whole" / "evaluations" / name / "evaluation.json"
            again = json.loads(file.read_text())
            self.assertEqual(again["figures"], figures[0]["trained"])
            self.assertFalse(again["unfinished"])
        # What the run itself has written is as it was.
        self.assertEqual(_content(self.folder / "whole"), run)

    def test_a_mistake_is_one_message(self):
        code, output = self.finish(
            self.start(
                "rtml_tf.train", "--gin_file=experiment.gin", "--gin_param=training.train.epoks = 3"
            )
        )
        self.assertEqual(code, 1)
        self.assertIn("Did you mean 'epochs'?", output)
        self.assertNotIn("Traceback", output)


if __name__ == "__main__":
    absltest.main()

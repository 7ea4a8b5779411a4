"""One run that is killed, finds its disk full and is told to stop, and then ends as if untouched.

The short form of `benchmarks/faults.py`.
"""

# bazel: size = "medium"
# bazel: data = ["//rtml_tf:train"]

import json
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
from absl.testing import absltest

from rtml_tf.networks.saving import load_network
from tests.bad_input import files

_EPOCHS = 30  # Of one step.


class FaultsTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        files.write_sound_files(self.folder)

    def start(self, run):
        flags = ["--gin_file=experiment.gin", f"--run_dir={run}"]
        flags += [f"--gin_param=training.train.epochs = {_EPOCHS}"]
        flags += ["--gin_param=batches.TrainingBatches.steps_per_epoch = 1"]
        flags += ["--gin_param=training.train.validate_every = 7"]
        environment = {
            "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path]),
            "BUILD_WORKING_DIRECTORY": str(self.folder),
            # Python does not notice that a file it compiles into is cut off by a full disk.
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "rtml_tf.train", *flags],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def disturb(self, fault, step):
        """Starts the run or goes on with it, and disturbs it once it has saved a step."""
        process = self.start("disturbed")
        saved = self.folder / "disturbed" / "checkpoints" / "checkpoint"
        while process.poll() is None:
            newest = re.search(r"ckpt-(\d+)", saved.read_text()) if saved.exists() else None
            if newest and int(newest.group(1)) >= step:
                break
            time.sleep(0.002)
        fault(process)
        output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def result(self, run):
        metrics = json.loads((self.folder / run / "metrics.json").read_text())
        log = [line.split(",")[5:] for line in (self.folder / run / "log.csv").open()]
        weights = load_network(self.folder / run / "network.keras").get_weights()
        return metrics["networks"], metrics["training"]["steps"], log, weights

    def test_nothing_is_lost(self):
        whole = self.start("whole")
        killed, full, stopped = sorted(random.Random(0).sample(range(2, _EPOCHS - 10), 3))

        status, output = self.disturb(lambda p: p.send_signal(signal.SIGKILL), killed)
        self.assertEqual(status, -signal.SIGKILL, output)

        def fill_disk(process):
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))

        status, output = self.disturb(fill_disk, full)
        self.assertEqual(status, 1, output)
        self.assertRegex(output, "(?m)^error: .*File too large")
        self.assertNotIn("Traceback", output)

        status, output = self.disturb(lambda p: p.send_signal(signal.SIGTERM), stopped)
        self.assertEqual(status, 128 + signal.SIGTERM, output)
        self.assertRegex(output, r"stopped by SIGTERM after step \d+; everything is saved")

        for process in (whole, self.start("disturbed")):
            output, _ = process.communicate(timeout=300)
            self.assertEqual(process.returncode, 0, output)
        *expected, weights = self.result("whole")
        *found, disturbed_weights = self.result("disturbed")
        self.assertEqual(found, expected)
        for mine, others in zip(disturbed_weights, weights, strict=True):
            np.testing.assert_array_equal(mine, others)


if __name__ == "__main__":
    absltest.main()

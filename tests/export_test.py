"""The export of a run folder, through the command line."""

# bazel: data = ["//rtml_tf:export"]

import json
import os
import pathlib
import subprocess
import sys

from absl.testing import absltest

from rtml_tf.networks.resnet import cifar_resnet
from rtml_tf.networks.saving import save_network

_RUN = """
from __gin__ import dynamic_registration
from rtml_tf.data import glyphs

include "gin_configs/data/class_split.gin"

source/gin.singleton.constructor = @glyphs.Glyphs
glyphs.Glyphs.num_classes = 20
glyphs.Glyphs.images_per_class = 10
"""


class ExportTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def _export(self, *arguments):
        finished = subprocess.run(
            [sys.executable, "-m", "rtml_tf.export", *arguments],
            env={
                **os.environ,
                "BUILD_WORKING_DIRECTORY": str(self.folder),
                "RTML_TF_CACHE": str(self.folder / "cache"),
                "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path]),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return finished.returncode, finished.stdout + finished.stderr

    def test_a_run_folder_is_exported_as_the_shipped_file_says(self):
        (self.folder / "run").mkdir()
        (self.folder / "run" / "config.gin").write_text(_RUN)
        (self.folder / "run" / "metrics.json").write_text('{"networks": {"trained": {}}}')
        network = cifar_resnet(input_shape=(32, 32, 1), depth=8, width=0.25, embedding_size=8)
        save_network(network, self.folder / "run" / "network.keras")
        code, output = self._export(
            "--run_dir=run",
            "--output=there",
            "--gin_param=class_pairs.class_pairs.pairs = 50",
            "--gin_param=similarity_thresholds.SimilarityThresholds.false_accept_rates = (0.1,)",
            "--gin_param=parity.ParityLimits.worst_cosine = 0.5",
            "--gin_param=parity.ParityLimits.largest_drops = None",
            "--gin_param=latency.LatencyMeasurement.runs = 2",
            "--gin_param=deployed/robust_retrieval.RobustRetrievalEvaluation.limit = 2",
            "--gin_param=exporting.export.forms = {'int8': @tflite_forms.Int8()}",
        )
        self.assertEqual(code, 0, output)
        self.assertIn("network int8", output)
        report = json.loads((self.folder / "there" / "export_report.json").read_text())
        self.assertContainsSubset(
            ["recall@1 at 0", "recall@1 at 8/255"],
            report["files"]["int8"]["figures"]["unseen classes, attacked"],
        )
        self.assertLen(report["files"]["int8"]["thresholds"], 1)
        self.assertIn("class_pairs.pairs = 50", report["config"])
        metadata = json.loads((self.folder / "there" / "int8.tflite.json").read_text())
        self.assertEqual(
            metadata["provenance"],
            {
                "network_file": "run/network.keras",
                "command": "rtml-train --gin_file=run/config.gin",
                "figures": {"trained": {}},
            },
        )

    def test_a_folder_without_a_network_is_one_message(self):
        (self.folder / "empty").mkdir()
        code, output = self._export("--run_dir=empty")
        self.assertEqual(code, 1)
        self.assertIn("empty has no network.keras: it is not the folder of a finished", output)
        self.assertNotIn("Traceback", output)
        self.assertEqual(os.listdir(self.folder / "empty"), [])


if __name__ == "__main__":
    absltest.main()

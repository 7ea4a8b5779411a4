"""The shipped pipeline of RMT on a few drawn characters: stages, interruption, resumption."""

import contextlib
import csv
import io
import os
import pathlib
import signal
from unittest import mock

import gin
import tensorflow as tf
from absl.testing import absltest

from rtml_tf import configuration
from rtml_tf.networks.saving import load_network
from rtml_tf.runs import pipeline
from rtml_tf.runs.log import EpochLog
from rtml_tf.runs.training import RunInterrupted

_SMALL = [
    "glyphs.Glyphs.num_classes = 24",
    "glyphs.Glyphs.images_per_class = 6",
    "resnet.cifar_resnet.width = 0.25",
    "student/resnet.cifar_resnet.width = 0.25",
    "pk_sampler.PKSampler.classes_per_batch = 4",
    "paired_batches.PairedBatches.unlabelled_per_batch = 8",
    "STEPS_PER_EPOCH = 2",
    "training.train.epochs = 2",
    "training.train.artefacts = ()",
    "parity.ParityLimits.worst_cosine = -1.0",  # of a network of two epochs
    "parity.ParityLimits.largest_drops = None",
    "proof.Proof.memory = False",
    "similarity_thresholds.SimilarityThresholds.false_accept_rates = (0.1,)",
    "latency.LatencyMeasurement.runs = 2",
    "EVALUATIONS = {'test': @test/retrieval.RetrievalEvaluation(), 'size': @size.SizeEvaluation()}",
]
_GREY = [
    "exporting.export.forms = {'int8': @tflite_forms.Int8()}",
    "proof.Proof.attacks = None",
    "proof.Proof.attacked_files = None",
]


class RmtPipelineTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(gin.clear_config)
        self.folder = pathlib.Path(self.create_tempdir().full_path) / "run"

    def _run(self, *files, parameters=()):
        """Runs the pipeline as the binary does; returns its metrics and what it printed."""
        files = [f"gin_configs/{file}.gin" for file in ("rmt/pipeline", *files)]
        configuration.parse(files, [*_SMALL, *parameters])
        configuration.lock()
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            metrics = configuration.configured(pipeline.run)(
                run_dir=str(self.folder), describe_config=configuration.resolved
            )
        return metrics, printed.getvalue()

    def test_a_run_that_is_stopped_goes_on_in_its_stage(self):
        write_row = EpochLog.on_epoch_end

        def write_row_and_stop(log, epoch, logs):
            write_row(log, epoch, logs)
            if (self.folder / "transfer" / "log.csv").exists():
                os.kill(os.getpid(), signal.SIGTERM)

        with mock.patch.object(EpochLog, "on_epoch_end", write_row_and_stop):
            with self.assertRaisesRegex(RunInterrupted, "SIGTERM after step 2"):
                self._run(parameters=_GREY)
        source = self.folder / "source" / "network.keras"
        written = source.stat().st_mtime_ns
        self.assertFalse((self.folder / "evaluation").exists())

        metrics, printed = self._run(parameters=_GREY)

        self.assertEqual(source.stat().st_mtime_ns, written)
        self.assertIn("Resuming", printed)
        with open(self.folder / "transfer" / "log.csv", newline="", encoding="utf-8") as file:
            self.assertEqual([row["epoch"] for row in csv.DictReader(file)], ["1", "2"])
        self.assertEqual(
            list(metrics["networks"]), ["source", "transfer", "raw pixels", "transfer, int8"]
        )
        for name in ("source", "transfer", "transfer, int8"):
            self.assertGreater(metrics["networks"][name]["file"]["kB"], 1.0)
        self.assertEqual(list(metrics["training"]), ["source", "transfer"])
        sizes = {name: metrics["networks"][name]["size"] for name in metrics["training"]}
        self.assertLess(sizes["transfer"]["k parameters"], sizes["source"]["k parameters"])
        student = load_network(self.folder / "transfer" / "network.keras")
        self.assertEqual(student.input_shape, (None, 32, 32, 1))

    def test_a_student_of_local_binary_patterns_becomes_a_file(self):
        parameters = [
            "deployed/robust_retrieval.RobustRetrievalEvaluation.limit = 2",
            "training.train.epochs = 1",
        ]
        metrics, _ = self._run("transfer/student_lbp", "deployment/lbp", parameters=parameters)
        file = metrics["networks"]["transfer, dynamic_range"]
        self.assertLess(file["file"]["kB"], metrics["networks"]["transfer"]["size"]["kB"])
        self.assertIn("recall@1 at 8/255", file["unseen classes, attacked"])


if __name__ == "__main__":
    absltest.main()

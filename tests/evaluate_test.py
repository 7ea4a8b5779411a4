"""Evaluations of the stages of a run, through the command line."""

# bazel: data = ["//rtml_tf:evaluate", "//rtml_tf:train"]

import json
import os
import pathlib
import shutil
import tempfile

import gin
from absl.testing import absltest

from tests.bad_input import files
from tests.in_process import binary

_STAGES = """
from __gin__ import dynamic_registration
from rtml_tf.classical import pca_lda
from rtml_tf.data import paired
from rtml_tf.runs import comparing
from rtml_tf.runs import fitting
from rtml_tf.runs import pipeline
from rtml_tf.runs import stages
from rtml_tf.runs import training

include "experiment.gin"

TEST = @source/gin.singleton()
pipeline.run.stages = [
    ("source", @source/training.train),
    ("fitted", @fitting.fit),
    ("evaluation", @comparing.compare)]
training.train.evaluations = None
fitting.fit.method = @pca_lda.PCALDA()
fitting.fit.pairs = @paired.PairedSource()
fitting.fit.evaluations = %EVALUATIONS
paired.PairedSource.source = @source/gin.singleton()
paired.PairedSource.target = @source/gin.singleton()
comparing.compare.networks = {"source": @stages.stage_network()}
comparing.compare.evaluations = %EVALUATIONS
stages.stage_network.stage = "source"
"""
_ATTACKS = (
    "--gin_file=gin_configs/evaluation/robust_retrieval.gin "
    "--gin_param='test/robust_retrieval.RobustRetrievalEvaluation.epsilons = (0.1,)' "
    "--gin_param='test/robust_retrieval.RobustRetrievalEvaluation.limit = 2'"
)


class EvaluateTest(absltest.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(os.chdir, os.getcwd())
        cls.addClassCleanup(gin.clear_config)
        folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, folder)
        files.write_sound_files(folder)
        (folder / "stages.gin").write_text(_STAGES, encoding="utf-8")
        os.chdir(folder)
        status, cls.output = binary("train --gin_file=stages.gin --run_dir=run")
        assert status == 0, cls.output
        cls.figures = json.loads(pathlib.Path("run/metrics.json").read_text())["networks"]

    def _evaluated(self, command):
        """What an evaluation wrote."""
        status, output = binary(command)
        self.assertEqual(status, 0, output)
        written = [line for line in output.splitlines() if line.startswith("Written to ")]
        return json.loads(pathlib.Path(written[0].removeprefix("Written to ")[:-1]).read_text())

    def test_the_command_at_the_end_gives_the_figures_of_a_classical_run_again(self):
        command = self.output.splitlines()[-1].partition("//rtml_tf:")[2].replace(" -- ", " ")
        self.assertEqual(command, "evaluate --run_dir=run/fitted")
        self.assertEqual(self._evaluated(command)["figures"], self.figures["fitted"])

    def test_a_stage_that_was_evaluated_by_a_later_one(self):
        results = self._evaluated("evaluate --run_dir=run/source")
        self.assertEqual(results["figures"], self.figures["source"])

    def test_a_stage_under_attack(self):
        results = self._evaluated("evaluate --run_dir=run/source " + _ATTACKS)
        self.assertIn("recall@1 at 0.1", results["figures"]["unseen classes, misranked"])
        folder = pathlib.Path("run/source/evaluations/robust_retrieval")
        self.assertIn("limit = 2", (folder / "config.gin").read_text())
        self.assertLen(list(folder.glob("*misranked.png")), 1)

    def test_a_run_that_has_not_finished_is_evaluated_when_asked(self):
        metrics = pathlib.Path("run/fitted/metrics.json")
        metrics.rename("metrics.json")
        self.addCleanup(pathlib.Path("metrics.json").rename, metrics)
        command = "evaluate --run_dir=run/fitted --output=unfinished"
        status, output = binary(command)
        self.assertEqual(status, 1, output)
        results = self._evaluated(f"{command} --unfinished")
        self.assertTrue(results["unfinished"])

    def test_the_configuration_of_the_whole_gives_the_run_again(self):
        status, output = binary("train --gin_file=run/config.gin --run_dir=run")
        self.assertEqual(status, 0, output)


if __name__ == "__main__":
    absltest.main()

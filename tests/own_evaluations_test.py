"""Tests of finding the evaluations that a run ended with."""

import gin
from absl.testing import absltest, parameterized

from rtml_tf import configuration
from rtml_tf.own_evaluations import bind_own_evaluations

_STAGES = """
from __gin__ import dynamic_registration
from rtml_tf.runs import comparing
from rtml_tf.runs import fitting
from rtml_tf.runs import pipeline
from rtml_tf.runs import training

STAGES = [
    ("start", @warm/start/training.train),
    ("plain", @training.train),
    ("none", @none/training.train),
    ("fitted", @fitting.fit),
    ("all", @compared/comparing.compare)]
pipeline.run.stages = %STAGES
warm/training.train.evaluations = {"warm": 1}
training.train.evaluations = {"plain": 1}
none/training.train.evaluations = None
fitting.fit.evaluations = {"fitted": 1}
compared/comparing.compare.evaluations = {"compared": 1}
"""


class OwnEvaluationsTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.addCleanup(gin.clear_config)
        self.file = self.create_tempfile("stages.gin", _STAGES).full_path

    def _found(self, run, *parameters):
        configuration.parse([self.file], parameters)
        scope = bind_own_evaluations(run)
        return scope, configuration.value_of("evaluating.evaluate.evaluations")

    @parameterized.parameters(
        ("start", "warm/start", "warm"),
        ("plain", "", "plain"),
        ("none", "", "fitted"),
        ("fitted", "", "fitted"),
        ("all", "compared", "compared"),
    )
    def test_those_of_the_stage_or_of_the_next_one_that_has_some(self, stage, scope, name):
        self.assertEqual(self._found(stage), (scope, {name: 1}))

    def test_those_that_are_compared_in_the_end(self):
        found = self._found("none", "fitting.fit.evaluations = {}")
        self.assertEqual(found, ("compared", {"compared": 1}))

    def test_a_run_that_is_no_stage(self):
        self.assertEqual(self._found("my_run"), ("", {"plain": 1}))

    def test_what_is_bound_stays(self):
        self._found("plain")
        gin.bind_parameter("evaluating.evaluate.evaluations", {"other": 1})
        self.assertEqual(bind_own_evaluations("plain"), "")
        self.assertEqual(gin.query_parameter("evaluating.evaluate.evaluations"), {"other": 1})

    def test_none(self):
        with self.assertRaisesRegex(
            configuration.ConfigurationError,
            "nothing to evaluate: evaluating.evaluate.evaluations is not bound, and "
            "compared/rtml_tf.runs.comparing.compare.evaluations give no",
        ):
            self._found("all", "compared/comparing.compare.evaluations = None")

    @parameterized.product(experiment=["rmt/pipeline", "rmt/classical_ridge", "clan/scenes"])
    def test_every_stage_of_shipped_runs_has_some(self, experiment):
        configuration.parse([f"gin_configs/{experiment}.gin"], [])
        for name, stage in configuration.value_of("pipeline.run.stages"):
            if stage.selector != "exporting.export":
                configuration.parse([f"gin_configs/{experiment}.gin"], [])
                bind_own_evaluations(name)
                value = gin.query_parameter("evaluating.evaluate.evaluations")
                self.assertEqual(str(value), "%EVALUATIONS")


if __name__ == "__main__":
    absltest.main()

"""Tests of runs that consist of stages."""

import json
import pathlib
import random

from absl.testing import absltest

from rtml_tf.runs import pipeline
from rtml_tf.runs.report import closing_report


def _stage(recall, calls):
    """A stage that notes how it was called and what random state it found."""

    def run(*, run_dir, describe_config, dry_run):
        calls.append((run_dir, describe_config(), dry_run, random.random()))
        return {
            "networks": {"raw pixels": {"test": {"recall@1": 0.25}}, "trained": {"test": recall}},
            "training": {
                "steps": 10,
                "seconds": 1.5,
                "network_epoch": 2,
                "selected_by": "recall@1",
            },
        }

    return run


class PipelineTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.calls = []
        self.stages = {
            "clean": _stage({"recall@1": 0.5}, self.calls),
            "joint": _stage({"recall@1": 0.75}, self.calls),
        }

    def test_each_stage_has_its_folder_and_the_same_seed(self):
        pipeline.run(run_dir=str(self.folder), stages=self.stages, describe_config=lambda: "text")
        folders, texts, dry_runs, draws = zip(*self.calls)
        self.assertEqual(folders, (f"{self.folder}/clean", f"{self.folder}/joint"))
        self.assertEqual(set(texts), {"text"})
        self.assertEqual(set(dry_runs), {False})
        self.assertLen(set(draws), 1)

    def test_the_figures_of_all_stages_are_one_table(self):
        metrics = pipeline.run(run_dir=str(self.folder), stages=self.stages)
        self.assertEqual(
            {name: figures["test"]["recall@1"] for name, figures in metrics["networks"].items()},
            {"raw pixels": 0.25, "clean": 0.5, "joint": 0.75},
        )
        self.assertEqual(json.loads((self.folder / "metrics.json").read_text()), metrics)
        report = closing_report(metrics, "runs/both")
        self.assertIn("joint           0.75\n", report)
        self.assertIn("clean: 10 steps in 2 s, network of epoch 2 (best by recall@1)", report)
        self.assertIn("--run_dir=runs/both/joint", report)

    def test_a_dry_run_writes_nothing(self):
        result = pipeline.run(run_dir=str(self.folder), stages=self.stages, dry_run=True)
        self.assertIsNone(result)
        self.assertEmpty(list(self.folder.iterdir()))

    def test_refuses_to_run_nothing(self):
        with self.assertRaisesRegex(ValueError, "at least one stage, got none"):
            pipeline.run(run_dir=str(self.folder), stages={})


if __name__ == "__main__":
    absltest.main()

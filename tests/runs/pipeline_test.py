"""Tests of runs that consist of stages."""

import contextlib
import fcntl
import io
import json
import pathlib
import random

from absl.testing import absltest

from rtml_tf.networks.raw_pixels import raw_pixels
from rtml_tf.networks.saving import save_network
from rtml_tf.runs import pipeline
from rtml_tf.runs.report import closing_report
from rtml_tf.runs.run_folder import RunFolderError
from rtml_tf.runs.stages import StageNotFinished, stage_network


def _stage(recall, calls, baseline=0.25):
    """A stage that notes how it was called and what random state it found."""

    def run(*, run_dir, describe_config, dry_run):
        calls.append((run_dir, describe_config(), dry_run, random.random()))
        return {
            "networks": {
                "raw pixels": {"test": {"recall@1": baseline}},
                "trained": {"test": recall},
            },
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
            "joint": _stage({"recall@1": 0.75}, self.calls, baseline=0.5),
        }

    def test_each_stage_has_its_folder_and_the_same_seed(self):
        pipeline.run(run_dir=str(self.folder), stages=self.stages, describe_config=lambda: "text")
        folders, texts, dry_runs, draws = zip(*self.calls)
        self.assertEqual(folders, (f"{self.folder}/clean", f"{self.folder}/joint"))
        self.assertEqual(set(texts), {"text"})
        self.assertEqual(set(dry_runs), {False})
        self.assertLen(set(draws), 1)

    def test_the_configuration_of_all_stages_is_kept(self):
        for value in (1, 2):  # A later stage may have changed.
            config = f"A = {value}\npipeline.run.stages = []\n"
            pipeline.run(run_dir=str(self.folder), stages=self.stages, whole_config=config)
            self.assertEqual((self.folder / "config.gin").read_text(), config)

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

    def test_a_stage_that_only_evaluates_adds_figures_to_any_network(self):
        def evaluation(**arguments):
            del arguments
            return {"networks": {"joint": {"size": {"kB": 3.0}}, "other": {"size": {"kB": 4.0}}}}

        metrics = pipeline.run(
            run_dir=str(self.folder), stages=[*self.stages.items(), ("evaluation", evaluation)]
        )
        self.assertEqual(
            metrics["networks"]["joint"], {"test": {"recall@1": 0.75}, "size": {"kB": 3.0}}
        )
        self.assertEqual(metrics["networks"]["other"], {"size": {"kB": 4.0}})
        self.assertEqual(list(metrics["training"]), ["clean", "joint"])
        self.assertIn("--run_dir=runs/both/joint", closing_report(metrics, "runs/both"))

    def test_a_stage_takes_the_network_of_an_earlier_one(self):
        taken = []

        def source(*, run_dir, **arguments):
            save_network(raw_pixels(input_shape=(2, 2, 1)), f"{run_dir}/network.keras")
            pathlib.Path(run_dir, "metrics.json").write_text("{}")
            return self.stages["clean"](run_dir=run_dir, **arguments)

        def transfer(**arguments):
            taken.append(stage_network(stage="source").input_shape)
            return self.stages["joint"](**arguments)

        pipeline.run(run_dir=str(self.folder), stages=[("source", source), ("transfer", transfer)])
        self.assertEqual(taken, [(None, 2, 2, 1)])
        with self.assertRaisesRegex(ValueError, "no such run is in progress"):
            stage_network(stage="source")
        with self.assertRaisesRegex(StageNotFinished, "stage 'source' .* Finished are: none"):
            pipeline.run(
                run_dir=str(self.folder / "wrong"),
                stages=[("transfer", transfer), ("source", source)],
            )

    def test_a_dry_run_shows_later_stages_as_far_as_it_can(self):
        taken = []

        def transfer(**arguments):
            del arguments
            taken.append(stage_network(stage="source").input_shape)

        stages = [("source", lambda **arguments: None), ("transfer", transfer)]
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            pipeline.run(run_dir=str(self.folder), stages=stages, dry_run=True)
        self.assertIn("Cannot be shown yet: stage 'source' has not finished", shown.getvalue())
        self.assertEmpty(taken)

        network = raw_pixels(input_shape=(2, 2, 1))
        stages = [("source", lambda **arguments: network), ("transfer", transfer)]
        pipeline.run(run_dir=str(self.folder), stages=stages, dry_run=True)
        self.assertEqual(taken, [(None, 2, 2, 1)])

    def test_refuses_to_run_nothing_or_two_stages_of_one_name(self):
        with self.assertRaisesRegex(ValueError, "at least one stage, got none"):
            pipeline.run(run_dir=str(self.folder), stages={})
        clean = self.stages["clean"]
        with self.assertRaisesRegex(ValueError, "must differ in name, got clean, clean"):
            pipeline.run(run_dir=str(self.folder), stages=[("clean", clean), ("clean", clean)])

    def test_refuses_the_folder_of_a_single_run_or_of_other_things(self):
        for name, message in (
            ("config.gin", "of a single run: its config.gin has no pipeline.run.stages"),
            ("thesis.tex", "nothing but clean, joint, config.gin and metrics.json, but it holds t"),
        ):
            folder = self.folder / name.partition(".")[0]
            folder.mkdir()
            (folder / name).touch()
            with self.assertRaisesRegex(RunFolderError, message):
                pipeline.run(run_dir=str(folder), stages=self.stages)
            self.assertEqual([path.name for path in folder.iterdir()], [name])
        self.assertEmpty(self.calls)

    def test_refuses_a_folder_in_use_and_takes_it_again_later(self):
        with open(self.folder / ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with self.assertRaisesRegex(RunFolderError, "in use by another process"):
                pipeline.run(run_dir=str(self.folder), stages=self.stages)
        for _ in range(2):
            pipeline.run(run_dir=str(self.folder), stages=self.stages)
            (self.folder / "clean").mkdir(exist_ok=True)


if __name__ == "__main__":
    absltest.main()

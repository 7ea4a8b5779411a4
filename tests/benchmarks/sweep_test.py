"""Tests of what a sweep remembers of its runs."""

import json
import pathlib
import subprocess
from unittest import mock

from absl.testing import absltest

from benchmarks.sweep import Run, Sweep, machine


class SweepTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.records = self.folder / "records.json"
        self.made = []

        def start(sweep, run):
            self.made.append(run.name)
            folder = sweep.folder(run.name)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "metrics.json").write_text('{"networks": {}}')
            return [subprocess.Popen(["true"])]

        self.enter_context(mock.patch.object(Sweep, "_start", start))
        self.enter_context(mock.patch("benchmarks.sweep.machine", lambda: "this machine"))

    def _make(self, *parameters, gin_files=("a.gin", "b.gin")):
        """One run, by a sweep that starts anew."""
        sweep = Sweep(records=self.records, work_dir=self.folder / "runs", processes=1)
        sweep.make([Run("one", gin_files, parameters)])

    def test_a_run_is_made_once(self):
        self._make("SEED = 1", "STEPS = 5")
        self._make("SEED = 1", "STEPS = 5")
        self._make("SEED = 1", "STEPS = 5", gin_files=["a.gin", "b.gin"])
        self.assertEqual(self.made, ["one"])
        self.assertEqual(
            json.loads(self.records.read_text()),
            {
                "one": {
                    "networks": {},
                    "settings": [
                        "--gin_file=a.gin",
                        "--gin_file=b.gin",
                        "--gin_param=SEED = 1",
                        "--gin_param=STEPS = 5",
                    ],
                    "machine": "this machine",
                }
            },
        )

    def test_a_record_of_other_settings_is_no_record_of_the_run(self):
        self._make("SEED = 1", "STEPS = 5")
        for message, parameters, file in (
            ("STEPS = 5 where --gin_param=STEPS = 6 is", ["SEED = 1", "STEPS = 6"], "b.gin"),
            ("STEPS = 5 where nothing is asked", ["SEED = 1"], "b.gin"),
            ("nothing where --gin_param=C = 2", ["SEED = 1", "STEPS = 5", "C = 2"], "b.gin"),
            ("b.gin where --gin_file=c.gin", ["SEED = 1", "STEPS = 5"], "c.gin"),
        ):
            with self.assertRaisesRegex(ValueError, f"run one with other settings: .*{message}"):
                self._make(*parameters, gin_files=("a.gin", file))
        self.assertEqual(self.made, ["one"])

    def test_what_a_missing_run_needs_is_made_again_where_its_folder_is_gone(self):
        """Also what that needs in turn, before it."""
        chain = [
            Run("third", ["c.gin"], needs=["second"]),
            Run("second", ["b.gin"], needs=["first"]),
        ]
        chain += [Run("first", ["a.gin"]), Run("other", ["d.gin"])]
        records = {run.name: {"networks": {}} for run in chain if run.name != "third"}
        self.records.write_text(json.dumps(records))
        sweep = Sweep(records=self.records, work_dir=self.folder / "runs", processes=2)
        sweep.make(chain)
        self.assertEqual(self.made, ["first", "second", "third"])

    def test_nothing_starts_from_a_folder_that_is_to_be_made_again(self):
        """There is one of before, but no record of the run."""
        (self.folder / "runs" / "first").mkdir(parents=True)
        (self.folder / "runs" / "first" / "metrics.json").write_text("{}")
        sweep = Sweep(records=self.records, work_dir=self.folder / "runs", processes=2)
        started, start = [], Sweep._start

        def starting(sweep, run):
            started.append((run.name, "first" in sweep.records))
            return start(sweep, run)

        with mock.patch.object(Sweep, "_start", starting):
            sweep.make([Run("first", ["a.gin"]), Run("second", ["b.gin"], needs=["first"])])
        self.assertEqual(started, [("first", False), ("second", True)])

    def test_where_files_lie_does_not_count(self):
        self._make("DATA = '/here/data'", "SEED = 1", "FILES = ('~/x', 3)")
        self._make("DATA = '/there/data'", "SEED = 1", "FILES = ('~/y', 3)")
        self.assertEqual(self.made, ["one"])
        self.assertNotIn("here", self.records.read_text())

    def test_a_record_from_before_settings_were_kept_passes(self):
        self.records.write_text('{"one": {"networks": {}}}')
        self._make("SEED = 1")
        self.assertEmpty(self.made)

    def test_minutes_are_of_all_stages(self):
        stages = {"first": {"seconds": 60.0}, "second": {"seconds": 120.0}}
        records = {"one": {"training": {"seconds": 300.0}}, "staged": {"training": stages}}
        self.records.write_text(json.dumps(records))
        sweep = Sweep(records=self.records, work_dir=self.folder / "runs", processes=1)
        self.assertEqual(sweep.minutes(["one", "staged"]), 4.0)

    def test_says_which_runs_were_made_on_which_machines(self):
        machines = ["slow", None, "fast", "fast"]
        records = {str(i): {"machine": name} if name else {} for i, name in enumerate(machines)}
        self.records.write_text(json.dumps(records))
        sweep = Sweep(records=self.records, work_dir=self.folder / "runs", processes=1)
        self.assertEqual(sweep.machines(), "2 on fast; 1 on slow; 1 on one that was not recorded")

    def test_a_machine_is_named_with_what_was_asked_of_its_kernels(self):
        with mock.patch.dict("os.environ", TF_ENABLE_ONEDNN_OPTS="1"):
            self.assertRegex(machine(), r"^\d+ cores \(.*\), TF_ENABLE_ONEDNN_OPTS=1$")
        with mock.patch.dict("os.environ", TF_ENABLE_ONEDNN_OPTS=""):
            self.assertRegex(machine(), r"^\d+ cores \(.*\)$")


if __name__ == "__main__":
    absltest.main()

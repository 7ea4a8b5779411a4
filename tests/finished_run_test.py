"""Tests of what is known of a run that is evaluated or exported."""

import pathlib

from absl.testing import absltest

from rtml_tf import finished_run
from rtml_tf.runs.run_folder import RunFolder, write_json

_STAGES = "pipeline.run.stages = []\n"


class FinishedRunTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path).resolve()
        self.run = RunFolder(self.folder / "joint")
        self.run.path.mkdir()
        write_json(self.run.metrics, {"networks": {"trained": {}}})
        self.made = {"network_file": str(self.run.network), "figures": {"trained": {}}}

    def _provenance(self):
        return finished_run.provenance(self.run, self.run.network)

    def test_a_run_is_given_again_by_its_own_configuration(self):
        self.run.config.write_text("A = 1\n")
        (self.folder / "config.gin").write_text(_STAGES)
        command = f"rtml-train --gin_file={self.run.config}"
        self.assertEqual(self._provenance(), self.made | {"command": command})
        self.assertEqual(finished_run.configuration_files(self.run), [str(self.run.config)])

    def test_a_stage_is_given_again_by_that_of_the_whole(self):
        self.run.config.write_text(_STAGES)
        whole = self.folder / "config.gin"
        whole.write_text(_STAGES)
        command = f"rtml-train --gin_file={whole}"
        self.assertEqual(self._provenance(), self.made | {"stage": "joint", "command": command})
        self.assertEqual(
            finished_run.configuration_files(self.run), [str(whole), str(self.run.config)]
        )

    def test_a_stage_alone_is_not_given_again(self):
        self.run.config.write_text(_STAGES)
        self.assertEqual(self._provenance(), self.made | {"stage": "joint"})
        # What lies above is another run.
        (self.folder / "config.gin").write_text("A = 1\n")
        self.assertEqual(self._provenance(), self.made | {"stage": "joint"})

    def test_a_run_that_has_not_finished_has_no_figures(self):
        self.run.config.write_text("A = 1\n")
        self.run.metrics.unlink()
        self.assertTrue(self._provenance()["unfinished"])
        self.assertNotIn("figures", self._provenance())

    def test_another_network_has_nothing_of_the_run(self):
        self.run.config.write_text("A = 1\n")
        other = self.run.path / "other.keras"
        self.assertEqual(finished_run.provenance(self.run, other), {"network_file": str(other)})


if __name__ == "__main__":
    absltest.main()

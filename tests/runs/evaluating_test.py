"""Tests of evaluating a saved network."""

import contextlib
import io
import json
import pathlib

from absl.testing import absltest

from rtml_tf.networks.fingerprint import network_fingerprint
from rtml_tf.networks.raw_pixels import raw_pixels
from rtml_tf.networks.saving import save_network
from rtml_tf.runs.evaluating import evaluate
from rtml_tf.runs.run_folder import RunFolderError


class _Counted:
    figure_names = ("layers",)

    def __init__(self):
        self.calls = 0

    def evaluate(self, network):
        self.calls += 1
        return {"layers": float(len(network.layers))}

    def plot(self, figures, folder, name):
        (folder / name).write_text(json.dumps(figures), encoding="utf-8")

    def describe(self):
        return {"of": "layers"}


class _Failing(_Counted):
    def evaluate(self, network):
        raise ValueError("no such images")


class EvaluatingTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.run = pathlib.Path(self.create_tempdir().full_path)
        self.folder = self.run / "evaluations" / "again"
        self.file = self.folder / "evaluation.json"
        self.network = raw_pixels(input_shape=(2, 2, 1))
        save_network(self.network, self.run / "network.keras")

    def _evaluate(self, evaluations, config="a = 1\n", **arguments):
        with contextlib.redirect_stdout(io.StringIO()):
            return evaluate(
                network_file=str(self.run / "network.keras"),
                evaluations=evaluations,
                output=str(self.folder),
                describe_config=lambda: config,
                **arguments,
            )

    def test_figures_pictures_and_configuration_go_to_a_folder_of_their_own(self):
        results = self._evaluate({"counted": _Counted()})
        self.assertEqual(
            results,
            {
                "network": network_fingerprint(self.network),
                "network_file": str(self.run / "network.keras"),
                "unfinished": False,
                "figures": {"counted": {"layers": len(self.network.layers)}},
                "evaluations": {"counted": {"of": "layers"}},
            },
        )
        self.assertEqual(json.loads(self.file.read_text()), results)
        self.assertEqual((self.folder / "config.gin").read_text(), "a = 1\n")
        self.assertTrue((self.folder / "counted").exists())
        self.assertCountEqual(
            [path.name for path in self.run.iterdir()], ["evaluations", "network.keras"]
        )

    def test_goes_on_with_the_evaluation_that_failed(self):
        counted = _Counted()
        with self.assertRaisesRegex(ValueError, "no such images"):
            self._evaluate({"counted": counted, "last": _Failing()}, unfinished=True)
        held = json.loads(self.file.read_text())
        self.assertEqual(list(held["figures"]), ["counted"])
        self.assertTrue(held["unfinished"])
        results = self._evaluate({"counted": counted, "last": _Counted()})
        self.assertEqual(counted.calls, 1)
        self.assertEqual(list(results["figures"]), ["counted", "last"])
        self.assertEqual(json.loads(self.file.read_text()), results)

    def test_another_network_is_measured_anew(self):
        counted = _Counted()
        first = self._evaluate({"counted": counted})
        save_network(raw_pixels(input_shape=(3, 3, 1)), self.run / "network.keras")
        second = self._evaluate({"counted": counted})
        self.assertEqual(counted.calls, 2)
        self.assertNotEqual(second["network"], first["network"])

    def test_the_figures_of_another_configuration_are_kept(self):
        first = self._evaluate({"counted": _Counted()})
        with self.assertRaisesRegex(RunFolderError, "(?s)another configuration.*another --output"):
            self._evaluate({"counted": _Counted()}, config="a = 2\n")
        self.assertEqual(json.loads(self.file.read_text()), first)

    def test_without_a_figure_nothing_is_left(self):
        with self.assertRaisesRegex(ValueError, "no such images"):
            self._evaluate({"failing": _Failing()})
        self.assertEqual([path.name for path in self.run.iterdir()], ["network.keras"])
        self._evaluate({"counted": _Counted()}, config="a = 2\n")


if __name__ == "__main__":
    absltest.main()

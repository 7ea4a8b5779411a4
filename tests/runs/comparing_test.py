"""Tests of networks that are evaluated side by side."""

import json
import pathlib
from unittest import mock

import tensorflow as tf

from rtml_tf.networks.raw_pixels import raw_pixels
from rtml_tf.runs.comparing import compare
from rtml_tf.runs.run_folder import RunFolderError


class _Evaluation:
    """Counts its calls; the figure is the size of the embedding."""

    figure_names = ("size",)

    def __init__(self):
        self.evaluated = []

    def evaluate(self, network):
        if network.name == "broken":
            raise RuntimeError("stopped")
        self.evaluated.append(network.name)
        return {"size": float(network.output_shape[-1])}

    def plot(self, figures, folder, name):
        (folder / f"{name}.txt").write_text(str(figures))

    def describe(self):
        return {"calls": len(self.evaluated)}


def _network(size, name="network"):
    pixels = raw_pixels(input_shape=(size, 1, 1))
    return tf.keras.Model(pixels.inputs, pixels.outputs, name=name)


class ComparingTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path) / "evaluation"
        self.evaluation = _Evaluation()

    def _compare(self, networks, **arguments):
        return compare(
            run_dir=str(self.folder),
            networks=networks,
            **{
                "evaluations": {"test": self.evaluation},
                "describe_config": lambda: "config\n",
                **arguments,
            },
        )

    def test_every_network_is_evaluated(self):
        metrics = self._compare({"small": _network(2), "large": _network(3)})
        self.assertEqual(
            metrics["networks"],
            {"small": {"test": {"size": 2.0}}, "large": {"test": {"size": 3.0}}},
        )
        self.assertEqual(metrics["evaluations"]["large"], {"test": {"calls": 2}})
        self.assertEqual(json.loads((self.folder / "metrics.json").read_text()), metrics)
        self.assertTrue((self.folder / "large" / "test.txt").exists())

    def test_goes_on_where_it_was_stopped_and_is_not_repeated(self):
        first, broken = _network(2, "first"), _network(3, "broken")
        with self.assertRaisesRegex(RuntimeError, "stopped"):
            self._compare({"one": first, "two": broken})
        second = _network(3, "second")
        metrics = self._compare({"one": first, "two": second})
        self.assertEqual(self.evaluation.evaluated, ["first", "second"])
        self.assertEqual(self._compare({"one": first, "two": second}), metrics)
        self.assertLen(self.evaluation.evaluated, 2)

    def test_goes_on_with_the_evaluation_that_failed(self):
        networks, last = {"one": _network(2)}, _Evaluation()
        evaluations = {"test": self.evaluation, "last": last}
        with mock.patch.object(last, "evaluate", side_effect=RuntimeError("stopped")):
            with self.assertRaisesRegex(RuntimeError, "stopped"):
                self._compare(networks, evaluations=evaluations)
        metrics = self._compare(networks, evaluations=evaluations)
        self.assertLen(self.evaluation.evaluated, 1)
        self.assertEqual(metrics["networks"]["one"], {"test": {"size": 2.0}, "last": {"size": 2.0}})
        self.assertFalse((self.folder / "one" / "evaluated.json").exists())

    def test_a_folder_of_another_configuration_is_refused(self):
        self._compare({"one": _network(2)})
        with self.assertRaisesRegex(RunFolderError, "another configuration"):
            compare(
                run_dir=str(self.folder),
                networks={"one": _network(2)},
                evaluations={"test": self.evaluation},
            )

    def test_a_dry_run_writes_nothing(self):
        self.assertIsNone(self._compare({"one": _network(2)}, dry_run=True))
        self.assertFalse(self.folder.exists())

    def test_refuses_to_evaluate_nothing(self):
        with self.assertRaisesRegex(ValueError, r"at least one entry each, got networks \[\]"):
            self._compare({})


if __name__ == "__main__":
    tf.test.main()

"""Tests of the figures that a run ends with."""

import json
import pathlib

import tensorflow as tf
from absl.testing import absltest

from rtml_tf.networks.raw_pixels import raw_pixels
from rtml_tf.networks.saving import save_network
from rtml_tf.runs.final_figures import final_figures
from rtml_tf.runs.finishing import finish
from rtml_tf.runs.run_folder import RunFolder, read_json, write_json


class _Plain:
    figure_names = ("layers",)

    def evaluate(self, network):
        return {"layers": float(len(network.layers))}


class _Telling(_Plain):
    def plot(self, figures, folder, name):
        (folder / name).write_text(json.dumps(figures), encoding="utf-8")

    def describe(self):
        return {"of": "layers"}


class _Failing(_Plain):
    def evaluate(self, network):
        raise ValueError("no such images")


class _Counted(_Telling):
    def __init__(self):
        self.calls = 0

    def evaluate(self, network):
        self.calls += 1
        return super().evaluate(network)


class FinalFiguresTest(absltest.TestCase):
    def test_a_run_goes_on_with_the_evaluation_that_failed(self):
        folder = RunFolder(self.create_tempdir().full_path)
        save_network(raw_pixels(input_shape=(2, 2, 1)), folder.network)
        write_json(folder.baselines, {})
        counted = _Counted()

        def finished(last):
            evaluations = {"first": counted, "last": last}
            finish(folder, evaluations=evaluations, artefacts=[], training={"steps": 3})

        with self.assertRaisesRegex(ValueError, "no such images"):
            finished(_Failing())
        self.assertFalse(folder.finished)
        finished(_Plain())
        self.assertEqual(counted.calls, 1)
        metrics = read_json(folder.metrics)
        self.assertEqual(list(metrics["networks"]["trained"]), ["first", "last"])
        self.assertEqual(metrics["evaluations"], {"first": {"of": "layers"}})
        self.assertFalse(folder.evaluated.exists())

    def test_a_run_measures_another_network_anew(self):
        folder = RunFolder(self.create_tempdir().full_path)
        write_json(folder.baselines, {})
        counted = _Counted()
        evaluations = {"first": counted, "last": _Failing()}
        for size in (2, 3):
            save_network(raw_pixels(input_shape=(size, size, 1)), folder.network)
            with self.assertRaisesRegex(ValueError, "no such images"):
                finish(folder, evaluations=evaluations, artefacts=[], training={})
        self.assertEqual(counted.calls, 2)

    def test_drawn_and_described_where_an_evaluation_can(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        network = tf.keras.Sequential([tf.keras.layers.Dense(2), tf.keras.layers.Dense(2)])

        figures, descriptions = final_figures(
            network, {"plain": _Plain(), "telling": _Telling()}, folder
        )

        self.assertEqual(figures, {"plain": {"layers": 2.0}, "telling": {"layers": 2.0}})
        self.assertEqual(descriptions, {"telling": {"of": "layers"}})
        self.assertEqual([file.name for file in folder.iterdir()], ["telling"])
        self.assertEqual((folder / "telling").read_text(encoding="utf-8"), '{"layers": 2.0}')


if __name__ == "__main__":
    absltest.main()

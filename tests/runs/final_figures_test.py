"""Tests of the figures that a run ends with."""

import json
import pathlib

import tensorflow as tf
from absl.testing import absltest

from rtml_tf.runs.final_figures import final_figures


class _Plain:
    figure_names = ("layers",)

    def evaluate(self, network):
        return {"layers": float(len(network.layers))}


class _Telling(_Plain):
    def plot(self, figures, folder, name):
        (folder / name).write_text(json.dumps(figures), encoding="utf-8")

    def describe(self):
        return {"of": "layers"}


class FinalFiguresTest(absltest.TestCase):

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

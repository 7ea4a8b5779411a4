"""Tests of networks that one stage takes from another."""

import pathlib

import numpy as np
import tensorflow as tf

from rtml_tf.networks.raw_pixels import raw_pixels
from rtml_tf.networks.saving import save_network
from rtml_tf.runs.stages import StageNotFinished, Stages, stage_network


def _finish(folder, network=None):
    folder.mkdir()
    (folder / "metrics.json").write_text("{}")
    if network is not None:
        save_network(network, folder / "network.keras")


class StagesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def test_gives_the_network_of_a_finished_stage(self):
        image = tf.keras.Input((2,))
        network = tf.keras.Model(image, tf.keras.layers.Dense(3)(image))
        _finish(self.folder / "source", network)
        with Stages(self.folder):
            loaded = stage_network(stage="source")
        inputs = np.ones((1, 2), np.float32)
        self.assertAllEqual(loaded(inputs), network(inputs))

    def test_a_stage_that_has_not_finished_has_no_network(self):
        _finish(self.folder / "source")
        save_network(raw_pixels(input_shape=(2, 2, 1)), self.folder / "transfer" / "network.keras")
        with Stages(self.folder):
            for stage in ("transfer", "sauce"):
                with self.assertRaisesRegex(
                    StageNotFinished,
                    f"stage '{stage}' has not finished in .* Finished are: source.",
                ):
                    stage_network(stage=stage)

    def test_another_network_stands_in_until_the_stage_has_finished(self):
        stand_in = raw_pixels(input_shape=(2, 2, 1))
        with Stages(self.folder) as stages:
            stages.stand_in("source", stand_in)
            network = stage_network(stage="source")
            self.assertEqual(network.input_shape, (None, 2, 2, 1))
            self.assertIsNot(network, stand_in)  # Stages may freeze what they get.
            _finish(self.folder / "source", raw_pixels(input_shape=(3, 3, 1)))
            self.assertEqual(stage_network(stage="source").input_shape, (None, 3, 3, 1))

    def test_outside_of_a_run_there_are_no_stages(self):
        with Stages(self.folder):
            pass
        with self.assertRaisesRegex(ValueError, "no such run is in progress"):
            stage_network(stage="source")


if __name__ == "__main__":
    tf.test.main()

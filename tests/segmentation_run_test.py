"""Tests of a whole run of adaptation, from its gin file to its run folder."""

import pathlib

import gin
import numpy as np
import tensorflow as tf

from rtml_tf import configuration
from rtml_tf.data.scene_styles import DuskStyle
from rtml_tf.data.scenes import Scenes
from rtml_tf.evaluation.segmentation import SegmentationEvaluation
from rtml_tf.networks.saving import load_network
from rtml_tf.runs import pipeline
from rtml_tf.runs.run_folder import read_json

_SMALL = [
    "scenes.Scenes.image_size = (32, 48)",
    "INPUT_SHAPE = (32, 48, 3)",
    "small_deeplab.small_deeplab.filters = (4, 4, 4)",
    "discriminator.map_discriminator.filters = (4, 4)",
    "unpaired_batches.UnpairedBatches.batch_size = 2",
    "unpaired_batches.UnpairedBatches.steps_per_epoch = 2",
    "training.train.epochs = 2",
    *(f"{domain}/scenes.Scenes.count = 4" for domain in ("source", "target", "validation", "test")),
]


class SegmentationRunTest(tf.test.TestCase):
    def test_clan_on_scenes(self):
        self.addCleanup(gin.clear_config)
        folder = pathlib.Path(self.create_tempdir().full_path)
        cache = f"scenes.Scenes.cache_dir = {str(folder / 'cache')!r}"
        configuration.parse(["gin_configs/clan/clan_reversal.gin"], [*_SMALL, cache])
        configuration.lock()
        run = configuration.configured(pipeline.run)
        metrics = run(run_dir=str(folder / "run"), describe_config=configuration.resolved)

        self.assertEqual(list(metrics["networks"]), ["untrained", "start", "adapted"])
        figures = metrics["networks"]["adapted"]["target"]
        self.assertLen([name for name in figures if name.startswith("iou/")], 8)
        self.assertEqual(metrics["training"]["adapted"]["selected_by"], "label_free")
        adapted = folder / "run" / "adapted"
        self.assertTrue((adapted / "target.png").exists())

        choices = read_json(adapted / "choices.json")
        self.assertEqual(list(choices), ["best by labels", "last", "last, not averaged"])
        log = np.genfromtxt(adapted / "log.csv", delimiter=",", names=True)
        self.assertLen(log, 2)
        kept = choices["best by labels"]
        self.assertAllClose(kept["value"], np.max(log["validationbest_by_labelsmiou"]))

        # What was kept by labels gives the figures that are told of it.
        network = load_network(adapted / "choices" / "best by labels.keras")
        test = Scenes(
            count=4,
            seed=4,
            style=DuskStyle(strength=0.7),
            image_size=(32, 48),
            cache_dir=folder / "cache",
        )
        again = SegmentationEvaluation(source=test).evaluate(network)
        self.assertAllClose(kept["figures"]["target"], again, atol=1e-6)


if __name__ == "__main__":
    tf.test.main()

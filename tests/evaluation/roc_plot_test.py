"""Tests of the ROC picture."""

import os

import numpy as np
from absl.testing import absltest
from PIL import Image

from rtml_tf.evaluation import roc_plot


class WriteRocPlotTest(absltest.TestCase):
    def test_writes_a_picture_with_the_curves_in_it(self):
        generator = np.random.default_rng(0)
        same = np.arange(200) < 100
        curves = {
            "clean": (generator.normal(size=200) + 2 * same, same),
            "joint": (generator.normal(size=200) + same, same),
        }
        pictures = []
        for names in (["clean"], ["clean", "joint"]):
            file = os.path.join(self.create_tempdir(), "roc.png")
            roc_plot.write_roc_plot(file=file, curves={name: curves[name] for name in names})
            with Image.open(file) as image:
                self.assertEqual(image.format, "PNG")
                pictures.append(np.asarray(image.convert("RGB"), int))
        self.assertEqual(pictures[0].shape, pictures[1].shape)
        # matplotlib's second colour, (255, 127, 14), is drawn with the second curve only.
        orange = [np.sum(np.abs(picture - [255, 127, 14]).sum(axis=2) < 30) for picture in pictures]
        self.assertEqual(orange[0], 0)
        self.assertGreater(orange[1], 100)

    def test_no_curve_is_refused(self):
        with self.assertRaisesRegex(ValueError, "at least one curve, got none"):
            roc_plot.write_roc_plot(file="unused.png", curves={})


if __name__ == "__main__":
    absltest.main()

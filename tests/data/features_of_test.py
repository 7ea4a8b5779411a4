"""Tests of the features of the examples of another source."""

import numpy as np
import tensorflow as tf
from absl.testing import absltest

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.features_of import FeaturesOf

_TABLE = ArraySource(keys=["a", "b", "c", "d"], array=np.arange(8.0).reshape(4, 2))


def _images(keys, labels):
    return ArraySource(
        keys=keys, array=np.zeros([len(keys), 2, 2, 1]), labels=labels, class_names=["x", "y"]
    )


class FeaturesOfTest(tf.test.TestCase):
    def test_rows_are_those_of_the_examples_with_their_labels(self):
        """Others of the table are left out."""
        features = FeaturesOf(source=_images(["d", "a", "c"], [0, 1, 0]), table=_TABLE)
        self.assertEqual(features.keys, ("d", "a", "c"))
        self.assertAllEqual(features.labels, [0, 1, 0])
        self.assertEqual(features.class_names, ("x", "y"))
        self.assertEqual(features.image_shape, (2,))
        loaded = list(tf.data.Dataset.range(3).map(features.load))
        self.assertAllEqual(loaded, [[6.0, 7.0], [0.0, 1.0], [4.0, 5.0]])

    def test_an_example_without_a_row_is_named(self):
        with self.assertRaisesRegex(ValueError, "target has no example for keys of source.*z"):
            FeaturesOf(source=_images(["a", "z"], [0, 1]), table=_TABLE)


if __name__ == "__main__":
    absltest.main()

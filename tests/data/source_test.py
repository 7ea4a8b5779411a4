"""Tests of what every source offers, and of subsets."""

import numpy as np
import tensorflow as tf

from rtml_tf.data.source import ImageSource, Subset


class _Numbers(ImageSource):
    """Five images of 2x2 whose pixels are a tenth of their number."""

    labels = np.array([0, 2, 1, 2, 0], np.int32)
    class_names = ("a", "b", "c")
    keys = ("k0", "k1", "k2", "k3", "k4")
    image_shape = (2, 2, 1)

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return tf.fill(self.image_shape, tf.cast(index, tf.float32) / 10)


class SubsetTest(tf.test.TestCase):
    def test_keeps_order_and_relabels_densely(self):
        subset = Subset(_Numbers(), [3, 0, 1])
        self.assertAllEqual(subset.labels, [1, 0, 1])
        self.assertEqual(subset.labels.dtype, np.int32)
        self.assertEqual(subset.class_names, ("a", "c"))
        self.assertEqual(subset.keys, ("k3", "k0", "k1"))
        self.assertLen(subset, 3)
        self.assertEqual(subset.num_classes, 2)

    def test_loads_the_images_of_the_source_in_a_pipeline(self):
        subset = Subset(Subset(_Numbers(), [4, 3, 1]), [2, 0])
        images = list(tf.data.Dataset.range(2).map(subset.load))
        self.assertAllClose([image[0, 0, 0] for image in images], [0.1, 0.4])
        self.assertEqual(images[0].shape, subset.image_shape)

    def test_refuses_no_examples_and_examples_out_of_range(self):
        with self.assertRaisesRegex(ValueError, "non-empty list .* shape \\(0,\\)"):
            Subset(_Numbers(), [])
        with self.assertRaisesRegex(ValueError, r"lie in \[0, 5\), got values from -1 to 2"):
            Subset(_Numbers(), [2, -1])
        with self.assertRaisesRegex(ValueError, "got values from 0 to 5"):
            Subset(_Numbers(), [0, 5])


if __name__ == "__main__":
    tf.test.main()

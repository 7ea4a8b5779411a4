"""Tests of bilinear resizing."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.bilinear import resize_bilinear


class ResizeBilinearTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        # Output centres 0..4 in input coordinates: i * 2 / 4, or (i + 1/2) * 3 / 5 - 1/2.
        (True, np.arange(5) * 2 / 4),
        (False, np.clip((np.arange(5) + 0.5) * 3 / 5 - 0.5, 0, 2)),
    )
    def test_interpolates_at_the_centres_of_the_convention(self, aligned_corners, centres):
        """`numpy.interp` along each axis of a separable map."""
        row, column = np.array([1.0, 4.0, -2.0]), np.array([2.0, 3.0, 1.0])
        maps = np.outer(column, row)[None, :, :, None].astype(np.float16)
        resized = resize_bilinear(maps, (5, 5), aligned_corners=aligned_corners)
        expected = np.outer(
            np.interp(centres, np.arange(3), column), np.interp(centres, np.arange(3), row)
        )
        self.assertAllClose(resized[0, :, :, 0], expected, atol=1e-5)
        self.assertEqual(resized.dtype, tf.float32)


if __name__ == "__main__":
    tf.test.main()

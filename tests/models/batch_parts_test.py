"""Tests of dividing a batch."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.models.batch_parts import part_sizes, split_rows


class BatchPartsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((6, [2, 2, 2]), (7, [3, 2, 2]), (8, [3, 3, 2]), (3, [1, 1, 1]))
    def test_parts_are_as_even_as_can_be(self, size, expected):
        self.assertEqual(part_sizes(size, "abc"), dict(zip("abc", expected)))

    def test_rows_go_to_the_parts_in_order_and_keep_their_structure(self):
        tensors = {"x": tf.range(3), "y": [tf.constant([[1.0], [2.0], [3.0]])]}
        parts = split_rows(tensors, {"first": 2, "second": 1})
        self.assertAllEqual(parts["first"]["x"], [0, 1])
        self.assertAllEqual(parts["second"]["x"], [2])
        self.assertAllEqual(parts["second"]["y"][0], [[3.0]])

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "size of a batch must be known"):
            part_sizes(None, ["a"])
        with self.assertRaisesRegex(ValueError, "A batch of 1 cannot be divided into 2 parts"):
            part_sizes(1, ["a", "b"])


if __name__ == "__main__":
    tf.test.main()

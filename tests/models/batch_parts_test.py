"""Tests of dividing a batch."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.models.batch_parts import part_sizes, split_rows


class BatchPartsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters((6, [2, 2, 2]), (7, [3, 2, 2]), (8, [3, 3, 2]), (3, [1, 1, 1]))
    def test_parts_are_as_even_as_can_be(self, size, expected):
        sizes = part_sizes(size, dict.fromkeys("abc", 1))
        self.assertEqual(list(sizes.items()), list(zip("abc", expected)))

    def test_rows_go_to_the_parts_in_order_and_keep_their_structure(self):
        tensors = {"x": tf.range(3), "y": [tf.constant([[1.0], [2.0], [3.0]])]}
        parts = split_rows(tensors, {"first": 2, "second": 1})
        self.assertAllEqual(parts["first"]["x"], [0, 1])
        self.assertAllEqual(parts["second"]["x"], [2])
        self.assertAllEqual(parts["second"]["y"][0], [[3.0]])

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "size of a batch must be known.*, got None"):
            part_sizes(None, {"a": 1})
        for size, fewest in ((1, {"a": 1, "b": 1}), (4, {"a": 1, "b": 3})):
            with self.assertRaisesRegex(
                ValueError, f"at least {fewest} rows, got a batch of {size} with parts of {{'a': "
            ):
                part_sizes(size, fewest)


if __name__ == "__main__":
    tf.test.main()

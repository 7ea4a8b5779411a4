"""Tests of rows that are gathered part by part."""

import numpy as np
from absl.testing import absltest

from rtml_tf.evaluation.gathered_rows import GatheredRows


class GatheredRowsTest(absltest.TestCase):
    def test_a_part_is_that_of_the_whole(self):
        table = np.arange(12).reshape(4, 3)
        for rows in (np.array([3, 0, 0, 2, 1]), np.array([[3, 0], [1, 1], [2, 3]])):
            whole = table[rows]
            for part in (slice(0, 2), slice(2, 9), slice(9, 10)):
                np.testing.assert_array_equal(GatheredRows(table, rows)[part], whole[part])


if __name__ == "__main__":
    absltest.main()

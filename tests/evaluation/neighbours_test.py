"""Tests of the blocked search."""

from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from sklearn import neighbors

from rtml_tf.evaluation import neighbours
from tests import two_cpus


def setUpModule():
    two_cpus.start()


def _unit(generator, *shape):
    vectors = generator.normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _table(queries, gallery, counts, **kwargs):
    """The lists of neighbours in query order, each cut to its count."""
    found = {}
    for rows, indices in neighbours.nearest_neighbours(queries, gallery, counts, **kwargs):
        found |= {row: list(line[: counts[row]]) for row, line in zip(rows, indices)}
    return [found[row] for row in range(len(queries))]


class NearestNeighboursTest(parameterized.TestCase):
    @parameterized.parameters(1, 500, 2**24)
    def test_finds_what_brute_force_finds(self, block_size):
        """Reference: scikit-learn's brute force; equal lengths make both orders the same."""
        generator = np.random.default_rng(0)
        queries, gallery = _unit(generator, 23, 5), _unit(generator, 90, 5)
        counts = generator.integers(1, 20, size=23)
        reference = neighbors.NearestNeighbors(algorithm="brute").fit(gallery)
        expected = reference.kneighbors(queries, 20, return_distance=False)

        table = _table(queries, gallery, counts, block_size=block_size)

        self.assertEqual(table, [list(line[:n]) for line, n in zip(expected, counts)])

    @parameterized.parameters(1, 500)
    def test_devices_divide_the_queries(self, block_size):
        generator = np.random.default_rng(0)
        queries, gallery = _unit(generator, 23, 5), _unit(generator, 90, 5)
        counts = generator.integers(1, 20, size=23)
        arguments = (queries, gallery, counts)
        own_index = np.arange(23)
        table = _table(*arguments, own_index=own_index, block_size=block_size)
        with mock.patch.object(tf, "device", side_effect=tf.device) as chosen:
            divided = _table(
                *arguments,
                own_index=own_index,
                block_size=block_size,
                devices=("CPU:0", "CPU:1"),
            )
            used = [call.args[0] for call in chosen.call_args_list]
        self.assertEqual(divided, table)
        self.assertLessEqual(abs(used.count("CPU:0") - used.count("CPU:1")), 1)

    @parameterized.parameters(1, 40, 2**24)
    def test_the_query_itself_is_left_out_and_the_rest_moves_up(self, block_size):
        gallery = np.eye(4, dtype=np.float32)
        counts = np.full(4, 4)

        table = _table(
            gallery, gallery, counts, own_index=np.array([0, 1, 2, -1]), block_size=block_size
        )

        # All others are equally similar: by index; -1 where nothing is left.
        self.assertEqual(table, [[1, 2, 3, -1], [0, 2, 3, -1], [0, 1, 3, -1], [3, 0, 1, 2]])

    def test_leaving_out_the_query_does_not_shorten_the_list(self):
        gallery = np.eye(4, dtype=np.float32)
        table = _table(gallery, gallery, np.full(4, 2), own_index=np.array([0, -1, 3, 3]))
        self.assertEqual(table, [[1, 2], [1, 0], [2, 0], [0, 1]])

    def test_equal_similarities_are_ranked_by_gallery_index(self):
        gallery = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [1, 0]], np.float32)

        table = _table(np.array([[0, 1], [1, 0]], np.float32), gallery, np.array([5, 4]))

        self.assertEqual(table, [[1, 3, 0, 2, 4], [0, 2, 4, 1]])

    def test_a_block_is_as_small_as_asked_and_only_as_wide_as_its_queries_need(self):
        gallery = np.eye(100, dtype=np.float32)
        counts = np.array([1] * 50 + [60])

        blocks = list(neighbours.nearest_neighbours(gallery[:51], gallery, counts, block_size=1500))

        self.assertEqual(blocks[0][1].shape, (2, 60))
        self.assertEqual(blocks[1][1].shape, (13, 1))

    @parameterized.parameters(True, False)
    def test_products_are_exact_and_the_setting_of_the_process_is_left_as_it_was(self, enabled):
        setting = tf.config.experimental.tensor_float_32_execution_enabled
        enable = tf.config.experimental.enable_tensor_float_32_execution
        self.addCleanup(enable, setting())
        enable(enabled)
        product, during = neighbours._most_similar, []

        def observed(*arguments):
            during.append(setting())
            return product(*arguments)

        with mock.patch.object(neighbours, "_most_similar", observed):
            _table(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), np.array([1, 1]))
        self.assertEqual(during, [False])
        self.assertEqual(setting(), enabled)

    def test_arguments_that_do_not_fit_are_refused(self):
        eye = np.eye(3, dtype=np.float32)
        ones = np.ones(3, int)
        with self.assertRaisesRegex(ValueError, r"same width D, got shapes \(3, 3\) and \(3, 2\)"):
            _table(eye, eye[:, :2], ones)
        with self.assertRaisesRegex(ValueError, "counts must be 3 numbers"):
            _table(eye, eye, ones[:2])
        with self.assertRaisesRegex(ValueError, "one entry for each of 3 queries"):
            _table(eye, eye, ones, own_index=ones[:2])
        with self.assertRaisesRegex(ValueError, "below the gallery's size 3, got 3"):
            _table(eye, eye, ones, own_index=3 * ones)
        with self.assertRaisesRegex(ValueError, "block_size must be at least 1, got 0"):
            _table(eye, eye, ones, block_size=0)


if __name__ == "__main__":
    absltest.main()

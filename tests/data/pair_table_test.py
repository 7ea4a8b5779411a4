"""Tests of pairs in a table."""

import os

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from rtml_tf.data import pair_table


class PairsFromTableTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.root = self.create_tempdir().full_path
        for number in range(6):
            Image.new("L", (2, 3), number).save(os.path.join(self.root, f"{number}.png"))

    def _pairs(self, text, name="pairs.csv", **kwargs):
        file = os.path.join(self.root, name)
        with open(file, "w", encoding="utf-8") as stream:
            stream.write(text)
        return pair_table.pairs_from_table(file=file, image_size=(3, 2), channels=1, **kwargs)

    @parameterized.parameters(
        ("path_a,path_b,same,fold\n3.png,1.png,1,5\n\n1.png, 0.png ,False,0\n", "pairs.csv"),
        ("3.png\t1.png\ttrue\t5\n1.png\t0.png\t0\t0\n", "pairs.tsv"),
    )
    def test_reads_paths_kinds_and_folds(self, text, name):
        pairs = self._pairs(text, name)
        self.assertEqual(pairs.images.keys, ("3.png", "1.png", "0.png"))
        np.testing.assert_array_equal(pairs.left, [0, 1])
        np.testing.assert_array_equal(pairs.right, [1, 2])
        np.testing.assert_array_equal(pairs.same, [True, False])
        np.testing.assert_array_equal(pairs.fold, [5, 0])
        self.assertIsNone(pairs.people)
        np.testing.assert_allclose(pairs.images.load(pairs.left[0]), np.full((3, 2, 1), 3 / 255))

    def test_deals_folds_where_the_table_has_none(self):
        lines = ["0.png,1.png,1", "2.png,3.png,1", "0.png,4.png,0", "0.png,5.png,0"]
        pairs = self._pairs("path_a,path_b,same\n" + "\n".join(lines), num_folds=2)
        np.testing.assert_array_equal(pairs.fold, [0, 1, 0, 1])

    def test_paths_can_start_elsewhere(self):
        file = self.create_tempfile(content="0.png,1.png,1,0\n").full_path
        pairs = pair_table.pairs_from_table(file=file, root=self.root, image_size=(3, 2))
        self.assertEqual(pairs.images.paths[1], os.path.join(self.root, "1.png"))

    @parameterized.parameters(
        ("0.png,1.png\n", "line 1: expected path_a, path_b, same and perhaps fold, got"),
        ("0.png,1.png,1\n0.png,,1\n", "line 2: expected path_a"),
        ("0.png,1.png,yes\n", "line 1: same must be 1, 0, true or false, got 'yes'"),
        ("0.png,1.png,1,-1\n", "line 1: fold must be a whole number from 0, got '-1'"),
        (
            "0.png,1.png,1,0\n\n0.png,2.png,0\n",
            r"line 3: either all lines or none .* got none in \['0.png', '2.png', '0'\] and one in",
        ),
        ("0.png,1.png,1\n0.png,2.png,0,4\n", "line 2: .* got one in .*'4'.* and none in the"),
        ("0.png,1.png,1\n2.png,7.png,1\n", "line 2: .*/7.png does not exist"),
        ("0.png,0.png,1\n", "line 1: a pair must have two different images, got 0.png twice"),
        ("path_a,path_b,same\n", "lists no pair"),
        ('0.png,1.png,"1\n', "cannot be read as a table after line"),
        ("0.png,1.png,1\n2.png,3.png,0\n", "num_folds must be at least 2 .* got 10"),
    )
    def test_malformed_tables_are_refused_with_the_line(self, text, message):
        with self.assertRaisesRegex(ValueError, message):
            self._pairs(text)

    def test_a_missing_table_is_named(self):
        with self.assertRaisesRegex(ValueError, "existing CSV or TSV file, got 'none.csv'"):
            pair_table.pairs_from_table(file="none.csv", image_size=(3, 2))


if __name__ == "__main__":
    absltest.main()

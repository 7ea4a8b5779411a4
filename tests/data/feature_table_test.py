"""Tests of tables of precomputed features."""

import os
import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.feature_table import FeatureTable

_KEYS = ("b/1.png", "a/2.png", "c, d.png")
_FEATURES = np.array([[1.5, -2.0], [0.0, 3e-5], [7.0, 8.0]], np.float32)


class FeatureTableTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._folder = pathlib.Path(self.create_tempdir())

    def _written(self, name: str, text: str) -> str:
        path = self._folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def _saved(self, **arrays: np.ndarray) -> str:
        np.savez(self._folder / "table.npz", **arrays)
        return str(self._folder / "table.npz")

    def _check(self, table: FeatureTable, classes: tuple[str, ...] = ("unknown",) * 3):
        self.assertEqual(table.keys, _KEYS)
        self.assertEqual(table.image_shape, (2,))
        self.assertEqual(tuple(table.class_names[label] for label in table.labels), classes)
        self.assertAllEqual(list(tf.data.Dataset.range(3).map(table.load)), _FEATURES)

    def test_reads_npz(self):
        self._check(FeatureTable(file=self._saved(keys=_KEYS, features=_FEATURES)))
        for labels in (["x", "y", "x"], [10, 9, 10]):
            file = self._saved(keys=_KEYS, features=_FEATURES.astype(np.float64), labels=labels)
            table = FeatureTable(file=file)
            self._check(table, tuple(map(str, labels)))
        self.assertEqual(table.class_names, ("9", "10"))

    def test_reads_npy_with_a_file_of_keys(self):
        np.save(self._folder / "table.npy", _FEATURES)
        keys = self._written("keys.txt", "b/1.png\na/2.png\nc, d.png\n")
        self._check(FeatureTable(file=str(self._folder / "table.npy"), keys_file=keys))

    @parameterized.named_parameters(
        ("plain", 'b/1.png,1.5,-2\na/2.png,0,3e-5\n"c, d.png",7,8\n', "table.csv", None),
        (
            "header",
            '\ufeffKey,f0,f1\nb/1.png,1.5,-2\n\na/2.png,0,3e-5\n"c, d.png",7,8',
            "t.csv",
            None,
        ),
        (
            "labels_and_tabs",
            "key\tlabel\nb/1.png\tx\t1.5\t-2\na/2.png\ty\t 0\t3e-5\nc, d.png\tx\t7\t8\n",
            "table.tsv",
            ("x", "y", "x"),
        ),
    )
    def test_reads_tables(self, text: str, name: str, classes: tuple[str, ...] | None):
        self._check(FeatureTable(file=self._written(name, text)), classes or ("unknown",) * 3)

    @parameterized.parameters(
        ("a,1,2\nb,1\n", "line 2: expected 2 numbers after the key, got 1"),
        ("a\n", "line 1: expected some numbers after the key, got 0"),
        ("a,1,2\nb,1,x\n", "line 2: could not convert string to float: 'x'"),
        ("key,label\na\n", "line 2: expected some numbers after the key, got 0"),
        ("key,f0\n", "has no features"),
        ("a,1\nb,nan\n", r"not for keys \(1\): b"),
        ("a,1\nb,2\na,3\n", r"table.csv: The source has duplicated keys \(1\): a"),
        ('a,"1\n', "cannot be read as a table after line 1"),
    )
    def test_malformed_tables_are_named(self, text: str, message: str):
        with self.assertRaisesRegex(ValueError, message):
            FeatureTable(file=self._written("table.csv", text))

    @parameterized.parameters(
        ({"features": _FEATURES}, "must hold the arrays keys and features, got features"),
        ({"keys": [1, 2, 3], "features": _FEATURES}, "keys must be strings .* got int64"),
        ({"keys": _KEYS[:2], "features": _FEATURES}, "table.npz: there must be one key a row"),
        (
            {"keys": _KEYS, "features": np.zeros((3, 2, 1))},
            r"features must be \[N, F\], got \(3, 2, 1",
        ),
        ({"keys": _KEYS, "features": _FEATURES, "labels": [1, 2]}, "for each of 3 keys, got int64"),
        ({"keys": _KEYS, "features": np.array([[{}]] * 3)}, "cannot be read .*allow_pickle"),
        ({"keys": np.array([{}] * 3), "features": _FEATURES}, "cannot be read .*allow_pickle"),
    )
    def test_malformed_arrays_are_named(self, arrays: dict, message: str):
        with self.assertRaisesRegex(ValueError, message):
            FeatureTable(file=self._saved(**arrays))

    def test_other_files_are_named(self):
        with self.assertRaisesRegex(
            ValueError, "must end in .npz, .npy, .csv or .tsv, got 'x.pkl'"
        ):
            FeatureTable(file="x.pkl")
        with self.assertRaisesRegex(ValueError, "There is no file '/no/x.npz'"):
            FeatureTable(file="/no/x.npz")
        np.save(self._folder / "table.npy", _FEATURES)
        with self.assertRaisesRegex(ValueError, "keys_file belongs to a .npy file"):
            FeatureTable(file=str(self._folder / "table.npy"))
        with self.assertRaisesRegex(ValueError, "keys_file belongs to a .npy file"):
            FeatureTable(file="x.csv", keys_file="keys.txt")
        with self.assertRaisesRegex(ValueError, "There is no file '.*keys.txt'"):
            keys = os.path.join(self._folder, "keys.txt")
            FeatureTable(file=str(self._folder / "table.npy"), keys_file=keys)
        with self.assertRaisesRegex(ValueError, "x.npz cannot be read"):
            FeatureTable(file=self._written("x.npz", "no archive"))


if __name__ == "__main__":
    tf.test.main()

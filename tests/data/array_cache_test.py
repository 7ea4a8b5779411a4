import os
import pathlib
import subprocess
import sys
from unittest import mock

import numpy as np
from absl.testing import absltest, parameterized

from rtml_tf.data import array_cache
from rtml_tf.data.array_cache import ArrayCache

_KEY = {"seed": 3, "version": "1.0"}

# Waits until both processes are there, so that both find an empty cache.
_PROCESS = """
import sys, time, pathlib
import numpy as np
from rtml_tf.data.array_cache import ArrayCache
directory, own, other = sys.argv[1:]
def make():
    pathlib.Path(own).touch()
    while not pathlib.Path(other).exists():
        time.sleep(0.01)
    return {"values": np.arange(100_000)}
values = ArrayCache(directory).get("set", {}, make)["values"]
assert np.array_equal(values, np.arange(100_000))
"""


class _Maker:
    """Makes the same arrays each time and counts how often."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return {
            "images": np.arange(60, dtype=np.uint8).reshape(3, 5, 4),
            "names": np.array(["one", "two"]),
        }


class ArrayCacheTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.directory = pathlib.Path(self.create_tempdir().full_path) / "deep" / "cache"
        self.cache = ArrayCache(self.directory)
        self.make = _Maker()

    def _check(self, arrays):
        self.assertSameElements(arrays, ["images", "names"])
        for name, array in self.make().items():
            np.testing.assert_array_equal(arrays[name], array)
            self.assertEqual(arrays[name].dtype, array.dtype)

    def test_makes_once_and_reads_afterwards(self):
        first = self.cache.get("set", _KEY, self.make)
        second = ArrayCache(str(self.directory)).get("set", dict(_KEY), self.make)
        self.assertEqual(self.make.calls, 1)
        self._check(first)
        self._check(second)

    def test_another_key_is_another_file(self):
        self.cache.get("set", _KEY, self.make)
        self.cache.get("set", {**_KEY, "seed": 4}, self.make)
        self.cache.get("other", _KEY, self.make)
        self.assertEqual(self.make.calls, 3)
        self.assertLen(os.listdir(self.directory), 3)

    @parameterized.named_parameters(
        ("cut_off", lambda data: data[: len(data) // 2]),
        ("empty", lambda data: b""),
        ("other_content", lambda data: b"not an archive"),
        ("one_value_changed", lambda data: data.replace(bytes(range(60)), bytes(range(1, 61)))),
    )
    def test_damage_is_noticed_logged_and_repaired(self, damage):
        self.cache.get("set", _KEY, self.make)
        path = self.cache.path("set", _KEY)
        sound = path.read_bytes()
        path.write_bytes(damage(sound))
        self.assertNotEqual(path.read_bytes(), sound)
        with self.assertLogs("absl", "WARNING") as logs:
            arrays = self.cache.get("set", _KEY, self.make)
        self.assertIn(f"{path} is damaged", logs.output[0])
        self.assertEqual(self.make.calls, 2)
        self._check(arrays)
        self.cache.get("set", _KEY, self.make)
        self.assertEqual(self.make.calls, 3)  # _check made it once; the file is sound again.

    def test_a_sound_archive_with_other_values_is_damage(self):
        """Every part of the archive is intact here: only the own checksum can tell."""
        self.cache.get("set", _KEY, self.make)
        path = self.cache.path("set", _KEY)
        with np.load(path) as file:
            arrays = dict(file)
        arrays["images"] = arrays["images"] + 1
        np.savez(path, **arrays)
        with self.assertLogs("absl", "WARNING"):
            self._check(self.cache.get("set", _KEY, self.make))

    def test_pickled_objects_are_not_loaded(self):
        self.cache.get("set", _KEY, self.make)
        path = self.cache.path("set", _KEY)
        np.savez(path, images=np.array([{"an": "object"}], dtype=object))
        with self.assertLogs("absl", "WARNING") as logs:
            self.cache.get("set", _KEY, self.make)
        self.assertIn("allow_pickle", logs.output[0])

    def test_a_directory_that_cannot_be_written_only_warns(self):
        occupied = self.create_tempfile("file").full_path
        with self.assertLogs("absl", "WARNING") as logs:
            arrays = ArrayCache(os.path.join(occupied, "cache")).get("set", _KEY, self.make)
        self.assertIn("RTML_TF_CACHE", logs.output[0])
        self._check(arrays)

    def test_a_failed_write_leaves_nothing_behind(self):
        with mock.patch.object(os, "replace", side_effect=OSError("disk full")):
            with self.assertLogs("absl", "WARNING") as logs:
                self.cache.get("set", _KEY, self.make)
        self.assertIn("disk full", logs.output[0])
        self.assertEmpty(os.listdir(self.directory))

    def test_two_processes_may_start_at_once(self):
        marks = [str(self.directory.parent / name) for name in ("first", "second")]
        self.directory.parent.mkdir(parents=True)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", _PROCESS, str(self.directory), own, other],
                env=environment,
            )
            for own, other in (marks, reversed(marks))
        ]
        self.assertEqual([process.wait(timeout=60) for process in processes], [0, 0])
        self.assertEqual(os.listdir(self.directory), [ArrayCache("").path("set", {}).name])
        fail = mock.Mock(side_effect=AssertionError)
        values = self.cache.get("set", {}, fail)["values"]
        np.testing.assert_array_equal(values, np.arange(100_000))

    @parameterized.parameters(
        ({"RTML_TF_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/rtml_tf"),
        ({"HOME": "/c"}, "/c/.cache/rtml_tf"),
    )
    def test_default_directory(self, environment, expected):
        with mock.patch.dict(os.environ, environment, clear=True):
            self.assertEqual(array_cache.default_directory(), pathlib.Path(expected))
            self.assertEqual(ArrayCache().directory, pathlib.Path(expected))


if __name__ == "__main__":
    absltest.main()

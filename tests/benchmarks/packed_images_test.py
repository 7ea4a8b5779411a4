"""Tests of what is in the page cache when packed images are timed."""

import contextlib
import io
import pathlib
from unittest import mock

from absl.testing import absltest, flagsaver

from benchmarks import packed_images


class _Source:
    """Three hundred images in as many files, or packed into one."""

    def __init__(self, folder):
        self.folder = folder
        self.paths = [f"{number}.jpg" for number in range(300)]

    def __len__(self):
        return 300

    def load(self, number):
        return number


class PackedImagesTest(absltest.TestCase):
    @flagsaver.flagsaver(images=100, rounds=2)
    def test_warm_files_are_read_once_before_and_cold_ones_dropped(self):
        folder = pathlib.Path(self.create_tempdir().full_path)
        shard = folder / "shard.tfrecord"
        shard.write_bytes(b"")
        source, packed = _Source(folder), _Source(folder)
        cached = {}  # Of each set of files, the images that were read since it was dropped.

        def forget(paths):
            cached[tuple(paths)] = set()

        def rate(load, numbers):
            """Stands for a rate: the share of the images that are in the cache."""
            files = (str(shard),) if load == packed.load else tuple(source.paths)
            held = cached.setdefault(files, set())
            share = len(held & set(numbers)) / len(numbers)
            held.update(numbers)
            return share

        with (
            mock.patch.object(packed_images, "_forget", forget),
            mock.patch.object(packed_images, "_rate", rate),
            contextlib.redirect_stdout(io.StringIO()) as printed,
        ):
            packed_images._measure(source, packed)
        rows = [line.split(" | ")[1:] for line in printed.getvalue().splitlines()[-3:]]
        self.assertEqual(rows, [["1", "1", "0", "0 |"]] * 3)


if __name__ == "__main__":
    absltest.main()

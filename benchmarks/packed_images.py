"""How fast images come from packed files, beside the folder of JPEG files that they were.

    python -m benchmarks.packed_images --root=photos --image_size=112

Packs the folder into a temporary one, on the same disk as `--root` if `--scratch` says so, and
prints the rate of packing and Markdown tables of images per second: read and decoded by a
`tf.data` pipeline in random order (as P-K batches are) and in order (as evaluations are), with the
files in the page cache (warm: the same images are read once before) and dropped from it (cold; a
virtual disk may keep a cache of its own). Rounds of all rows are interleaved, figures are medians.
`reading` is the content alone, without decoding.
"""

import os
import pathlib
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from absl import app, flags

from rtml_tf import users_folder
from rtml_tf.data.image_folder import ImageFolder
from rtml_tf.data.packed_images import PackedImages
from rtml_tf.data.packing import pack

_ROOT = flags.DEFINE_string("root", None, "Folder with one folder of images per class.")
_SCRATCH = flags.DEFINE_string("scratch", None, "Where to pack; the default is the temporary one.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 112, "Height and width in pixels.", 8)
_IMAGES_PER_SHARD = flags.DEFINE_integer("images_per_shard", 10_000, "Of the packed files.", 1)
_IMAGES = flags.DEFINE_integer("images", 2000, "Images that are read in a round.", 100)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds for each row.", 1)
_BATCH_SIZE = 50


def _forget(paths: Sequence[str]) -> None:
    """Drops files from the page cache."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def _rate(load: Callable[[tf.Tensor], tf.Tensor], numbers: np.ndarray) -> float:
    examples = tf.data.Dataset.from_tensor_slices(numbers).map(load, tf.data.AUTOTUNE)
    batches = iter(examples.batch(_BATCH_SIZE).prefetch(tf.data.AUTOTUNE))
    next(batches)  # Making the pipeline takes longer than reading a batch.
    start = time.perf_counter()
    images = sum(len(batch) for batch in batches)
    return images / (time.perf_counter() - start)


def _reading(paths: Sequence[str]) -> Callable[[tf.Tensor], tf.Tensor]:
    names = tf.constant(paths)
    return lambda number: tf.strings.length(tf.io.read_file(tf.gather(names, number)))


def _measure(folder: ImageFolder, packed: PackedImages) -> None:
    shards = [str(path) for path in pathlib.Path(packed.folder).glob("*.tfrecord")]
    rows = {
        "JPEG files": (folder.load, folder.paths),
        "packed files": (packed.load, shards),
        "JPEG files, reading": (_reading(folder.paths), folder.paths),
    }
    generator = np.random.default_rng(0)
    count = min(_IMAGES.value, len(folder))
    columns = ("random, warm", "in order, warm", "random, cold", "in order, cold")
    rates = {(row, column): [] for row in rows for column in columns}
    for round_number in range(_ROUNDS.value + 1):
        drawn = generator.permutation(len(folder))[:count]
        first = generator.integers(len(folder) - count + 1)
        for (row, column), measured in rates.items():
            load, paths = rows[row]
            numbers = drawn if column.startswith("random") else np.arange(first, first + count)
            if column.endswith("cold"):
                _forget(paths)
            else:
                _rate(load, numbers)  # Brings the files back that the round before has dropped.
            measured.append(_rate(load, numbers))
        if round_number == 0:  # The first round warms up: tracing, tuning.
            for measured in rates.values():
                measured.clear()
    print(f"Images per second, {count} images a round, {_ROUNDS.value} rounds:\n")
    print(f"| source | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    for row in rows:
        medians = [statistics.median(rates[row, column]) for column in columns]
        print(f"| {row} | {' | '.join(f'{rate:,.0f}' for rate in medians)} |")


def main(_: list[str]) -> None:
    users_folder.enter()
    size = (_IMAGE_SIZE.value, _IMAGE_SIZE.value)
    begin = time.perf_counter()
    folder = ImageFolder(root=_ROOT.value, image_size=size)
    checked = time.perf_counter() - begin
    with tempfile.TemporaryDirectory(dir=_SCRATCH.value) as scratch:
        begin = time.perf_counter()
        found = pack(source=folder, folder=scratch, images_per_shard=_IMAGES_PER_SHARD.value)
        seconds = time.perf_counter() - begin
        # A second source, so that what Python loads once is not counted.
        PackedImages(folder=scratch, image_size=size)
        tracemalloc.start()
        begin = time.perf_counter()
        packed = PackedImages(folder=scratch, image_size=size)
        opened = time.perf_counter() - begin
        kept, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        images = found["images"]
        print(
            f"{images:,} images, {found['bytes'] / images:,.0f} bytes each: checked at "
            f"{images / checked:,.0f}/s, packed at {images / seconds:,.0f}/s "
            f"({found['bytes'] / seconds / 1e6:,.0f} MB/s). The opened index takes "
            f"{kept / images:.0f} bytes an image, {most / images:.0f} while it is read, at "
            f"{images / opened:,.0f} images/s with memory traced; "
            f"{len(os.sched_getaffinity(0))} cores.\n"
        )
        _measure(folder, packed)


if __name__ == "__main__":
    flags.mark_flag_as_required("root")
    app.run(main)

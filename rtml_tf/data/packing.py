"""Packs the images of a source into a few large files."""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import time
import zlib
from collections.abc import Iterator
from concurrent import futures

import numpy as np
import tensorflow as tf
from absl import logging

from rtml_tf.data import shard_table
from rtml_tf.data.image_files import ImageFiles
from rtml_tf.data.shard_table import PackedError, ShardTable
from rtml_tf.whole_file import whole_file

# Images held in memory, and files asked for at the same time.
_IMAGES_AT_ONCE, _READERS = 256, 8


def pack(
    *, source: ImageFiles, folder: str, images_per_shard: int = 10_000, verify: bool = False
) -> dict[str, int]:
    """Copies the image files of a source, as they are, into TFRecord files with an index.

    `PackedImages` reads them. Shards hold consecutive images of the source, and every byte that is
    written is a function of the source and `images_per_shard`.

    Called again, a pack that was stopped goes on: a shard that is finished is kept, unless an image
    of it has been modified since, or the shard is damaged. Every file appears under its name only
    when it is complete, and the index only when all of them are.

    Args:
        source: The images. Its sizes and channels do not matter here.
        folder: Where they go; made if it does not exist. A leading `~` is the home folder.
        images_per_shard: Images in every shard but the last. Shards of 100 to 200 MB are read well
            by every kind of disk.
        verify: Whether to read finished shards and compare their checksums; otherwise their size
            is looked at.

    Returns:
        How many `images`, `classes` and `shards` there are, the `bytes` of all shards, and the
        shards `written` in this call.

    Raises:
        ValueError: If `images_per_shard` is below 1, the folder holds anything else, images of
            another source among it, or is in use by another process.
        OSError: If an image cannot be read or the folder cannot be written.
    """
    if images_per_shard < 1:
        raise ValueError(f"images_per_shard must be at least 1, got {images_per_shard}.")
    path = pathlib.Path(folder).expanduser()
    shards = -(-len(source) // images_per_shard)
    parts = [
        range(start, min(start + images_per_shard, len(source)))
        for start in range(0, len(source), images_per_shard)
    ]
    path.mkdir(parents=True, exist_ok=True)
    with _claimed(path, shards):
        tables, written = [], 0
        for number, part in enumerate(parts):
            file = shard_table.shard_path(path, number, shards)
            table = _finished(source, part, file, verify)
            if table is None:
                # What is there of an index is about another shard than this will be.
                (path / shard_table.INDEX).unlink(missing_ok=True)
                begin = time.perf_counter()
                table = _write_shard(source, part, file)
                seconds = time.perf_counter() - begin
                logging.info("Packed %s, %.0f images/s.", file.name, len(part) / seconds)
                written += 1
            tables.append(table)
        _write_index(path, source, tables)
    return {
        "images": len(source),
        "classes": source.num_classes,
        "shards": shards,
        "bytes": sum(table.num_bytes for table in tables),
        "written": written,
    }


@contextlib.contextmanager
def _claimed(folder: pathlib.Path, shards: int) -> Iterator[None]:
    """Keeps other processes out of the folder, and removes what a killed one left unfinished."""
    with open(folder / ".lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PackedError(f"{folder} is in use by another process.") from error
        files = [shard_table.shard_path(folder, number, shards) for number in range(shards)]
        names = {file.name for file in files} | {file.with_suffix(".json").name for file in files}
        others = []
        for entry in sorted(folder.iterdir()):
            if entry.name.startswith((".images-", ".index.")):
                entry.unlink()
            elif entry.name not in names | {".lock", shard_table.INDEX}:
                others.append(entry.name)
        if others:
            raise PackedError(
                f"{folder} must be empty or hold an earlier pack of the same images into {shards} "
                f"shards, got {', '.join(others[:3])} ({len(others)} such files). Choose another "
                "folder."
            )
        yield


def _finished(
    source: ImageFiles, part: range, file: pathlib.Path, verify: bool
) -> ShardTable | None:
    """The table of a shard that is finished; None if it has to be written.

    Raises:
        PackedError: If it holds other images.
    """
    place = file.with_suffix(".json")
    if not place.exists():
        return None
    try:
        table = shard_table.table_from_json(place.read_bytes(), place)
        _check_size(table, file)
        if verify and shard_table.sha256_of(file) != table.sha256:
            raise PackedError(f"{file} is not what was written: its checksum differs.")
    except PackedError as error:
        logging.warning("%s It is packed again.", error)
        return None
    wanted = _table(source, part)
    if table.keys != wanted.keys or not np.array_equal(table.labels, wanted.labels):
        raise PackedError(
            f"{place} lists other images or classes than the source has now. Remove the folder, or "
            "choose another."
        )
    written = place.stat().st_mtime_ns
    newer = next((n for n in part if os.stat(source.paths[n]).st_mtime_ns > written), None)
    boxes_differ = not np.array_equal(table.boxes, wanted.boxes)
    if newer is not None or boxes_differ:
        logging.warning(
            "%s is packed again: %s.",
            file,
            "its boxes are others now" if newer is None else f"{source.paths[newer]} is newer",
        )
        return None
    return table

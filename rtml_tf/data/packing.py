"""Packs the images of a source into a few large files."""

import contextlib
import fcntl
import os
import pathlib
import time
import zlib
from collections.abc import Iterator, Sequence
from concurrent import futures

import numpy as np
import tensorflow as tf
from absl import logging

from rtml_tf.data import packed_index
from rtml_tf.data.image_files import ImageFiles
from rtml_tf.data.packed_index import PackedIndex, table_path
from rtml_tf.data.packed_record import record_of
from rtml_tf.data.shard_table import PackedError, ShardTable, sha256_of, table_from_json
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
    of it is no longer what was packed, or the shard is damaged. An image is read again to find out
    where its size differs, or it has been modified or replaced since its shard was begun. Every
    file appears under its name only when it is complete, and the index only when all of them are.

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
    _check_folder(path, shards)
    path.mkdir(parents=True, exist_ok=True)
    with _claimed(path):
        tables, written = [], 0
        for number, part in enumerate(parts):
            file = packed_index.shard_path(path, number, shards)
            table = _finished(source, part, file, verify)
            if table is None:
                # What is there of an index is about another shard than this will be.
                (path / packed_index.INDEX).unlink(missing_ok=True)
                begin = time.perf_counter()
                table = _write_shard(source, part, file)
                seconds = time.perf_counter() - begin
                logging.info("Packed %s, %.0f images/s.", file.name, len(part) / seconds)
                written += 1
            tables.append(table)
        index = PackedIndex(source.class_names, tuple(tables), source.checked)
        packed_index.write_index(path, index)
    return {
        "images": len(source),
        "classes": source.num_classes,
        "shards": shards,
        "bytes": sum(table.num_bytes for table in tables),
        "written": written,
    }


def _check_folder(folder: pathlib.Path, shards: int) -> None:
    """Refuses a folder that holds anything else, and changes nothing."""
    if not folder.exists():
        return
    files = [packed_index.shard_path(folder, number, shards) for number in range(shards)]
    known = {packed_index.INDEX, *(file.name for file in files)}
    known |= {table_path(file).name for file in files}
    others = [name for name in sorted(os.listdir(folder)) if name[0] != "." and name not in known]
    if others:
        raise PackedError(
            f"{folder} must be a new or an empty folder, or one of the same images in {shards} "
            f"shards, but holds {', '.join(others[:3])}{', ...' if len(others) > 3 else ''}."
        )


@contextlib.contextmanager
def _claimed(folder: pathlib.Path) -> Iterator[None]:
    """Keeps other processes out of the folder, and removes what a killed one left unfinished."""
    with open(folder / ".lock", "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PackedError(f"{folder} is in use by another process.") from error
        for pattern in (".images-*", ".index.*"):
            for unfinished in folder.glob(pattern):
                unfinished.unlink()
        yield


def _finished(
    source: ImageFiles, part: range, file: pathlib.Path, verify: bool
) -> ShardTable | None:
    """The table of a shard that is finished; None if it has to be written.

    Raises:
        PackedError: If it holds other images.
    """
    place = table_path(file)
    if not place.exists():
        return None
    try:
        table = table_from_json(place.read_bytes(), place)
        table.check(file, whole=verify)
    except PackedError as error:
        logging.warning("%s It is packed again.", error)
        return None
    keys, labels, boxes = _of_part(source, part)
    if not (table.keys == keys and _equal(table.labels, labels) and _equal(table.boxes, boxes)):
        raise PackedError(
            f"{place} lists other images, classes or boxes than the source has. Remove the folder, "
            "or choose another."
        )
    begun = place.stat().st_mtime_ns
    for row, number in enumerate(part):
        if not _as_packed(source.paths[number], table, row, begun):
            logging.warning("%s is packed again: %s has changed.", file, source.paths[number])
            return None
    return table


def _as_packed(path: str, table: ShardTable, row: int, begun: int) -> bool:
    """Whether an image file is still what was packed.

    Args:
        path: The file.
        table: The table of its shard.
        row: Its number in the shard.
        begun: When the shard was begun, in nanoseconds.
    """
    key, label = table.keys[row], int(table.labels[row])
    status = os.stat(path)
    # A copy that keeps the time of its original has been changed, if not modified, just now.
    if max(status.st_mtime_ns, status.st_ctime_ns) < begun:
        record = record_of(bytes(status.st_size), key=key, label=label)
        return len(record) == table.lengths[row]
    record = record_of(_content(path), key=key, label=label)
    return len(record) == table.lengths[row] and zlib.crc32(record) == table.checksums[row]


def _write_shard(source: ImageFiles, part: range, file: pathlib.Path) -> ShardTable:
    """Writes a shard and its table, whose time is that at which the shard was begun."""
    keys, labels, boxes = _of_part(source, part)
    lengths, checksums = [], []
    with whole_file(file) as aside:
        with tf.io.TFRecordWriter(str(aside)) as writer:
            begun = aside.stat().st_mtime_ns  # By the clock that files get their times from.
            for record in _records([source.paths[number] for number in part], keys, labels):
                writer.write(record)
                lengths.append(len(record))
                checksums.append(zlib.crc32(record))
        table = ShardTable(
            sha256=sha256_of(aside),
            keys=keys,
            labels=labels,
            lengths=np.array(lengths, np.int64),
            checksums=np.array(checksums, np.uint32),
            boxes=boxes,
        )
        table.check(aside)
    with whole_file(table_path(file)) as aside:
        aside.write_bytes(table.to_json())
        os.utime(aside, ns=(begun, begun))
    return table


def _records(paths: Sequence[str], keys: Sequence[str], labels: np.ndarray) -> Iterator[bytes]:
    with futures.ThreadPoolExecutor(_READERS) as readers:
        for start in range(0, len(paths), _IMAGES_AT_ONCE):
            few = slice(start, start + _IMAGES_AT_ONCE)
            contents = readers.map(_content, paths[few])
            for content, key, label in zip(contents, keys[few], labels[few]):
                yield record_of(content, key=key, label=int(label))


def _content(path: str) -> bytes:
    return pathlib.Path(path).read_bytes()


def _of_part(source: ImageFiles, part: range) -> tuple[tuple, np.ndarray, np.ndarray | None]:
    """Keys, labels and boxes of some consecutive images."""
    few = slice(part.start, part.stop)
    boxes = None if source.boxes is None else source.boxes[few]
    return source.keys[few], source.labels[few], boxes


def _equal(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    return a is b if a is None or b is None else np.array_equal(a, b)

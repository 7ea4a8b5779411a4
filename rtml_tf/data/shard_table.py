"""What is known of one file of packed images: which image is where in it.

A record of the file is a `tf.train.Example` with `image/encoded` (the image file as it was),
`image/key` and `image/class/label`, which any reader of TFRecord files can take.
"""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

# A record is its length (8 bytes), a checksum of that, its content and a checksum of that.
_BEFORE, _AFTER = 12, 4

# Type and smallest value.
_ARRAYS = {
    "labels": (np.int32, 0),
    "lengths": (np.int64, 0),
    "checksums": (np.uint32, 0),
    "boxes": (np.int32, np.iinfo(np.int32).min),
}


class PackedError(ValueError):
    """Packed images that are not as they were written."""


@dataclasses.dataclass(frozen=True, eq=False)
class ShardTable:
    """The `n` images of a shard, in the order of its records.

    Attributes:
        sha256: Of the shard, in hexadecimal digits.
        keys: The names of the images.
        labels: int32 `[n]`, their classes.
        lengths: int64 `[n]`, bytes of the content of their records.
        checksums: uint32 `[n]`, `zlib.crc32` of the content of their records.
        boxes: int32 `[n, 4]`, what is cut out of each image (`image_decoding.cut_box`), or None.
    """

    sha256: str
    keys: tuple[str, ...]
    labels: np.ndarray
    lengths: np.ndarray
    checksums: np.ndarray
    boxes: np.ndarray | None = None

    @property
    def num_bytes(self) -> int:
        """The size of the shard."""
        return int(self.lengths.sum()) + len(self.keys) * (_BEFORE + _AFTER)

    @property
    def starts(self) -> np.ndarray:
        """int64 `[n]`, where the content of each record begins."""
        ends = np.cumsum(self.lengths + (_BEFORE + _AFTER))
        return ends - _AFTER - self.lengths

    def check(self, shard: pathlib.Path, *, whole: bool = False) -> None:
        """Compares the shard with this table.

        Args:
            shard: The file.
            whole: Whether to read it and compare its checksum; otherwise its size is looked at.

        Raises:
            PackedError: If it is missing or another than was written; names it.
        """
        if not shard.is_file():
            raise PackedError(f"{shard} is missing.")
        size = shard.stat().st_size
        if size != self.num_bytes:
            raise PackedError(f"{shard} must have {self.num_bytes} bytes, got {size}.")
        if whole and sha256_of(shard) != self.sha256:
            raise PackedError(f"{shard} is not what was packed: its checksum differs.")

    def to_json(self) -> bytes:
        """The table as JSON. Names of files that are no UTF-8 come back as they were."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name, value in fields.items():
            fields[name] = value.tolist() if isinstance(value, np.ndarray) else value
        return json.dumps(fields, separators=(",", ":")).encode()


def table_from_json(content: bytes, place: pathlib.Path) -> ShardTable:
    """Reads what `ShardTable.to_json` wrote, wherever it comes from.

    Raises:
        PackedError: If it is something else; names the file.
    """
    fields = json_fields(content, place, [field.name for field in dataclasses.fields(ShardTable)])
    keys = fields["keys"]
    try:
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ValueError("keys must be a list of names")
        if not isinstance(fields["sha256"], str):
            raise ValueError("sha256 must be a text")
        shapes = dict.fromkeys(_ARRAYS, (len(keys),)) | {"boxes": (len(keys), 4)}
        if fields["boxes"] is None:
            del shapes["boxes"]
        arrays = {name: _whole_numbers(name, fields[name], size) for name, size in shapes.items()}
    except ValueError as error:
        raise PackedError(f"{place} is no table of packed images: {error}.") from error
    return ShardTable(sha256=fields["sha256"], keys=tuple(keys), **arrays)


def json_fields(content: bytes, place: pathlib.Path, names: Sequence[str]) -> dict[str, Any]:
    """Reads an object of JSON that has these fields and no others.

    Raises:
        PackedError: If it is something else; names the file.
    """
    try:
        fields = json.loads(content)
    # Brackets in brackets exhaust the parser.
    except (ValueError, RecursionError) as error:
        raise PackedError(f"{place} is no JSON: {error}.") from error
    if not isinstance(fields, dict) or set(fields) != set(names):
        received = sorted(fields) if isinstance(fields, dict) else type(fields).__name__
        raise PackedError(
            f"{place} must have the fields {', '.join(sorted(names))}, got {received}."
        )
    return fields


def sha256_of(path: pathlib.Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole_numbers(name: str, values: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = np.array(values) if values else np.zeros(shape, np.int64)
    if array.shape != shape or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"{name} must be whole numbers of shape {shape}, got {array.dtype} of {array.shape}"
        )
    dtype, low = _ARRAYS[name]
    if array.size and (array.min() < low or array.max() > np.iinfo(dtype).max):
        raise ValueError(f"{name} are out of range, got {array.min()} to {array.max()}")
    return array.astype(dtype)

"""The index of a folder of packed images.

A folder of `S` shards holds `images-00000-of-000SS.tfrecord`, ..., beside each of them its table in
a file of the same name with the suffix `.json`, and `index.json`, which is written last. No file
names another: what is read follows from the number of shards.
"""

import dataclasses
import hashlib
import json
import pathlib

from rtml_tf.data.shard_table import PackedError, ShardTable, json_fields, table_from_json
from rtml_tf.whole_file import whole_file

INDEX = "index.json"
_FORMAT = 1
_FIELDS = ("format", "images", "checked", "class_names", "tables")


def shard_path(folder: pathlib.Path, number: int, shards: int) -> pathlib.Path:
    """The TFRecord file of shard `number`."""
    return folder / f"images-{number:05}-of-{shards:05}.tfrecord"


def table_path(shard: pathlib.Path) -> pathlib.Path:
    """The table of a TFRecord file."""
    return shard.with_suffix(".json")


@dataclasses.dataclass(frozen=True)
class PackedIndex:
    """What is known of a folder of packed images.

    Attributes:
        class_names: The names of the classes.
        tables: Those of the shards, in order.
        checked: Whether every image was decoded once before it was packed.
    """

    class_names: tuple[str, ...]
    tables: tuple[ShardTable, ...]
    checked: bool

    @property
    def num_images(self) -> int:
        """How many images there are in all shards."""
        return sum(len(table.keys) for table in self.tables)


def write_index(folder: pathlib.Path, content: PackedIndex) -> None:
    """Writes the index of shards whose tables are written; whole or not at all."""
    index = {
        "format": _FORMAT,
        "images": content.num_images,
        "checked": content.checked,
        "class_names": content.class_names,
        "tables": [hashlib.sha256(table.to_json()).hexdigest() for table in content.tables],
    }
    with whole_file(folder / INDEX) as aside:
        aside.write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def read_index(folder: pathlib.Path) -> PackedIndex:
    """Reads the index and all tables; shards are not looked at.

    Raises:
        PackedError: If a file is missing, or is not what was written; names it.
    """
    place = folder / INDEX
    if not place.is_file():
        raise PackedError(
            f"{folder} must be a folder of packed images, but has no {INDEX}: it is another "
            "folder, or packing it was stopped (the same command goes on from there)."
        )
    index = json_fields(place.read_bytes(), place, _FIELDS)
    if index["format"] != _FORMAT:
        raise PackedError(f"{place} must have format {_FORMAT}, got {index['format']!r}.")
    for name in ("class_names", "tables"):
        texts = index[name]
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise PackedError(f"{place}: {name} must be a list of texts, got {texts!r:.40}.")
    count = len(index["tables"])
    tables = tuple(
        _read_table(table_path(shard_path(folder, number, count)), checksum, place)
        for number, checksum in enumerate(index["tables"])
    )
    content = PackedIndex(tuple(index["class_names"]), tables, index["checked"] is True)
    if not content.num_images or content.num_images != index["images"]:
        raise PackedError(
            f"{place} must list at least one image, and as many as the tables, got "
            f"{index['images']!r:.40} and {content.num_images}."
        )
    if len({table.boxes is None for table in tables}) > 1:
        raise PackedError(f"{place} lists shards with boxes and shards without.")
    return content


def _read_table(file: pathlib.Path, checksum: str, place: pathlib.Path) -> ShardTable:
    if not file.is_file():
        raise PackedError(f"{file} is missing, which {place} lists.")
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != checksum:
        raise PackedError(f"{file} is not the table that {place} lists: its checksum differs.")
    return table_from_json(content, file)

"""Images listed in a table of paths and labels."""

import csv
import os
from collections.abc import Iterator

from rtml_tf.data.class_names import numbered_classes
from rtml_tf.data.image_files import ImageFiles
from rtml_tf.data.problems import listed

_COLUMNS = ["path", "label"]


class ImageIndex(ImageFiles):
    """A CSV or TSV file with a path and a label on each line, in UTF-8.

    A file whose name ends in `.tsv` is separated by tabs, any other by commas; fields may be
    quoted. A first line with the names `path` and `label` is a header, and the table may then have
    more columns, in any order. Without it each line is `path,label`. Empty lines are ignored.

    Examples keep the order of the lines. Labels are names; classes are sorted by number if all of
    them are whole numbers, by code points otherwise. An example's key is its path as written.

    Attributes:
        root: The folder that relative paths start from.
    """

    def __init__(
        self,
        *,
        file: str,
        root: str | None = None,
        image_size: tuple[int, int],
        channels: int = 3,
        resize_to: int | tuple[int, int] | None = None,
        check_images: bool = True,
        skip_unreadable: bool = False,
    ):
        """Reads the table and, unless told otherwise, decodes every image once to check it.

        Args:
            file: The table. A leading `~` is the home folder, here and in `root`.
            root: The folder that relative paths start from; `None` is the folder of `file`.
            image_size: `(height, width)` in pixels of the images that are handed out.
            channels: 1 (grey) or 3 (colour); files of the other kind are converted.
            resize_to: Size before the centre is cut out; see `ImageFiles`.
            check_images: Whether to find unreadable files now; see `ImageFiles`.
            skip_unreadable: Whether to leave unreadable files out; see `ImageFiles`. A file that
                does not exist is always an error.

        Raises:
            ValueError: If `file` does not exist or lists no image, a line is malformed or names a
                path again or a file that does not exist (all with their line number), or for one of
                the reasons of `ImageFiles`.
        """
        file = os.path.expanduser(file)
        if not os.path.isfile(file):
            raise ValueError(
                f"file must be an existing CSV or TSV file, got {file!r} (looked for "
                f"{os.path.abspath(file)})."
            )
        self.root = os.path.dirname(file) if root is None else os.path.expanduser(root)
        rows = _rows(file)
        paths = {path: os.path.join(self.root, path) for path in rows}
        missing = [
            f"line {line}: {paths[path]}"
            for path, (_, line) in rows.items()
            if not os.path.isfile(paths[path])
        ]
        if missing:
            raise ValueError(f"{file} lists files that do not exist{listed(missing)}.")
        labels, class_names = numbered_classes([label for label, _ in rows.values()])
        super().__init__(
            paths=list(paths.values()),
            keys=list(paths),
            labels=labels,
            class_names=class_names,
            image_size=image_size,
            channels=channels,
            resize_to=resize_to,
            check_images=check_images,
            skip_unreadable=skip_unreadable,
        )


def _rows(file: str) -> dict[str, tuple[str, int]]:
    """`(label, line number)` by path."""
    rows: dict[str, tuple[str, int]] = {}
    problems = []
    for line, fields in _fields(file):
        if fields is None:
            problems.append(f"line {line}: expected a path and a label")
        elif fields[0] in rows:
            problems.append(f"line {line}: {fields[0]} is on line {rows[fields[0]][1]} already")
        else:
            rows[fields[0]] = (fields[1], line)
    if problems:
        raise ValueError(f"{file} has malformed lines{listed(problems)}.")
    if not rows:
        raise ValueError(f"{file} lists no image.")
    return rows


def _fields(file: str) -> Iterator[tuple[int, tuple[str, str] | None]]:
    """Yields line numbers with path and label, or with `None` for a malformed line."""
    delimiter = "\t" if file.lower().endswith(".tsv") else ","
    columns, width = (0, 1), 2
    # Spreadsheets put a byte order mark first, which must not become a part of the first path.
    with open(file, encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        try:
            for number, row in enumerate(reader):
                row = [field.strip() for field in row]
                if number == 0 and set(_COLUMNS) <= {field.lower() for field in row}:
                    names = [field.lower() for field in row]
                    columns, width = tuple(names.index(name) for name in _COLUMNS), len(names)
                elif any(row):
                    complete = len(row) == width and all(row[column] for column in columns)
                    fields = (row[columns[0]], row[columns[1]]) if complete else None
                    yield reader.line_num, fields
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(
                f"{file} cannot be read as a table after line {reader.line_num}: {error}."
            ) from error

"""Pairs of images listed in a table of two paths and whether they belong together."""

import csv
import os
from collections.abc import Iterator

from rtml_tf.data.image_files import ImageFiles
from rtml_tf.data.pair_set import PairSet, stratified_folds

_COLUMNS = ("path_a", "path_b", "same", "fold")
_SAME = {"1": True, "true": True, "0": False, "false": False}


def pairs_from_table(
    *,
    file: str,
    root: str | None = None,
    image_size: tuple[int, int],
    channels: int = 3,
    resize_to: int | tuple[int, int] | None = None,
    check_images: bool = True,
    num_folds: int = 10,
) -> PairSet:
    """Reads pairs from a CSV or TSV file, in UTF-8: `path_a,path_b,same` or with `,fold`.

    A file whose name ends in `.tsv` is separated by tabs, any other by commas. `same` is 1, 0,
    true or false; `fold` a whole number from 0. The first line may name the columns. Without
    folds the pairs are dealt into `num_folds` (see `pair_set.stratified_folds`). The keys of the
    images are their paths as written; who they show is not known.

    Args:
        file: The table. A leading `~` is the home folder, here and in `root`.
        root: The folder that relative paths start from; None is the folder of `file`.
        image_size: `(height, width)` in pixels of the images that are handed out.
        channels: 1 (grey) or 3 (colour); files of the other kind are converted.
        resize_to: Size before the centre is cut out; see `ImageFiles`.
        check_images: Whether to find unreadable files now; see `ImageFiles`.
        num_folds: How many folds to make where the table has none.

    Raises:
        ValueError: If a line is malformed or names a file that does not exist (with its line
            number), the table is missing or empty, or for one of the reasons of `ImageFiles`.
    """
    file = os.path.expanduser(file)
    if not os.path.isfile(file):
        raise ValueError(
            f"file must be an existing CSV or TSV file, got {file!r} (looked for "
            f"{os.path.abspath(file)})."
        )
    root = os.path.dirname(file) if root is None else os.path.expanduser(root)
    number_of: dict[str, int] = {}
    left, right, same, fold = [], [], [], []
    for line, row in _rows(file):
        place = f"{file}, line {line}"
        pair = _pair(row, place)
        if fold and (pair[3] is None) != (fold[0] is None):
            has, before = ("none", "one") if pair[3] is None else ("one", "none")
            raise ValueError(
                f"{place}: either all lines or none must have a fold, got {has} in {row} and "
                f"{before} in the lines before."
            )
        for path, ends in ((pair[0], left), (pair[1], right)):
            if path not in number_of and not os.path.isfile(os.path.join(root, path)):
                raise ValueError(f"{place}: {os.path.join(root, path)} does not exist.")
            ends.append(number_of.setdefault(path, len(number_of)))
        same.append(pair[2])
        fold.append(pair[3])
    if not same:
        raise ValueError(f"{file} lists no pair.")
    images = ImageFiles(
        paths=[os.path.join(root, path) for path in number_of],
        keys=list(number_of),
        labels=[0] * len(number_of),
        class_names=["unknown"],
        image_size=image_size,
        channels=channels,
        resize_to=resize_to,
        check_images=check_images,
    )
    if fold[0] is None:
        fold = stratified_folds(same, num_folds)
    return PairSet(images=images, left=left, right=right, same=same, fold=fold)


def _rows(file: str) -> Iterator[tuple[int, list[str]]]:
    delimiter = "\t" if file.lower().endswith(".tsv") else ","
    # Spreadsheets put a byte order mark first, which must not become a part of the first path.
    with open(file, encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        try:
            for number, row in enumerate(reader):
                row = [field.strip() for field in row]
                header = number == 0 and tuple(map(str.lower, row)) in (_COLUMNS, _COLUMNS[:3])
                if any(row) and not header:
                    yield reader.line_num, row
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(
                f"{file} cannot be read as a table after line {reader.line_num}: {error}."
            ) from error


def _pair(row: list[str], place: str) -> tuple[str, str, bool, int | None]:
    if len(row) not in (3, 4) or not all(row):
        raise ValueError(f"{place}: expected path_a, path_b, same and perhaps fold, got {row}.")
    if row[2].lower() not in _SAME:
        raise ValueError(f"{place}: same must be 1, 0, true or false, got {row[2]!r}.")
    if len(row) == 4 and not row[3].isdecimal():
        raise ValueError(f"{place}: fold must be a whole number from 0, got {row[3]!r}.")
    if row[0] == row[1]:
        raise ValueError(f"{place}: a pair must have two different images, got {row[0]} twice.")
    return row[0], row[1], _SAME[row[2].lower()], int(row[3]) if len(row) == 4 else None

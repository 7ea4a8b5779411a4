"""Files of precomputed features, one row of numbers for each example."""

import csv
import dataclasses
import os
from collections.abc import Iterator

import numpy as np


@dataclasses.dataclass(frozen=True)
class FeatureRows:
    """What a file of features holds.

    Attributes:
        keys: The names of `N` examples.
        features: `[N, F]`.
        classes: The names of their classes; None where the file has none.
    """

    keys: list[str]
    features: np.ndarray
    classes: list[str] | None = None


def read_features(file: str, *, keys_file: str | None = None) -> FeatureRows:
    """Reads a file of features. What it holds is never executed: pickles are refused.

    * `.npz`: the arrays `keys`, strings `[N]`; `features`, numbers `[N, F]`; and perhaps `labels`,
      strings or whole numbers `[N]`.
    * `.npy`: numbers `[N, F]`; the keys are the lines of `keys_file`.
    * `.csv`, `.tsv`: a key and `F` numbers on each line, in UTF-8, separated by commas or tabs. A
      first line whose first field is `key` is a header; if its second field is `label`, the second
      field of each line is the class.

    Args:
        file: The file.
        keys_file: A text file in UTF-8, for `.npy` and for nothing else.

    Raises:
        ValueError: If a file does not exist, has another suffix or does not hold what is said
            above; errors in tables name the line.
    """
    suffix = os.path.splitext(file)[1].lower()
    if suffix not in (".npz", ".npy", ".csv", ".tsv"):
        raise ValueError(f"file must end in .npz, .npy, .csv or .tsv, got {file!r}.")
    if (suffix == ".npy") != (keys_file is not None):
        raise ValueError(
            "keys_file belongs to a .npy file, which has no keys of its own, and to no other; got "
            f"file={file!r} and keys_file={keys_file!r}."
        )
    for path in (file, keys_file):
        if path is not None and not os.path.isfile(path):
            raise ValueError(f"There is no file {path!r} (looked for {os.path.abspath(path)!r}).")
    if suffix in (".csv", ".tsv"):
        return _read_table(file, "\t" if suffix == ".tsv" else ",")
    try:
        loaded = np.load(file, allow_pickle=False)
        arrays = dict(loaded) if suffix == ".npz" else {"features": loaded}
    # A damaged file fails in many ways, from the zip reader to the parser of array headers.
    except Exception as error:  # pylint: disable=broad-exception-caught
        raise ValueError(f"{file} cannot be read ({type(error).__name__}: {error}).") from error
    if keys_file is not None:
        with open(keys_file, encoding="utf-8-sig") as stream:
            return FeatureRows(stream.read().splitlines(), arrays["features"])
    return _checked(arrays, file)


def _checked(arrays: dict[str, np.ndarray], file: str) -> FeatureRows:
    for name in ("keys", "features"):
        if name not in arrays:
            raise ValueError(
                f"{file} must hold the arrays keys and features, got {', '.join(arrays) or 'none'}."
            )
    keys, labels = arrays["keys"], arrays.get("labels")
    if keys.ndim != 1 or keys.dtype.kind != "U":
        raise ValueError(
            f"{file}: keys must be strings [N], got {keys.dtype} of shape {keys.shape}."
        )
    if labels is not None and (labels.shape != keys.shape or labels.dtype.kind not in "Uiu"):
        raise ValueError(
            f"{file}: labels must be a string or a whole number for each of {len(keys)} keys, got "
            f"{labels.dtype} of shape {labels.shape}."
        )
    classes = None if labels is None else [str(label) for label in labels]
    return FeatureRows(keys.tolist(), arrays["features"], classes)


def _read_table(file: str, delimiter: str) -> FeatureRows:
    keys: list[str] = []
    classes: list[str] = []
    features: list[np.ndarray] = []
    first = 1
    for line, row in _lines(file, delimiter):
        if not features and row[0].lower() == "key":
            first = 2 if row[1:2] and row[1].lower() == "label" else 1
            continue
        try:
            numbers = np.array(row[first:], np.float32)
        except ValueError as error:
            raise ValueError(f"{file}, line {line}: {error}.") from error
        if numbers.size == 0 or (features and numbers.size != features[0].size):
            expected = str(features[0].size) if features else "some"
            raise ValueError(
                f"{file}, line {line}: expected {expected} numbers after the key, got "
                f"{numbers.size}."
            )
        keys.append(row[0])
        classes.append(row[1])
        features.append(numbers)
    if not features:
        raise ValueError(f"{file} has no features.")
    return FeatureRows(keys, np.stack(features), classes if first == 2 else None)


def _lines(file: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yields the lines that are not empty, with their numbers."""
    # Spreadsheets put a byte order mark first, which must not become a part of the first key.
    with open(file, encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                row = [field.strip() for field in row]
                if any(row):
                    yield reader.line_num, row
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(
                f"{file} cannot be read as a table after line {reader.line_num}: {error}."
            ) from error

"""Parts of a source that share no class."""

import difflib
import math
import os
from collections.abc import Iterable, Mapping

import numpy as np

from rtml_tf.data.source import ImageSource, Subset

_NAMED_CLASSES = 5


def class_split(
    *, source: ImageSource, part: str, fractions: Mapping[str, float], seed: int = 0
) -> ImageSource:
    """One part of a source whose classes are dealt out by fractions.

    The classes are shuffled by `seed` and cut in the order of the parts' names, so that it does
    not matter in which order `fractions` holds them. A part gets as many classes as its fraction
    says, rounded down; what is left goes to the parts with the largest remainders. Parts of the
    same source, fractions and seed never share a class, and together they are the whole source.
    The order of classes and examples stays that of the source.

    Example: `class_split(source=glyphs, part="test", fractions={"train": 0.7, "test": 0.3})`.

    Args:
        source: What to split.
        part: The name of the part to return.
        fractions: The fraction of classes in (0, 1] by the name of the part; they sum to 1.
        seed: Non-negative; another seed deals the classes out differently.

    Returns:
        The examples of the part's classes, relabelled `0..C'-1`.

    Raises:
        ValueError: If `part` is not in `fractions`, a fraction is out of range, the fractions do
            not sum to 1 within 1e-6, a part would get no class, or `seed` is negative.
    """
    if part not in fractions:
        raise ValueError(f"part must be one of {list(fractions)}, got {part!r}.")
    if any(not 0.0 < fraction <= 1.0 for fraction in fractions.values()):
        raise ValueError(f"fractions must lie in (0, 1], got {dict(fractions)}.")
    total = math.fsum(fractions.values())
    if abs(total - 1.0) > 1e-6:
        raise ValueError(f"fractions must sum to 1, got {dict(fractions)}, which sum to {total}.")
    if seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}.")
    # Files that a configuration is written to and read from again need not keep the order.
    sizes = _part_sizes(source.num_classes, dict(sorted(fractions.items())))
    # Raw bits, unlike numpy.random.Generator.permutation, are promised to stay the same in every
    # version of NumPy; a split must not change with it.
    keys = np.random.Philox(np.random.SeedSequence(seed)).random_raw(source.num_classes)
    ends = np.cumsum(list(sizes.values()))
    position = list(sizes).index(part)
    return _with_classes(source, np.argsort(keys)[ends[position] - sizes[part] : ends[position]])


def class_split_from_file(*, source: ImageSource, file: str) -> ImageSource:
    """The part of a source whose classes a file names, one on each line.

    Empty lines and lines that start with `#` are ignored, and so are spaces at either end. The
    order of classes and examples stays that of the source.

    Args:
        source: What to take the part from.
        file: A text file in UTF-8. A leading `~` is the home folder.

    Returns:
        The examples of the named classes, relabelled `0..C'-1`.

    Raises:
        ValueError: If the file does not exist or names no class, an unknown class, or a class
            twice (with the line numbers).
    """
    path = os.path.expanduser(file)
    if not os.path.isfile(path):
        raise ValueError(
            f"file must be an existing file with one class name on each line, got {file!r}."
        )
    with open(path, encoding="utf-8-sig") as stream:
        lines = [(number, line.strip()) for number, line in enumerate(stream, start=1)]
    numbers = {name: number for number, name in enumerate(source.class_names)}
    line_of: dict[str, int] = {}
    problems = []
    for line, name in lines:
        if not name or name.startswith("#"):
            continue
        if name in line_of:
            problems.append(f"line {line}: {name!r} is on line {line_of[name]} already")
        elif name not in numbers:
            problems.append(f"line {line}: unknown class {name!r}{_suggestion(name, numbers)}")
        line_of.setdefault(name, line)
    if problems:
        more = len(problems) - _NAMED_CLASSES
        end = f"; and {more} more" if more > 0 else ""
        raise ValueError(f"{path}: {'; '.join(problems[:_NAMED_CLASSES])}{end}.")
    if not line_of:
        raise ValueError(f"{path} names no class.")
    return _with_classes(source, np.array([numbers[name] for name in line_of]))


def _part_sizes(num_classes: int, fractions: Mapping[str, float]) -> dict[str, int]:
    exact = {name: num_classes * fraction for name, fraction in fractions.items()}
    sizes = {name: math.floor(share) for name, share in exact.items()}
    # Sorting is stable: equal remainders are served in the order of the names.
    by_remainder = sorted(sizes, key=lambda name: sizes[name] - exact[name])
    for name in by_remainder[: num_classes - sum(sizes.values())]:
        sizes[name] += 1
    for name, size in sizes.items():
        if size == 0:
            raise ValueError(
                f"Part {name!r} would get none of the {num_classes} classes with fractions "
                f"{dict(fractions)}."
            )
    return sizes


def _with_classes(source: ImageSource, classes: np.ndarray) -> Subset:
    return Subset(source, np.flatnonzero(np.isin(source.labels, classes)))


def _suggestion(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]!r}?" if close else ""

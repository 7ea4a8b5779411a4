"""Text files of numbered lines, in which some data sets list their images."""

import dataclasses
import os
from collections.abc import Callable, Mapping
from typing import Any

from rtml_tf.data.problems import listed


@dataclasses.dataclass(frozen=True)
class NumberedLine:
    """A line of such a file.

    Attributes:
        line: The number of the line in the file, from 1.
        values: What follows the number that the line starts with.
    """

    line: int
    values: tuple[Any, ...]


def read_numbered_lines(
    file: str, *, fields: Mapping[str, Callable[[str], Any]], header: str | None = None
) -> dict[int, NumberedLine]:
    """Reads lines of the form `<number> <field> <field> ...`, separated by spaces or tabs.

    Empty lines are ignored. The last field is the rest of the line, and may have spaces in it.

    Args:
        file: A text file in UTF-8.
        fields: What makes a value of each field after the number, by the field's name; it raises a
            `ValueError` for text that it does not take, as `int`, `float` and `str` do.
        header: The first line, where there is one that says what the fields are.

    Returns:
        The lines by the numbers that they start with, in the order of the file.

    Raises:
        ValueError: If the file does not exist, has no line, or lines are malformed or start with a
            number that was there before (with the number of the line).
    """
    if not os.path.isfile(file):
        raise ValueError(f"There is no file {file!r} (looked for {os.path.abspath(file)!r}).")
    expected = " ".join(f"<{name}>" for name in ("number", *fields))
    found: dict[int, NumberedLine] = {}
    problems = []
    with open(file, encoding="utf-8-sig", errors="surrogateescape") as stream:
        for line, text in enumerate(stream, start=1):
            if not text.strip():
                continue
            if header is not None:
                if text.split() != header.split():
                    problems.append(f"line {line}: expected {header!r}, got {text.strip()!r}")
                header = None
                continue
            parts = text.strip().split(maxsplit=len(fields))
            try:
                number = int(parts[0])
                values = tuple(
                    take(part) for take, part in zip(fields.values(), parts[1:], strict=True)
                )
            except ValueError:
                problems.append(f"line {line}: expected {expected}, got {text.strip()!r}")
                continue
            if number in found:
                problems.append(f"line {line}: {number} is on line {found[number].line} already")
            else:
                found[number] = NumberedLine(line, values)
    if problems:
        raise ValueError(f"{file} has malformed lines{listed(problems)}.")
    if not found:
        raise ValueError(f"{file} lists nothing.")
    return found

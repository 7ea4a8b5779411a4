"""The files of a data set, by patterns or by a list in a file."""

import glob
import os
from collections.abc import Sequence

_NAMED_LINES = 5


def list_files(
    *, folder: str, files: str | Sequence[str] | None = None, list_file: str | None = None
) -> tuple[str, ...]:
    """Finds files below a folder.

    Args:
        folder: The folder. A leading `~` is the home folder, here and in `list_file`.
        files: A pattern, or several, below `folder`: `*` and `?` stand for any characters but a
            slash, `**` for any folders. Hidden files are left out.
        list_file: A text file in UTF-8 with the path of a file below `folder` on each line; empty
            lines are ignored. Given instead of `files`.

    Returns:
        Paths below `folder`: in the order of their code points for patterns, each once; in the
        order of its lines for a list.

    Raises:
        ValueError: If `folder` does not exist, not exactly one of `files` and `list_file` is
            given, a pattern finds no file, or a line names a file that does not exist or again.
    """
    if (files is None) == (list_file is None):
        raise ValueError(
            f"give either files or list_file, got files={files!r} and list_file={list_file!r}."
        )
    root = os.path.expanduser(folder)
    if not os.path.isdir(root):
        raise ValueError(f"there is no folder {folder!r} (looked for {os.path.abspath(root)!r}).")
    if list_file is not None:
        return _listed(root, os.path.expanduser(list_file))
    found: set[str] = set()
    for pattern in [files] if isinstance(files, str) else files:
        matches = glob.glob(pattern, root_dir=root, recursive=True)
        matches = [name for name in matches if os.path.isfile(os.path.join(root, name))]
        if not matches:
            raise ValueError(f"no file below {root!r} fits {pattern!r}.")
        found.update(matches)
    return tuple(sorted(found))


def _listed(root: str, list_file: str) -> tuple[str, ...]:
    if not os.path.isfile(list_file):
        raise ValueError(f"list_file must be an existing file, got {list_file!r}.")
    with open(list_file, encoding="utf-8-sig") as stream:
        names = [(line, name.strip()) for line, name in enumerate(stream, start=1) if name.strip()]
    line_of: dict[str, int] = {}
    problems = []
    for line, name in names:
        if name in line_of:
            problems.append(f"line {line}: {name} is on line {line_of[name]} already")
        elif not os.path.isfile(os.path.join(root, name)):
            problems.append(f"line {line}: there is no {os.path.join(root, name)}")
        line_of.setdefault(name, line)
    if problems:
        more = len(problems) - _NAMED_LINES
        end = f"; and {more} more" if more > 0 else ""
        raise ValueError(f"{list_file}: {'; '.join(problems[:_NAMED_LINES])}{end}.")
    if not line_of:
        raise ValueError(f"{list_file} names no file.")
    return tuple(line_of)

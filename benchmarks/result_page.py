"""What every page of results shares: its flags, the sweep behind it, and how it is written."""

import os
import pathlib
from collections.abc import Callable

from absl import app, flags

from benchmarks.sweep import Sweep, provenance
from rtml_tf import users_folder

_WORK_DIR = flags.DEFINE_string(
    "work_dir", None, "Where the run folders go; runs/<name of the benchmark> unless set."
)
_PROCESSES = flags.DEFINE_integer("processes", os.cpu_count(), "Runs at once, each on one thread.")
_OUTPUT = flags.DEFINE_string("output", None, "The Markdown file to write.", required=True)


def output() -> pathlib.Path:
    """The page."""
    return pathlib.Path(_OUTPUT.value)


def plot() -> pathlib.Path:
    """The picture beside it."""
    return output().with_suffix(".png")


def open_sweep(
    name: str, *, part: str = "", more: Callable[[pathlib.Path], dict] = lambda folder: {}
) -> Sweep:
    """The sweep whose records lie beside the page.

    Args:
        name: Of the benchmark.
        part: Folder of these runs, where one benchmark writes several pages.
        more: See `Sweep`.
    """
    return Sweep(
        records=output().with_suffix(".json"),
        work_dir=pathlib.Path(_WORK_DIR.value or f"runs/{name}", part),
        processes=_PROCESSES.value,
        more=more,
    )


def write(text: str, sweep: Sweep) -> None:
    """Writes the page, and below it where its figures come from."""
    how = f"{provenance()} {_PROCESSES.value} runs at a time, on one thread each."
    output().write_text(f"{text}\n{how}\nRuns: {sweep.machines()}.\n", encoding="utf-8")
    print(f"Written to {output()}.")


def run(main: Callable[[], None]) -> None:
    """Runs a benchmark in the directory that the user is in, with its flags parsed."""

    def in_directory(argv: list[str]) -> None:
        del argv
        users_folder.enter()
        main()

    app.run(in_directory)

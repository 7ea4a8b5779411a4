"""Many training runs of one experiment: made in parallel, never twice, and remembered."""

import collections
import csv
import dataclasses
import datetime
import itertools
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from benchmarks.free_addresses import free_addresses

# The beginning of an absolute path in a binding.
_PATH = re.compile(r"""['"][/~]""")


@dataclasses.dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        name: Unique in its sweep; the name of its run folder and of its record.
        gin_files: As for `rtml_tf:train`.
        parameters: Bindings for `--gin_param`.
        needs: Names of runs that must be finished before this one starts.
        workers: How many programs make it together; each counts as one of the sweep's processes.
    """

    name: str
    gin_files: Sequence[str]
    parameters: Sequence[str] = ()
    needs: Sequence[str] = ()
    workers: int = 1


class Sweep:
    """Runs that share one folder and one file of records.

    The records are the `metrics.json` of finished runs, in one JSON file: a sweep that is stopped,
    or goes on elsewhere, makes only the runs that have no record yet (and those that they need).
    Beside its figures a record has the settings that gave them, so that no page states others, and
    the machine that it was made on.

    Attributes:
        records: `{run: metrics}` of all finished runs.
    """

    def __init__(
        self,
        *,
        records: pathlib.Path,
        work_dir: pathlib.Path,
        processes: int,
        more: Callable[[pathlib.Path], dict] = lambda folder: {},
    ):
        """Reads what is there.

        Args:
            records: The JSON file of records.
            work_dir: Where the run folders go.
            processes: Runs at once, each on one thread.
            more: What else is remembered of a run folder, beside its `metrics.json`.
        """
        self._file, self._work_dir, self._processes = records, work_dir, processes
        self._more = more
        self.records = json.loads(records.read_text()) if records.exists() else {}

    def folder(self, name: str) -> pathlib.Path:
        """The run folder of a run."""
        return self._work_dir / name

    def make(self, runs: Sequence[Run]) -> None:
        """Makes the runs that have no record, in their order as far as their needs allow.

        Raises:
            ValueError: If a record is that of a run with other settings.
            RuntimeError: If a run fails; those that run beside it are finished first.
        """
        for run in runs:
            self._check_settings(run)
        waiting = self._missing(runs)
        running: list[tuple[Run, list[subprocess.Popen], str]] = []
        failed = []
        while running or (waiting and not failed):
            # A run that is to be made has a folder of before at most, which nothing may start from.
            open_runs = {run.name for run in (*waiting, *(run for run, *_ in running))}
            ready = [
                run
                for run in waiting
                if not open_runs.intersection(run.needs) and all(map(self._finished, run.needs))
            ]
            free = self._processes - sum(run.workers for run, *_ in running)
            # A run of more programs than the sweep may start is made alone.
            while ready and not failed and (ready[0].workers <= free or not running):
                run = ready.pop(0)
                free -= run.workers
                waiting.remove(run)
                print(f"{datetime.datetime.now():%H:%M:%S} {run.name}", flush=True)
                running.append((run, self._start(run), machine()))
            if not running:
                names = ", ".join(run.name for run in waiting)
                raise RuntimeError(f"these runs need others that are not made: {names}.")
            time.sleep(0.5)
            for run, programs, made_on in list(running):
                statuses = [program.poll() for program in programs]
                if None in statuses:
                    continue
                running.remove((run, programs, made_on))
                if any(statuses):
                    failed.append(f"the run {run.name} failed; see {self._log(run)}.")
                else:
                    self._remember(run, made_on)
        if failed:
            raise RuntimeError("\n".join(failed))

    def values(self, names: Iterable[str], *path: str) -> np.ndarray:
        """One figure of several runs, in percent.

        Args:
            names: The runs, in order.
            *path: The keys that lead to it in a record.

        Returns:
            float64, one for each run.
        """
        figures = []
        for name in names:
            value = self.records[name]
            for key in path:
                value = value[key]
            figures.append(np.nan if value is None else 100.0 * value)
        return np.array(figures)

    def minutes(self, names: Sequence[str]) -> float:
        """Mean minutes of training of several runs, all stages of each together."""
        seconds = []
        for training in (self.records[name]["training"] for name in names):
            stages = [training] if "seconds" in training else training.values()
            seconds.append(sum(stage["seconds"] for stage in stages))
        return float(np.mean(seconds)) / 60

    def machines(self) -> str:
        """The machines that the recorded runs were made on, and how many on each, as text."""
        made_on = (run.get("machine", "one that was not recorded") for run in self.records.values())
        counts = collections.Counter(made_on).most_common()
        return "; ".join(f"{count} on {name}" for name, count in counts)

    def _missing(self, runs: Sequence[Run]) -> list[Run]:
        """The runs without a record, and those without a folder that they need, in order."""
        by_name = {run.name: run for run in runs}
        missing = {run.name for run in runs if run.name not in self.records}
        to_look_at = list(missing)
        while to_look_at:
            for need in by_name[to_look_at.pop()].needs:
                if need in by_name and need not in missing and not self._finished(need):
                    missing.add(need)
                    to_look_at.append(need)
        return [run for run in by_name.values() if run.name in missing]

    def _check_settings(self, run: Run) -> None:
        # Older records do not have them.
        held = self.records.get(run.name, {}).get("settings")
        if held is None:
            return
        for recorded, wanted in itertools.zip_longest(held, _settings(run), fillvalue="nothing"):
            if recorded != wanted:
                raise ValueError(
                    f"{self._file} holds the run {run.name} with other settings: {recorded} where "
                    f"{wanted} is asked for. Take its record out to have it made again."
                )

    def _finished(self, name: str) -> bool:
        return (self.folder(name) / "metrics.json").exists()

    def _log(self, run: Run) -> pathlib.Path:
        return self.folder(f"{run.name}.log")

    def _start(self, run: Run) -> list[subprocess.Popen]:
        self._work_dir.mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "rtml_tf.train"),
            *(f"--gin_file={file}" for file in run.gin_files),
            *(f"--gin_param={parameter}" for parameter in run.parameters),
            "--gin_param=runtime.configure.threads = 1",
            f"--run_dir={self.folder(run.name)}",
        ]
        flags_of_programs = [[]]
        if run.workers > 1:
            addresses = ",".join(free_addresses(run.workers))
            flags_of_programs = [
                [
                    "--gin_file=gin_configs/distribution/multi_worker.gin",
                    f"--workers={addresses}",
                    f"--worker_index={index}",
                ]
                for index in range(run.workers)
            ]
        with open(self._log(run), "a", encoding="utf-8") as log:
            return [
                subprocess.Popen(
                    [*command, *flags],
                    env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
                for flags in flags_of_programs
            ]

    def _remember(self, run: Run, made_on: str) -> None:
        folder = self.folder(run.name)
        self.records[run.name] = {
            **json.loads((folder / "metrics.json").read_text()),
            "settings": _settings(run),
            "machine": made_on,
            **self._more(folder),
        }
        self._file.parent.mkdir(parents=True, exist_ok=True)
        aside = self._file.with_suffix(".aside")
        aside.write_text(json.dumps(self.records, indent=1, sort_keys=True) + "\n")
        os.replace(aside, self._file)
        # What a sweep leaves is figures and networks; the rest of a hundred runs fills a disk.
        for part in ("checkpoints", "tensorboard"):
            shutil.rmtree(folder / part, ignore_errors=True)


def _settings(run: Run) -> list[str]:
    """What makes a run, as flags, without what is different on each machine: where files lie."""
    return [
        *(f"--gin_file={file}" for file in run.gin_files),
        *(f"--gin_param={binding}" for binding in run.parameters if not _PATH.search(binding)),
    ]


def curves(folder: pathlib.Path, names: Sequence[str]) -> dict[str, list[float]]:
    """Columns of a run's `log.csv`, without the rows in which one is empty."""
    with open(folder / "log.csv", encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if all(row[name] for name in names)]
    return {name: [float(row[name]) for row in rows] for name in names}


def provenance() -> str:
    """Commit, day and machine, for the end of a page of results."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return f"Commit {commit}, {datetime.date.today()}, {machine()}."


def machine() -> str:
    """This machine, and what was asked of TensorFlow's kernels, as text."""
    processor = ", ".join(filter(None, (_processor(), *_extensions(), platform.machine())))
    name = f"{os.cpu_count()} cores ({processor})"
    asked = os.environ.get("TF_ENABLE_ONEDNN_OPTS")
    return f"{name}, TF_ENABLE_ONEDNN_OPTS={asked}" if asked else name


def _processor() -> str:
    return _processor_field("model name") or platform.processor()


def _extensions() -> list[str]:
    """The instructions that decide how fast it trains, among those that the processor has."""
    flags = _processor_field("flags").split()
    return [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]


def _processor_field(name: str) -> str:
    """A field of Linux's description of the first processor; empty where there is none."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    values = [line.split(":", 1)[1].strip() for line in lines if line.startswith(name)]
    return values[0] if values else ""

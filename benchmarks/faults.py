"""A campaign of faults: runs that are killed, stopped or out of disk, and what becomes of them.

Images are packed, and a small pipeline is run (robust training, transfer, evaluation, export; its
drawn images are kept in a cache that is written too): once undisturbed, and then once for each
fault. At a moment drawn from a seed the program is sent SIGKILL or SIGTERM, or its disk is full
until it ends. The same commands are then given again until they succeed, and what they leave is
compared with what the undisturbed run left: weights, packed images and the exported model to the
bit, figures to the last digit.

    python -m benchmarks.faults --moments=20 --output=docs/results/faults.md

The disk is a file system in memory, which only root can mount; otherwise a limit on the size of
files (RLIMIT_FSIZE) stands for it.
"""

import argparse
import dataclasses
import pathlib
import random
import re
import signal
import subprocess
import time

from benchmarks.fault_runs import Disk, Runs, unequal
from benchmarks.sweep import provenance
from benchmarks.tables import markdown_table

_FAULTS = ("SIGKILL", "SIGTERM", "full disk")
_STARTS = 5  # After which a run counts as lost.


@dataclasses.dataclass(frozen=True)
class Case:
    """One fault and what became of the run.

    Attributes:
        fault: Which.
        seconds: When, after the start.
        during: What the run was doing.
        status: With what the program ended.
        message: What it said.
        starts: How often it was started, until it succeeded.
        differences: What is not as after the undisturbed run.
    """

    fault: str
    seconds: float
    during: str
    status: int
    message: str
    starts: int
    differences: tuple[str, ...]


def campaign(*, moments: int, seed: int, faults: tuple[str, ...] = _FAULTS) -> tuple[list, str]:
    """Makes the runs.

    Args:
        moments: How many faults, taking turns in kind.
        seed: Where the moments come from.
        faults: The kinds.

    Returns:
        The cases, and in words what stood for a full disk.
    """
    disk = Disk()
    try:
        runs = Runs(disk)
        started = time.monotonic()
        if runs.end("undisturbed") != 0:
            raise RuntimeError(f"the undisturbed run failed:\n{runs.output()}")
        seconds = time.monotonic() - started
        expected = runs.result("undisturbed")
        runs.remove("undisturbed")
        draw, cases = random.Random(seed), []
        # One in each equal part of the time, so that short programs are disturbed as well.
        parts = draw.sample(range(moments), moments)
        for number, part in enumerate(parts):
            fault = faults[number % len(faults)]
            moment = seconds * (part + draw.random()) / moments
            cases.append(_disturbed(runs, disk, f"case{number}", fault, moment, expected))
            print(cases[-1], flush=True)
        how = "a full tmpfs" if disk.mounted else "RLIMIT_FSIZE = 0"
        return cases, how
    finally:
        disk.remove()
        pathlib.Path(f"{disk.folder}.log").unlink(missing_ok=True)


def _disturbed(
    runs: Runs, disk: Disk, name: str, fault: str, moment: float, expected: dict
) -> Case:
    """Runs the programs with one fault, until they have succeeded."""
    during = []

    def happen(process: subprocess.Popen) -> None:
        during.append(_phase(runs.program, runs.output()))
        if fault == "full disk":
            disk.fill(process)
        else:
            process.send_signal(signal.Signals[fault])

    status = first = runs.end(name, moment=moment, fault=happen)
    message = _message(runs.output()).replace(f"{disk.folder}/", "")
    disk.empty()
    starts = 1
    while status != 0 and starts < _STARTS:
        status, starts = runs.end(name), starts + 1
    if status != 0:
        differences = (f"it never ended: {_message(runs.output())}",)
    else:
        differences = tuple(unequal(runs.result(name), expected))
    runs.remove(name)
    during = during[0] if during else "the end"
    return Case(fault, moment, during, first, message, starts, differences)


def report(cases: list[Case], how: str, command: str) -> str:
    """The cases as a table in Markdown, under what they mean."""
    rows = [
        (
            str(number),
            case.fault,
            case.during,
            case.message.replace("|", "\\|") or "-",
            ", ".join(case.differences) or "yes",
            f"{case.seconds:.1f}",
            str(case.status),
            str(case.starts),
        )
        for number, case in enumerate(cases, start=1)
    ]
    columns = ("", "fault", "during", "what the program said", "same result", "after s", "status")
    equal = sum(not case.differences for case in cases)
    return f"""# Faults

    {command}

Images are packed, then a small pipeline runs (robust training, transfer, evaluation, export); each
row is such a run with one fault, in one of {len(cases)} equal parts of the time.

{equal} of {len(cases)} disturbed runs ended as the undisturbed one, with the same weights, figures,
packed images and exported model, after the same commands were given again. A full disk is {how}.
Status 0: the fault came when nothing was left to be disturbed; below 0: the signal that ended the
program.

{markdown_table((*columns, "starts"), rows, words=5)}

{provenance()}
"""


def _phase(program: str, output: str) -> str:
    """The program that runs, or the stage that training is in, and its last epoch."""
    if program != "train":
        return program
    stages = re.findall(r"^Stage (\w+)$|^(epoch \d+)/", output, re.MULTILINE)
    if not stages:
        return "start"
    stage = next(name for name, _ in reversed(stages) if name)
    return f"{stage}, after {stages[-1][1]}" if stages[-1][1] else stage


def _message(output: str) -> str:
    """The line in which a program says how it ended."""
    lines = [line for line in output.splitlines() if re.match("error:|stopped by", line)]
    return lines[-1] if lines else ""


def main() -> None:
    """Makes the campaign that the flags ask for, and writes its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    cases, how = campaign(moments=arguments.moments, seed=arguments.seed)
    command = f"python -m benchmarks.faults --moments={arguments.moments} --seed={arguments.seed}"
    command += f" --output={arguments.output}"
    arguments.output.write_text(report(cases, how, command), encoding="utf-8")


if __name__ == "__main__":
    main()

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
import hashlib
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from benchmarks.sweep import provenance
from benchmarks.tables import markdown_table
from rtml_tf.networks.saving import load_network

_FAULTS = ("SIGKILL", "SIGTERM", "full disk")
_DISK = 256 << 20  # Bytes.
_STARTS = 5  # After which a run counts as lost.
_IMAGES = 2_000  # That are packed.
_PARAMETERS = (
    "glyphs.Glyphs.num_classes = 20",
    "glyphs.Glyphs.images_per_class = 8",
    "pk_sampler.PKSampler.classes_per_batch = 4",
    "STEPS_PER_EPOCH = 6",
    "source/training.train.epochs = 3",
    "transfer/training.train.epochs = 3",
    "training.train.checkpoint_every_steps = 2",
    "resnet.cifar_resnet.depth = 8",
    "resnet.cifar_resnet.width = 0.25",
    "robust_retrieval.RobustRetrievalEvaluation.limit = 4",
    "exporting.export.thresholds = None",
    "exporting.export.forms = {'int8': @tflite_forms.Int8()}",
    "parity.ParityLimits.worst_cosine = -1.0",
    "parity.ParityLimits.largest_drops = None",
)


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


class Disk:
    """A small disk that can be filled.

    Attributes:
        folder: Where it is.
        mounted: Whether it is one, and not merely a folder.
    """

    def __init__(self):
        """Mounts it, where that is allowed."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="faults-"))
        mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(self.folder)]
        self.mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0

    def fill(self, process: subprocess.Popen) -> None:
        """Leaves no room, for this process at least."""
        if not self.mounted:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
            return
        with open(self.folder / "filler", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass  # Full.

    def empty(self) -> None:
        """Makes room again."""
        (self.folder / "filler").unlink(missing_ok=True)

    def remove(self) -> None:
        """Gives everything back."""
        if self.mounted:
            subprocess.run(["umount", str(self.folder)], check=True)
        shutil.rmtree(self.folder)


class Runs:
    """Starts the programs in folders of one disk."""

    def __init__(self, disk: Disk):
        """Draws the images that are packed."""
        self._disk = disk
        self._program = ""  # The one that was started last.
        pixels = np.random.default_rng(0).integers(0, 256, (_IMAGES, 32, 32), np.uint8)
        for number, image in enumerate(pixels):
            folder = disk.folder / "images" / f"class{number % 10}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{number}.png")

    def end(
        self,
        name: str,
        *,
        moment: float = float("inf"),
        fault: Callable[[subprocess.Popen], None] = lambda process: None,
    ) -> int:
        """Starts the programs one after the other, or goes on with them.

        Their output goes to a file outside of the disk.

        Args:
            name: Of the folder.
            moment: Seconds after the start when the fault happens.
            fault: What it does to the program that runs then.

        Returns:
            The status of the first program that fails, else 0.
        """
        folder, started = self._disk.folder / name, time.monotonic()
        for program, flags in self._programs(folder):
            with open(f"{self._disk.folder}.log", "w", encoding="utf-8") as output:
                process = subprocess.Popen(
                    [sys.executable, "-u", "-m", f"rtml_tf.{program}", *flags],
                    # Python does not notice that a file it compiles into is cut off.
                    env=os.environ
                    | {"RTML_TF_CACHE": str(folder / "cache"), "PYTHONDONTWRITEBYTECODE": "1"},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            self._program = program
            while process.poll() is None:
                if time.monotonic() - started >= moment:
                    fault(process)
                    moment = float("inf")
                time.sleep(0.005)
            if process.returncode != 0:
                return process.returncode
        return 0

    def output(self) -> str:
        """What the program that was started last has printed so far."""
        return pathlib.Path(f"{self._disk.folder}.log").read_text(encoding="utf-8")

    def result(self, name: str) -> dict:
        """All that must be equal: weights, figures, exported files."""
        folder = self._disk.folder / name / "run"
        weights = {
            f"weights of {stage}": load_network(folder / stage / "network.keras").get_weights()
            for stage in ("source", "transfer")
        }
        figures = {
            str(file.relative_to(folder)): _figures(json.loads(file.read_text(encoding="utf-8")))
            for file in sorted(folder.glob("*/metrics.json"))
        }
        exported = {file.name: _digest_of_model(file) for file in folder.glob("export/*.tflite")}
        packed = {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in (self._disk.folder / name / "packed").iterdir()
        }
        return weights | figures | exported | packed

    def disturbed(self, name: str, fault: str, moment: float, expected: dict) -> Case:
        """Runs the programs with one fault, until they have succeeded."""
        during = []

        def happen(process: subprocess.Popen) -> None:
            during.append(_phase(self._program, self.output()))
            if fault == "full disk":
                self._disk.fill(process)
            else:
                process.send_signal(signal.Signals[fault])

        status = first = self.end(name, moment=moment, fault=happen)
        message = _message(self.output()).replace(f"{self._disk.folder}/", "")
        self._disk.empty()
        starts = 1
        while status != 0 and starts < _STARTS:
            status, starts = self.end(name), starts + 1
        if status != 0:
            differences = (f"it never ended: {_message(self.output())}",)
        else:
            differences = tuple(_differences(self.result(name), expected))
        shutil.rmtree(self._disk.folder / name)
        during = during[0] if during else "the end"
        return Case(fault, moment, during, first, message, starts, differences)

    def _programs(self, folder: pathlib.Path) -> list[tuple[str, list[str]]]:
        packing = {"IMAGES": self._disk.folder / "images", "PACKED": folder / "packed"}
        parameters = [f"{name} = {str(path)!r}" for name, path in packing.items()]
        parameters.append("packing.pack.images_per_shard = 20")
        pipeline = ["--gin_file=gin_configs/rmt/pipeline.gin", f"--run_dir={folder / 'run'}"]
        return [
            ("pack", ["--gin_file=gin_configs/packing/image_folder.gin", *_flags(parameters)]),
            ("train", [*pipeline, *_flags(_PARAMETERS)]),
        ]


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
        shutil.rmtree(disk.folder / "undisturbed")
        draw, cases = random.Random(seed), []
        # One in each equal part of the time, so that short programs are disturbed as well.
        parts = draw.sample(range(moments), moments)
        for number, part in enumerate(parts):
            fault = faults[number % len(faults)]
            moment = seconds * (part + draw.random()) / moments
            cases.append(runs.disturbed(f"case{number}", fault, moment, expected))
            print(cases[-1], flush=True)
        how = "a full tmpfs" if disk.mounted else "RLIMIT_FSIZE = 0"
        return cases, how
    finally:
        disk.remove()
        pathlib.Path(f"{disk.folder}.log").unlink(missing_ok=True)


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


def _figures(metrics: dict) -> dict:
    """The figures of all networks, without what is measured in seconds."""
    text = json.dumps(metrics["networks"], sort_keys=True)
    return json.loads(re.sub(r'"[^"]*(seconds|ms|latency)[^"]*": [\d.e-]+,? ?', "", text))


def _digest_of_model(file: pathlib.Path) -> str:
    """That of a TFLite file without the archive at its end, which has the latency of the export."""
    with zipfile.ZipFile(file) as archive:
        end = min(entry.header_offset for entry in archive.infolist())
    return hashlib.sha256(file.read_bytes()[:end]).hexdigest()


def _differences(found: dict, expected: dict) -> list[str]:
    names = sorted(found.keys() | expected.keys())
    return [name for name in names if not _equal(found.get(name), expected.get(name))]


def _equal(one, other) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(np.array_equal, one, other))
    return one == other


def _flags(parameters: Sequence[str]) -> list[str]:
    return [f"--gin_param={parameter}" for parameter in parameters]


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
    arguments.output.write_text(report(cases, how, command), encoding="utf-8")


if __name__ == "__main__":
    main()

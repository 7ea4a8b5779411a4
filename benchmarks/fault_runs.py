"""What a campaign of faults runs and compares, on a small disk of its own."""

import hashlib
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from rtml_tf.networks.saving import load_network

_DISK = 256 << 20  # Bytes.
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
    """Starts the programs in folders of one disk.

    Attributes:
        program: The one that was started last.
    """

    def __init__(self, disk: Disk):
        """Draws the images that are packed."""
        self._disk = disk
        self.program = ""
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
            self.program = program
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

    def remove(self, name: str) -> None:
        """Removes all that they have left in a folder."""
        shutil.rmtree(self._disk.folder / name)

    def _programs(self, folder: pathlib.Path) -> list[tuple[str, list[str]]]:
        packing = {"IMAGES": self._disk.folder / "images", "PACKED": folder / "packed"}
        parameters = [f"{name} = {str(path)!r}" for name, path in packing.items()]
        parameters.append("packing.pack.images_per_shard = 20")
        pipeline = ["--gin_file=gin_configs/rmt/pipeline.gin", f"--run_dir={folder / 'run'}"]
        return [
            ("pack", ["--gin_file=gin_configs/packing/image_folder.gin", *_flags(parameters)]),
            ("train", [*pipeline, *_flags(_PARAMETERS)]),
        ]


def unequal(found: dict, expected: dict) -> list[str]:
    """Names of what is not equal in two results of `Runs`."""
    names = sorted(found.keys() | expected.keys())
    return [name for name in names if not _equal(found.get(name), expected.get(name))]


def _equal(one, other) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(np.array_equal, one, other))
    return one == other


def _figures(metrics: dict) -> dict:
    """The figures of all networks, without what is measured in seconds."""
    text = json.dumps(metrics["networks"], sort_keys=True)
    return json.loads(re.sub(r'"[^"]*(seconds|ms|latency)[^"]*": [\d.e-]+,? ?', "", text))


def _digest_of_model(file: pathlib.Path) -> str:
    """That of a TFLite file without the archive at its end, which has the latency of the export."""
    with zipfile.ZipFile(file) as archive:
        end = min(entry.header_offset for entry in archive.infolist())
    return hashlib.sha256(file.read_bytes()[:end]).hexdigest()


def _flags(parameters: Sequence[str]) -> list[str]:
    return [f"--gin_param={parameter}" for parameter in parameters]

"""Sound files for the table of bad input, and the ways in which they are made bad."""

import fcntl
import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from rtml_tf.data.image_folder import ImageFolder
from rtml_tf.data.packing import pack
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.networks.saving import save_network

EXPERIMENT = """
from __gin__ import dynamic_registration
from rtml_tf.data import image_folder
from rtml_tf.data import pk_sampler
from rtml_tf.data import splits
from rtml_tf.evaluation import retrieval
from rtml_tf.networks import teacher
from rtml_tf.runs import stages
from rtml_tf.runs import training

include "gin_configs/data/class_split.gin"
include "gin_configs/metric/base.gin"
include "gin_configs/losses/multi_similarity.gin"

INPUT_SHAPE = (8, 8, 1)
image_folder.ImageFolder.root = "images"
image_folder.ImageFolder.image_size = (8, 8)
image_folder.ImageFolder.channels = 1
source/gin.singleton.constructor = @image_folder.ImageFolder
splits.class_split.fractions = {"train": 0.5, "validation": 0.25, "test": 0.25}
pk_sampler.PKSampler.classes_per_batch = 2
pk_sampler.PKSampler.images_per_class = 2
retrieval.RetrievalEvaluation.density = False
retrieval.RetrievalEvaluation.nmi = False
NETWORK = @teacher.load_teacher()  # An untrained one: making another would take longer.
teacher.load_teacher.path = "tiny.keras"
training.train.artefacts = []
training.train.baselines = {}
training.train.epochs = 1
"""

EVALUATION = """
from __gin__ import dynamic_registration
from rtml_tf.data import feature_table
from rtml_tf.data import image_folder
from rtml_tf.data import image_index
from rtml_tf.data import insightface_pairs
from rtml_tf.data import label_set
from rtml_tf.data import lfw
from rtml_tf.data import mask_folders
from rtml_tf.data import packed_images
from rtml_tf.data import pair_table
from rtml_tf.data import splits
from rtml_tf.evaluation import retrieval
from rtml_tf.evaluation import segmentation
from rtml_tf.evaluation import verification
from rtml_tf.runs import evaluating
from rtml_tf.runs import runtime

evaluating.evaluate.network_file = "run/network.keras"
evaluating.evaluate.output = "evaluation"
evaluating.evaluate.evaluations = {"test": %EVALUATION}
EVALUATION = @retrieval.RetrievalEvaluation()
retrieval.RetrievalEvaluation.source = %SOURCE
retrieval.RetrievalEvaluation.density = False
retrieval.RetrievalEvaluation.nmi = False
SOURCE = @image_folder.ImageFolder()
image_folder.ImageFolder.root = "images"
image_folder.ImageFolder.image_size = (8, 8)
image_folder.ImageFolder.channels = 1
image_index.ImageIndex.file = "index.csv"
image_index.ImageIndex.image_size = (8, 8)
feature_table.FeatureTable.file = "features.csv"
packed_images.PackedImages.folder = %PACKED
PACKED = "packed"
packed_images.PackedImages.image_size = (8, 8)
packed_images.PackedImages.channels = 1
splits.class_split_from_file.source = @image_folder.ImageFolder()
splits.class_split_from_file.file = "classes.txt"

verification.VerificationEvaluation.pairs = %PAIRS
PAIRS = @pair_table.pairs_from_table()
pair_table.pairs_from_table.file = "pairs.csv"
pair_table.pairs_from_table.image_size = (8, 8)
insightface_pairs.insightface_pairs.file = "pairs.bin"
lfw.lfw_pairs.source = @image_folder.ImageFolder()
lfw.lfw_pairs.file = "pairs.txt"

segmentation.SegmentationEvaluation.source = @mask_folders.MaskFolders()
mask_folders.MaskFolders.image_folder = "scenes"
mask_folders.MaskFolders.mask_folder = "masks"
mask_folders.MaskFolders.files = "*.png"
mask_folders.MaskFolders.image_size = (8, 8)
mask_folders.MaskFolders.label_set = @label_set.LabelSet()
label_set.LabelSet.class_names = ("road", "sky")
label_set.LabelSet.palette = ((128, 64, 128), (70, 130, 180))
label_set.LabelSet.classes_of = {0: "road", 1: "sky"}
"""

PACKING = """
from __gin__ import dynamic_registration
from rtml_tf.data import packing

include "gin_configs/packing/image_folder.gin"

IMAGES = "images"
PACKED = "packed"
packing.pack.images_per_shard = 5
"""

Damage = Callable[[Path], None]

_locks = []  # Files that are closed are no longer locked.


def write_sound_files(folder: Path) -> None:
    """Writes three configurations and all data that they name, in four classes."""
    rng = np.random.default_rng(0)
    for name, size in (("tiny.keras", 4), ("other.keras", 5)):
        save_network(_network(size), folder / name)
    (folder / "experiment.gin").write_text(EXPERIMENT)
    (folder / "evaluation.gin").write_text(EVALUATION)
    (folder / "packing.gin").write_text(PACKING)
    names = []
    for kind in "abcd":
        (folder / "images" / kind).mkdir(parents=True)
        for number in range(3):
            names.append(f"images/{kind}/{kind}_{number + 1:04}.png")
            pixels = rng.integers(0, 256, size=(8, 8)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / names[-1])
    images = ImageFolder(root=str(folder / "images"), image_size=(8, 8))
    pack(source=images, folder=str(folder / "packed"), images_per_shard=5)
    for scenes in ("scenes", "masks"):
        (folder / scenes).mkdir()
        pixels = rng.integers(0, 2, size=(8, 8)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / scenes / "one.png")
    (folder / "index.csv").write_text("".join(f"{name},{name[7]}\n" for name in names))
    (folder / "features.csv").write_text("".join(f"{name},0.5,0.25\n" for name in names))
    (folder / "pairs.csv").write_text(
        "".join(f"{a},{b},{int(a[7] == b[7])}\n" for a in names for b in names if a < b)
    )
    (folder / "classes.txt").write_text("a\nb\n")


def _network(embedding_size: int) -> tf.keras.Model:
    image = tf.keras.Input((8, 8, 1), name="image")
    x = tf.keras.layers.Flatten(name="flatten")(image)
    x = tf.keras.layers.ReLU(name="relu")(x)
    x = tf.keras.layers.Dense(embedding_size, name="dense")(x)
    return tf.keras.Model(image, L2Normalization(name="length")(x), name="tiny")


def text(name: str, content: str) -> Damage:
    """A file with this text."""
    return content_of(name, content.encode())


def content_of(name: str, content: bytes) -> Damage:
    """A file with this content, whatever was there."""

    def write(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    return write


def removed(name: str) -> Damage:
    """No such file."""
    return lambda folder: (folder / name).unlink()


def cut(pattern: str) -> Damage:
    """The first half of each file that fits."""

    def halve(folder: Path) -> None:
        for path in folder.glob(pattern):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return halve


def flipped(name: str, place: int) -> Damage:
    """A file with one bit changed."""

    def flip(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[place] ^= 1
        (folder / name).write_bytes(content)

    return flip


def locked(name: str) -> Damage:
    """A file that another process holds, as long as this one runs."""

    def lock(folder: Path) -> None:
        _locks.append(open(folder / name, "w", encoding="utf-8"))
        fcntl.flock(_locks[-1], fcntl.LOCK_EX)

    return lock


def several(*damages: Damage) -> Damage:
    """One after the other."""

    def damage(folder: Path) -> None:
        for one in damages:
            one(folder)

    return damage


def replaced(name: str, old: str, new: str) -> Damage:
    """A text file in which something else stands."""

    def replace(folder: Path) -> None:
        content = (folder / name).read_text()
        assert old in content, f"{name} has no {old!r}"  # The row would test nothing.
        (folder / name).write_text(content.replace(old, new))

    return replace


def png_that_says(width: int, height: int) -> bytes:
    """Some bytes that claim to be a grey PNG of this size."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def jpeg_that_says(width: int, height: int) -> bytes:
    """A JPEG of 8x8 pixels whose header claims another size."""
    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "JPEG")
    content = bytearray(stream.getvalue())
    start = content.index(b"\xff\xc0") + 5
    content[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(content)


class _Command:
    """A pickle of it asks for a command to be run."""

    def __reduce__(self):
        import os

        return os.system, ("touch owned",)


def pickle_that_runs() -> bytes:
    """What runs a command when it is unpickled."""
    return pickle.dumps(([b""], [_Command()]))


def npy_of_objects() -> bytes:
    """A NumPy file that holds a pickle."""
    stream = io.BytesIO()
    np.save(stream, np.array([_Command()], object), allow_pickle=True)
    return stream.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    """A NumPy archive."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def network_member(network: str, member: str, change: Callable[[bytes], bytes] | bytes) -> Damage:
    """A network file with one member changed, or added."""

    def rewrite(folder: Path) -> None:
        with zipfile.ZipFile(folder / network) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        old = members.get(member, b"")
        members[member] = change if isinstance(change, bytes) else change(old)
        assert members[member] != old, f"{network} is as it was"  # The row would test nothing.
        with zipfile.ZipFile(folder / network, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name, content)

    return rewrite

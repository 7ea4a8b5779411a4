"""The table of bad input: what is wrong, and the one message that says so.

Every row gives a command and a set of files of which one thing is bad. The command must end within
20 seconds with exit status 1 and one error that names the thing, what was expected and what was
received; without a traceback, and with every file as it was.
"""

# bazel: size = "medium"
# bazel: data = ["//rtml_tf:evaluate", "//rtml_tf:export", "//rtml_tf:pack", "//rtml_tf:train"]

import contextlib
import dataclasses
import io
import os
import pathlib
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from unittest import mock

import numpy as np
from absl import flags
from absl.testing import absltest, parameterized

from rtml_tf import command_line, evaluate, export, pack, train
from tests import bad_input_files as files

_SECONDS = 20
_MAINS = {
    "train": train.main,
    "evaluate": evaluate.main,
    "export": export.main,
    "pack": pack.main,
}
_TRAIN = "train --gin_file=experiment.gin --run_dir=new "
_RESUME = "train --gin_file=experiment.gin --run_dir=stopped "
_EVALUATE = "evaluate --gin_file=evaluation.gin "
_PACK = "pack --gin_file=packing.gin "
_SHARD = "packed/images-00001-of-00003.tfrecord"
_SHARD_TABLE = "packed/images-00001-of-00003.json"
_WORKERS = _TRAIN + "--gin_file=gin_configs/distribution/multi_worker.gin "
_MIRRORED = _TRAIN + "--gin_file=gin_configs/distribution/mirrored.gin "


@dataclasses.dataclass(frozen=True)
class Row:
    """One thing that is wrong.

    Attributes:
        name: What.
        command: The command that meets it.
        says: A regular expression for its message.
        damage: What makes a file bad; None: the command itself is.
        cluster: The environment variable TF_CONFIG; None: it is not set.
    """

    name: str
    command: str
    says: str
    damage: files.Damage | None = None
    cluster: str | None = None


def _param(binding):
    return f"--gin_param={shlex.quote(binding)} "


def _source(kind):
    return _EVALUATE + _param(f"SOURCE = @{kind}()")


def _pairs(kind):
    return (
        _EVALUATE
        + _param("EVALUATION = @verification.VerificationEvaluation()")
        + _param(f"PAIRS = @{kind}()")
    )


_MASKS = _EVALUATE + _param("EVALUATION = @segmentation.SegmentationEvaluation()")
_FEATURES = _source("feature_table.FeatureTable")
_INDEX = _source("image_index.ImageIndex")
_LFW = _pairs("lfw.lfw_pairs")
_TABLE = _pairs("pair_table.pairs_from_table")
_BIN = _pairs("insightface_pairs.insightface_pairs")
_IMAGE = "images/a/a_0001.png"
_GIN = "from __gin__ import dynamic_registration\n"

_CONFIGURATIONS = [
    Row("no experiment", "train", r"no experiment given, expected --gin_file="),
    Row("a gin file that is not there", "train --gin_file=nope.gin", r"'nope.gin' does not exist"),
    Row(
        "a misspelt gin file",
        "train --gin_file=gin_configs/quickstrat.gin",
        r"(?s)quickstrat.gin' does not exist.*Did you mean 'gin_configs/quickstart.gin'",
    ),
    Row(
        "a folder as gin file",
        "train --gin_file=images",
        r"'images' is a folder, expected a gin file",
    ),
    Row(
        "a gin file that is no text",
        "train --gin_file=bad.gin",
        r"'bad.gin' is no text in UTF-8",
        files.content_of("bad.gin", b"\xff\xfe\x00\x01"),
    ),
    Row(
        "a line that is no gin",
        "train --gin_file=bad.gin",
        r"bad.gin, line 2\): 'epochs three = 3'",
        files.text("bad.gin", _GIN + "epochs three = 3\n"),
    ),
    Row(
        "an include that is not there",
        "train --gin_file=bad.gin",
        r"Unable to open file: nothere.gin",
        files.text("bad.gin", _GIN + 'include "nothere.gin"\n'),
    ),
    Row(
        "a file that includes itself",
        "train --gin_file=bad.gin",
        r"a gin file includes itself, .*: one of bad.gin",
        files.text("bad.gin", _GIN + 'include "bad.gin"\n'),
    ),
    Row(
        "an import of another package",
        "train --gin_file=bad.gin",
        r"bad.gin, line 2, imports subprocess, but gin files may only import from rtml_tf, tens",
        files.text("bad.gin", _GIN + "import subprocess\n"),
    ),
    Row(
        "another package through a module",
        "train --gin_file=bad.gin",
        r"array_cache.os.system is defined in posix, but gin files may only name",
        files.text(
            "bad.gin",
            _GIN + "from rtml_tf.data import array_cache\n"
            "array_cache.os.system.command = 'touch owned'\n",
        ),
    ),
    Row(
        "a loader of code",
        "train --gin_file=bad.gin",
        r"tf.keras.models.load_model is defined in keras.*nothing that loads files",
        files.text(
            "bad.gin",
            _GIN + "import tensorflow as tf\ntf.keras.models.load_model.filepath = 'x'\n",
        ),
    ),
    Row(
        "a misspelt argument",
        _TRAIN + _param("training.train.epoks = 3"),
        r"(?s)named 'epoks'.*Did you mean 'epochs'",
    ),
    Row(
        "a misspelt class",
        _TRAIN + _param("image_folder.ImageFoldr.root = 'x'"),
        r"(?s)ImageFoldr.*Did you mean 'ImageFolder'",
    ),
    Row(
        "a misspelt argument of an optimizer",
        _TRAIN + _param("tf.keras.optimizers.Adam.lr = 0.1"),
        r"Adam has no argument 'lr'",
    ),
    Row(
        "a misspelt macro",
        _TRAIN + _param("SEDE = 3"),
        r"(?s)macro SEDE is set but nothing uses it.*Did you mean 'SEED'",
    ),
    Row(
        "a macro without a value", _TRAIN + _param("TRAIN = %NOTHING"), r"macro NOTHING is used but"
    ),
    Row(
        "a value that must be set",
        "train --gin_file=gin_configs/metric/image_folder.gin",
        r"IMAGES must be set, for example with --gin_param",
    ),
    Row(
        "a word for a number",
        _TRAIN + _param("training.train.epochs = 'three'"),
        r"epochs must be at least 1, got 'three'",
    ),
    Row(
        "no epochs",
        _TRAIN + _param("training.train.epochs = 0"),
        r"epochs must be at least 1, got 0",
    ),
    Row(
        "no skipped steps at all",
        _TRAIN + _param("training.train.stop_after_skipped_steps = 0"),
        r"stop_after_skipped_steps must be at least 1 step, or None .*, got 0",
    ),
    Row(
        "images of no pixels",
        _TRAIN + _param("runtime.configure.max_image_pixels = 0"),
        r"max_image_pixels must be at least 1, got 0",
    ),
    Row(
        "a precision that is not there",
        _TRAIN + _param("runtime.configure.precision = 'float8'"),
        r"precision must be one of float32, .*, got 'float8'",
    ),
    Row(
        "a figure that is not measured",
        _TRAIN + _param("training.train.select_by = 'recal@1'"),
        r"no figure 'recal@1'; did you mean 'recall@1'",
    ),
    Row(
        "a stage that is not there",
        _TRAIN
        + _param("NETWORK = @stages.stage_network()")
        + _param("stages.stage_network.stage = 'source'"),
        r"stage_network is for the stages of a run",
    ),
]

_FLAGS = [
    Row("an argument without a flag", _TRAIN + "extra", r"unexpected arguments: extra"),
    Row(
        "half a binding",
        _TRAIN + "--gin_param=training.train.epochs",
        r"expected ':' or '='.* in --gin_param='training.train.epochs'",
    ),
    Row("nothing to evaluate", "evaluate", r"nothing to evaluate given, expected --run_dir="),
    Row("nothing to export", "export", r"nothing to export given, expected --run_dir="),
    Row(
        "a worker without its cluster",
        _TRAIN + "--worker_index=0",
        r"--workers and --worker_index go",
    ),
]

_DATA = [
    Row(
        "no folder of images",
        _EVALUATE + _param("image_folder.ImageFolder.root = 'nowhere'"),
        r"root must be an existing folder, got 'nowhere'",
    ),
    Row(
        "no folders of classes",
        _EVALUATE + _param("image_folder.ImageFolder.root = 'images/a'"),
        r"'images/a/?' has no class folders .*it holds 3 files",
    ),
    Row(
        "a class without images",
        _EVALUATE,
        r"'images/empty' has no image with a suffix of .jpg, .*it holds 1 others, e.g. note.txt",
        files.text("images/empty/note.txt", "later"),
    ),
    Row(
        "an image size of three numbers",
        _EVALUATE + _param("image_folder.ImageFolder.image_size = (8, 8, 1)"),
        r"image_size must be \(height, width\) in pixels, got \(8, 8, 1\)",
    ),
    Row(
        "two channels",
        _EVALUATE + _param("image_folder.ImageFolder.channels = 2"),
        r"channels must be 1 or 3, got 2",
    ),
    Row(
        "images of another size than the network's",
        _TRAIN + _param("image_folder.ImageFolder.image_size = (9, 9)"),
        r"takes inputs of shape \(8, 8, 1\), but the data gives \(9, 9, 1\)",
    ),
    Row(
        "more classes a batch than there are",
        _TRAIN + _param("pk_sampler.PKSampler.classes_per_batch = 5"),
        r"classes_per_batch is 5, but there are only 2 classes",
    ),
    Row(
        "parts that are more than the whole",
        _TRAIN + _param("splits.class_split.fractions = {'train': 0.9, 'test': 0.5}"),
        r"fractions must sum to 1, got .*, which sum to 1.4",
    ),
    Row(
        "a part that is not there",
        _TRAIN + _param("train/splits.class_split.part = 'trian'"),
        r"part must be one of .*got 'trian'",
    ),
    Row(
        "a class that is not there",
        _source("splits.class_split_from_file"),
        r"classes.txt: line 2: unknown class 'zebra'",
        files.text("classes.txt", "a\nzebra\n"),
    ),
    Row(
        "a table that is not there",
        _INDEX + _param("image_index.ImageIndex.file = 'no.csv'"),
        r"must be an existing CSV or TSV file, got 'no.csv'",
    ),
    Row(
        "a line without a label",
        _INDEX,
        r"index.csv has malformed lines \(1\): line 2: expected a path and a label",
        files.text("index.csv", f"{_IMAGE},a\n{_IMAGE}\n"),
    ),
    Row(
        "an image on two lines",
        _INDEX,
        rf"line 2: {_IMAGE} is on line 1 already",
        files.text("index.csv", f"{_IMAGE},a\n{_IMAGE},b\n"),
    ),
    Row(
        "a line whose image is not there",
        _INDEX,
        r"index.csv lists files that do not exist \(1\): line 1: .*gone.png",
        files.text("index.csv", "gone.png,a\n"),
    ),
    Row(
        "a table that is no text",
        _INDEX,
        r"index.csv cannot be read as a table after line 0",
        files.content_of("index.csv", b"\xff\xfe\x00"),
    ),
    Row(
        "a row of another length",
        _FEATURES,
        r"features.csv, line 2: expected 2 numbers after the key, got 1",
        files.text("features.csv", "x,1,2\ny,1\n"),
    ),
    Row(
        "a feature that is no number",
        _FEATURES,
        r"features.csv: array must be finite .* keys \(1\): y",
        files.text("features.csv", "x,1,2\ny,1,nan\n"),
    ),
    Row(
        "features that are a pickle",
        _FEATURES
        + _param("feature_table.FeatureTable.file = 'bad.npy'")
        + _param("feature_table.FeatureTable.keys_file = 'classes.txt'"),
        r"bad.npy cannot be read .*allow_pickle=False",
        files.content_of("bad.npy", files.npy_of_objects()),
    ),
    Row(
        "features without keys",
        _FEATURES + _param("feature_table.FeatureTable.file = 'bad.npz'"),
        r"bad.npz must hold the arrays keys and features, got features",
        files.content_of("bad.npz", files.npz(features=np.zeros((2, 2)))),
    ),
    Row(
        "half a file of features",
        _FEATURES + _param("feature_table.FeatureTable.file = 'bad.npz'"),
        r"bad.npz cannot be read .*BadZipFile",
        files.content_of("bad.npz", files.npz(features=np.zeros((2, 2)))[:100]),
    ),
]

_IMAGES = [
    Row(
        "half an image", _EVALUATE, rf"1 of 12 images cannot be read: {_IMAGE} ", files.cut(_IMAGE)
    ),
    Row("an empty image", _EVALUATE, rf"cannot be read: {_IMAGE} ", files.content_of(_IMAGE, b"")),
    Row(
        "a text called an image",
        _EVALUATE,
        rf"cannot be read: {_IMAGE} \(Unknown image file format",
        files.text(_IMAGE, "an image"),
    ),
    Row(
        "a PNG that says it is huge",
        _EVALUATE,
        rf"{_IMAGE} \(it has more than 100000000 pixels \(.*max_image_pixels\): 30000x30000\)",
        files.content_of(_IMAGE, files.png_that_says(30_000, 30_000)),
    ),
    Row(
        "a JPEG that says it is huge",
        _EVALUATE,
        rf"{_IMAGE} \(it has more than 100000000 pixels \(.*max_image_pixels\): 65000x60000\)",
        files.content_of(_IMAGE, files.jpeg_that_says(65_000, 60_000)),
    ),
    Row(
        "an image above a limit of one's own",
        _EVALUATE + _param("runtime.configure.max_image_pixels = 63"),
        r"it has more than 63 pixels \(runtime.configure.max_image_pixels\): 8x8",
    ),
    Row(
        "a damaged image that was not looked for",
        _EVALUATE + _param("image_folder.ImageFolder.check_images = False"),
        rf"This image file cannot be read \(missing, damaged, or not an image\): {_IMAGE}",
        files.text(_IMAGE, "no image"),
    ),
]

_PAIRS = [
    Row(
        "a pair of one image",
        _TABLE,
        r"pairs.csv, line 1: expected path_a, path_b, same .*, got \['images",
        files.text("pairs.csv", f"{_IMAGE}\n"),
    ),
    Row(
        "a pair with an image that is not there",
        _TABLE,
        r"pairs.csv, line 1: gone.png does not exist",
        files.text("pairs.csv", f"gone.png,{_IMAGE},1\n"),
    ),
    Row(
        "pairs of one kind",
        _TABLE + _param("pair_table.pairs_from_table.num_folds = 2"),
        r"the number of pairs of the same person \(2\) and of different people \(0\), got 2",
        files.text("pairs.csv", f"{_IMAGE},images/a/a_0002.png,1\n" * 2),
    ),
    Row(
        "fewer pairs than the first line says",
        _LFW,
        r"pairs.txt must have 21 lines according to its first one .*, got 2",
        files.text("pairs.txt", "10 1\na 1 2\n"),
    ),
    Row(
        "a line that is no pair",
        _LFW,
        r"pairs.txt, line 2: expected .*, got 'a one two'",
        files.text("pairs.txt", "1\na one two\na 1 b 1\n"),
    ),
    Row(
        "a pair of somebody unknown",
        _LFW,
        r"pairs.txt, line 2: there is no image nobody/nobody_0001 among the 12 images",
        files.text("pairs.txt", "1\nnobody 1 2\na 1 b 1\n"),
    ),
    Row(
        "pairs that run a command",
        _BIN,
        r"pairs.bin is no verification set: not a pickle of plain data: the file asks for "
        r"posix.system",
        files.content_of("pairs.bin", files.pickle_that_runs()),
    ),
    Row(
        "half a file of pairs",
        _BIN,
        r"pairs.bin is no verification set: not a pickle of plain data",
        files.content_of("pairs.bin", files.pickle_that_runs()[:10]),
    ),
]

_MASKS_ROWS = [
    Row(
        "no mask",
        _MASKS,
        r"1 of 1 images have no mask: masks/one.png",
        files.removed("masks/one.png"),
    ),
    Row(
        "a mask of another size",
        _MASKS,
        r"masks/one.png is 8x4 pixels, its image 8x8",
        files.content_of("masks/one.png", files.png_that_says(4, 8)),
    ),
    Row(
        "a mask that is no PNG file",
        _MASKS,
        r"masks/one.png.*A mask must be a PNG file",
        files.content_of("masks/one.png", files.jpeg_that_says(8, 8)),
    ),
    Row(
        "a mask that says it is huge",
        _MASKS,
        r"masks/one.png.*it has more than 100000000 pixels .*: 90000x90000",
        files.content_of("masks/one.png", files.png_that_says(90_000, 90_000)),
    ),
    Row(
        "an id that is no class",
        _MASKS + _param("label_set.LabelSet.classes_of = {5: 'road', 6: 'sky'}"),
        r"masks/one.png has .*, neither a class nor ignored",
    ),
]

_NETWORK = "run/network.keras"
_NETWORKS = [
    Row(
        "no network file",
        _EVALUATE + _param("evaluating.evaluate.network_file = 'no.keras'"),
        r"no network file 'no.keras'",
    ),
    Row(
        "half a network",
        _EVALUATE,
        r"'run/network.keras' is not a Keras v3 network, or is truncated",
        files.cut(_NETWORK),
    ),
    Row(
        "a text called a network",
        _EVALUATE,
        r"'run/network.keras' is not a Keras v3 network",
        files.text(_NETWORK, "weights"),
    ),
    Row(
        "a network with a lambda",
        _EVALUATE,
        r"'run/network.keras' cannot be loaded: it contains a Lambda, which could run code",
        files.network_member(
            _NETWORK,
            "config.json",
            lambda old: old.replace(b'"class_name": "ReLU"', b'"class_name": "Lambda"'),
        ),
    ),
    Row(
        "a network of an unknown class",
        _EVALUATE,
        r"cannot be loaded: it contains the unknown class .*Unheard",
        files.network_member(
            _NETWORK,
            "config.json",
            lambda old: old.replace(b"L2Normalization", b"Unheard"),
        ),
    ),
    Row(
        "a network that unpacks elsewhere",
        _EVALUATE,
        r"'run/network.keras' is not a Keras v3 network: it holds ../owned, expected nothing but",
        files.network_member(_NETWORK, "../owned", b"x"),
    ),
    Row(
        "a network that unpacks to gigabytes",
        _EVALUATE,
        r"'run/network.keras' of \d+ bytes unpacks to \d+ bytes, more than 20 times",
        files.network_member(_NETWORK, "metadata.json", bytes(50_000_000)),
    ),
    Row(
        "a network without weights",
        _EVALUATE,
        r"'run/network.keras' cannot be loaded",
        files.network_member(_NETWORK, "model.weights.h5", b"no weights"),
    ),
    Row(
        "a network for other images",
        _EVALUATE + _param("image_folder.ImageFolder.image_size = (9, 9)"),
        r"takes inputs of shape \(8, 8, 1\), but the data gives \(9, 9, 1\)",
    ),
    Row(
        "no teacher",
        _TRAIN
        + _param("NETWORK = @teacher.load_teacher()")
        + _param("teacher.load_teacher.path = 'nowhere'"),
        r"path must be the folder of a finished run, a .keras file .*'nowhere' does not exist",
    ),
]

_RUN_FOLDERS = [
    Row(
        "a run of another configuration",
        "train --gin_file=experiment.gin --run_dir=run " + _param("training.train.epochs = 2"),
        r"(?s)run folder run holds a run of another configuration.*epochs = 1.*epochs = 2",
    ),
    Row(
        "a folder of other things",
        "train --gin_file=experiment.gin --run_dir=images",
        r"images is not a run folder: it has no config.gin but holds a, b, c, d",
    ),
    Row(
        "a file as run folder",
        "train --gin_file=experiment.gin --run_dir=index.csv",
        r"run folder index.csv cannot be written: ",
    ),
    Row(
        "a run folder where there is no room",
        "train --gin_file=experiment.gin --run_dir=/proc/nowhere",
        r"run needs .* MB in /proc/nowhere .*, but the disk of /proc has 0.0 MB free",
    ),
    Row(
        "a run folder that is in use",
        "train --gin_file=experiment.gin --run_dir=run",
        r"run folder run is in use by another process",
        files.locked("run/.lock"),
    ),
    Row("no run folder", "evaluate --run_dir=nowhere", r"nowhere has no network.keras"),
    Row(
        "an unfinished run",
        "evaluate --run_dir=images",
        r"images has no network.keras: it is not the",
    ),
    Row(
        "a run without its configuration",
        "evaluate --run_dir=run",
        r"gin file 'run/config.gin' does not exist",
        files.removed("run/config.gin"),
    ),
    Row(
        "a run whose configuration imports another package",
        "evaluate --run_dir=run",
        r"run/config.gin, line \d+, imports subprocess",
        files.replaced("run/config.gin", "import tensorflow as tf", "import subprocess"),
    ),
    Row(
        "figures that are no figures",
        "train --gin_file=experiment.gin --run_dir=run",
        r"run/metrics.json is damaged",
        files.cut("run/metrics.json"),
    ),
    Row(
        "figures in a folder that is not there",
        _EVALUATE + _param("evaluating.evaluate.output = 'index.csv/evaluation.json'"),
        r"output must lie in a folder that can be written, got 'index.csv/evaluation.json'",
    ),
]

_CHECKPOINTS = [
    Row(
        "a checkpoint of another network",
        _RESUME + _param("teacher.load_teacher.path = 'other.keras'"),
        r"checkpoint stopped/checkpoints/ckpt-\d+ is damaged or does not fit this model",
        files.replaced("stopped/config.gin", "tiny.keras", "other.keras"),
    ),
    Row(
        "half a checkpoint",
        _RESUME,
        r"checkpoint stopped/checkpoints/ckpt-\d+ is damaged or does not fit this model",
        files.cut("stopped/checkpoints/*.data*"),
    ),
    Row(
        "a list of checkpoints that is no list",
        _RESUME,
        r"stopped/checkpoints/checkpoint is damaged",
        files.text("stopped/checkpoints/checkpoint", "garbage"),
    ),
    Row(
        "a log that is no log",
        _RESUME + _param("training.train.epochs = 2"),
        r"stopped/log.csv is damaged",
        files.several(
            files.replaced("stopped/config.gin", "train.epochs = 1", "train.epochs = 2"),
            files.text("stopped/log.csv", "epoch,loss\nfirst,0.5\n"),
        ),
    ),
]

_EXPORT = "export --run_dir=run " + _param("exporting.export.thresholds = None")
_EXPORTS = [
    Row("no network to export", "export --run_dir=images", r"there is no images/network.keras"),
    Row(
        "no file to export",
        "export --network_file=no.keras",
        r"there is no no.keras: it takes a .keras file",
    ),
    Row(
        "half a network to export",
        "export --run_dir=run --gin_file=experiment.gin",
        r"'run/network.keras' is not a Keras v3 network, or is truncated",
        files.cut(_NETWORK),
    ),
    Row(
        "no forms to export",
        _EXPORT + _param("exporting.export.forms = {}"),
        r"forms must hold at least one form, got none",
    ),
    Row(
        "a SavedModel that is none",
        _TRAIN + _param("teacher.load_teacher.path = 'exported'"),
        r"path must be the folder of a SavedModel, got .*'exported'",
        files.content_of("exported/saved_model.pb", b"no model"),
    ),
    Row(
        "half a report of an earlier export",
        _EXPORT,
        r"run/export/export_report.json is damaged",
        files.text("run/export/export_report.json", '{"network": '),
    ),
]

_PACKS = [
    Row("nothing to pack", "pack", r"nothing to pack given, expected --gin_file="),
    Row(
        "shards without images",
        _PACK + _param("packing.pack.images_per_shard = 0"),
        r"images_per_shard must be at least 1, got 0",
    ),
    Row(
        "a pack in a folder of other things",
        _PACK + _param("PACKED = 'images'"),
        r"images must be a new or an empty folder.* but holds a, b, c, \.\.\.",
    ),
    Row(
        "a pack of other images",
        _PACK,
        r"images-00000-of-00003.json lists other images, classes or boxes than the source",
        files.removed("images/a/a_0001.png"),
    ),
    Row(
        "an image that cannot be packed",
        _PACK + _param("PACKED = 'new'"),
        r"images/a/a_0001.png",
        files.text("images/a/a_0001.png", "no image"),
    ),
    Row(
        "a pack that is not there",
        _source("packed_images.PackedImages") + _param("PACKED = 'images'"),
        r"images must be a folder of packed images, but has no index.json",
    ),
    Row(
        "half an index",
        _source("packed_images.PackedImages"),
        r"packed/index.json is no JSON",
        files.cut("packed/index.json"),
    ),
    Row(
        "an index of another format",
        _source("packed_images.PackedImages"),
        r"packed/index.json must have format 1, got 99",
        files.replaced("packed/index.json", '"format": 1', '"format": 99'),
    ),
    Row(
        "a shard that is missing",
        _source("packed_images.PackedImages"),
        f"{_SHARD} is missing",
        files.removed(_SHARD),
    ),
    Row(
        "half a shard",
        _source("packed_images.PackedImages"),
        rf"{_SHARD} must have \d+ bytes, got \d+",
        files.cut(_SHARD),
    ),
    Row(
        "a table that is missing",
        _source("packed_images.PackedImages"),
        f"{_SHARD_TABLE} is missing, which packed/index.json lists",
        files.removed(_SHARD_TABLE),
    ),
    Row(
        "a table that was edited",
        _source("packed_images.PackedImages"),
        f"{_SHARD_TABLE} is not the table that packed/index.json lists: its checksum differs",
        files.replaced(_SHARD_TABLE, "c_0001", "c_0009"),
    ),
    Row(
        "a record that was edited",
        _source("packed_images.PackedImages"),
        rf"{_SHARD}, record 0 \(b/b_0003.png\) is not what was packed: its checksum differs",
        files.flipped(_SHARD, 100),
    ),
    Row(
        "a record that was edited of a pack that is verified",
        _source("packed_images.PackedImages") + _param("packed_images.PackedImages.verify = True"),
        f"{_SHARD} is not what was packed: its checksum differs",
        files.flipped(_SHARD, 100),
    ),
]

_TWO = '{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "%s", "index": %s}}'
_CLUSTERS = [
    Row("no cluster", _WORKERS, r"there is no cluster: give --workers=host:port"),
    Row(
        "a worker without a port",
        _WORKERS + "--workers=first:20000,second --worker_index=0",
        r"workers must be addresses host:port, got 'second'",
    ),
    Row(
        "a worker that is there twice",
        _WORKERS + "--workers=first:20000,first:20000 --worker_index=0",
        r"workers must differ, got first:20000, first:20000",
    ),
    Row(
        "a worker that is not in the cluster",
        _WORKERS + "--workers=first:20000,second:20000 --worker_index=2",
        r"index of a worker must be in \[0, 2\), as there are 2 workers, got 2",
    ),
    Row(
        "a cluster that is no JSON",
        _WORKERS,
        r'TF_CONFIG must be \{"cluster": .* got first:1,second:1',
        cluster="first:1,second:1",
    ),
    Row(
        "a cluster without tasks",
        _WORKERS,
        r'TF_CONFIG must be \{"cluster": ',
        cluster='{"cluster": {"worker": ["a:1"]}}',
    ),
    Row(
        "a task that is no worker",
        _WORKERS,
        r'every task of the cluster must be a "worker"',
        cluster=_TWO % ("ps", 0),
    ),
    Row(
        "a worker beyond the cluster",
        _WORKERS,
        r"index of a worker must be in \[0, 2\), .* got 5",
        cluster=_TWO % ("worker", 5),
    ),
    Row(
        "a device that is not there",
        _MIRRORED + _param("strategies.Mirrored.devices = ('GPU:7',)"),
        r"there is no device GPU:7; this machine has CPU:0",
    ),
    Row(
        "a device twice",
        _MIRRORED + _param("strategies.Mirrored.devices = ('CPU:0', 'CPU:0')"),
        r"devices must be different names of devices, got",
    ),
    Row(
        "negatives of nobody",
        _MIRRORED + _param("training.train.negatives = 'all'"),
        r"negatives must be 'global' or 'local', got 'all'",
    ),
]

_ROWS = [
    *_CONFIGURATIONS,
    *_FLAGS,
    *_DATA,
    *_IMAGES,
    *_PAIRS,
    *_MASKS_ROWS,
    *_NETWORKS,
    *_RUN_FOLDERS,
    *_CHECKPOINTS,
    *_EXPORTS,
    *_PACKS,
    *_CLUSTERS,
]


def _main(command):
    """Runs a command in this process: its exit status and everything that it prints."""
    binary, *arguments = shlex.split(command)
    flags.FLAGS.unparse_flags()
    for name in ("gin_file", "gin_param", "run_dir", "network_file", "worker_index", "workers"):
        flags.FLAGS[name].value = flags.FLAGS[name].default
        flags.FLAGS[name].present = 0
    rest = flags.FLAGS([binary, *arguments])
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        status = command_line.guarded(_MAINS[binary])(rest)
    return status, output.getvalue()


def _snapshot(folder):
    """What is in a folder: every file with its content."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
        # Every start makes an event file, of which TensorBoard shows all.
        if path.parent.name != "tensorboard"
    }


class BadInputTest(parameterized.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.start = os.getcwd()
        cls.sound = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.sound)
        files.write_sound_files(cls.sound)
        os.chdir(cls.sound)
        status, output = _main("train --gin_file=experiment.gin --run_dir=run")
        assert status == 0, output
        shutil.copytree("run", "stopped")
        (cls.sound / "stopped" / "metrics.json").unlink()

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.start)
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path) / "files"
        shutil.copytree(self.sound, self.folder)
        os.chdir(self.folder)

    def started(self, command, limit=resource.RLIM_INFINITY):
        """As `_main`, as a program of its own: what users call."""
        binary, *arguments = shlex.split(command)
        # Python does not notice that a file it compiles into is cut off by a full disk.
        environment = {"PYTHONDONTWRITEBYTECODE": "1"}
        environment["PYTHONPATH"] = os.pathsep.join([self.start, *sys.path])
        finished = subprocess.run(
            [sys.executable, "-m", f"rtml_tf.{binary}", *arguments],
            env=os.environ | environment,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return finished.returncode, finished.stdout

    def assert_one_message(self, output, says):
        self.assertRegex(output, says)
        errors = [line for line in output.splitlines() if line.startswith("error:")]
        self.assertLen(errors, 1, output)
        self.assertNotIn("Traceback", output)

    @parameterized.named_parameters(
        (row.name.replace(" ", "_").replace("'", ""), row) for row in _ROWS
    )
    def test_one_message_and_nothing_else(self, row):
        if row.damage is not None:
            row.damage(self.folder)
        if row.cluster is not None:
            self.enter_context(mock.patch.dict(os.environ, TF_CONFIG=row.cluster))
        before = _snapshot(self.folder)
        started = time.monotonic()
        status, output = _main(row.command)
        self.assertLess(time.monotonic() - started, _SECONDS)
        self.assertEqual(status, 1, output)
        self.assert_one_message(output, row.says)
        after = _snapshot(self.folder)
        changed = [n for n in before | after if before.get(n, "") != after.get(n, "")]
        self.assertEmpty(changed)

    def test_a_program_ends_with_status_1_and_shows_no_traceback(self):
        status, output = self.started(_TRAIN + "--gin_param=SEDE=3")
        self.assertEqual(status, 1, output)
        self.assert_one_message(output, "macro SEDE is set but nothing uses it")

    def test_a_program_shows_the_traceback_when_asked(self):
        status, output = self.started(_TRAIN + "--gin_param=SEDE=3 --verbosity=1")
        self.assertEqual(status, 1, output)
        self.assertIn("Traceback", output)

    def test_a_misspelt_flag(self):
        status, output = self.started("train --gin_fil=experiment.gin")
        self.assertEqual(status, 1, output)
        self.assertRegex(output, "Unknown command line flag 'gin_fil'. Did you mean: gin_file")
        self.assertNotIn("Traceback", output)

    def test_files_that_may_not_become_large_enough(self):
        status, output = self.started(_TRAIN, limit=1000)
        self.assertEqual(status, 1, output)
        self.assert_one_message(output, r"this process may only write files of up to 0.0 MB")
        self.assertFalse((self.folder / "new").exists())


if __name__ == "__main__":
    absltest.main()

"""Bad networks, run folders, checkpoints and exported files."""

from tests.bad_input import files
from tests.bad_input.row import EVALUATE, RESUME, TRAIN, Row, param

_NETWORK = "run/network.keras"
NETWORKS = [
    Row(
        "no network file",
        EVALUATE + param("evaluating.evaluate.network_file = 'no.keras'"),
        r"no network file 'no.keras'",
    ),
    Row(
        "half a network",
        EVALUATE,
        r"'run/network.keras' is not a Keras v3 network, or is truncated",
        files.cut(_NETWORK),
    ),
    Row(
        "a text called a network",
        EVALUATE,
        r"'run/network.keras' is not a Keras v3 network",
        files.text(_NETWORK, "weights"),
    ),
    Row(
        "a network with a lambda",
        EVALUATE,
        r"'run/network.keras' cannot be loaded: it contains a Lambda, which could run code",
        files.network_member(
            _NETWORK,
            "config.json",
            lambda old: old.replace(b'"class_name": "ReLU"', b'"class_name": "Lambda"'),
        ),
    ),
    Row(
        "a network of an unknown class",
        EVALUATE,
        r"cannot be loaded: it contains the unknown class .*Unheard",
        files.network_member(
            _NETWORK,
            "config.json",
            lambda old: old.replace(b"L2Normalization", b"Unheard"),
        ),
    ),
    Row(
        "a network that unpacks elsewhere",
        EVALUATE,
        r"'run/network.keras' is not a Keras v3 network: it holds ../owned, expected nothing but",
        files.network_member(_NETWORK, "../owned", b"x"),
    ),
    Row(
        "a network that unpacks to gigabytes",
        EVALUATE,
        r"'run/network.keras' of \d+ bytes unpacks to \d+ bytes, more than 20 times",
        files.network_member(_NETWORK, "metadata.json", bytes(50_000_000)),
    ),
    Row(
        "a network without weights",
        EVALUATE,
        r"'run/network.keras' cannot be loaded",
        files.network_member(_NETWORK, "model.weights.h5", b"no weights"),
    ),
    Row(
        "a network for other images",
        EVALUATE + param("image_folder.ImageFolder.image_size = (9, 9)"),
        r"takes inputs of shape \(8, 8, 1\), but the data gives \(9, 9, 1\)",
    ),
    Row(
        "no teacher",
        TRAIN
        + param("NETWORK = @teacher.load_teacher()")
        + param("teacher.load_teacher.path = 'nowhere'"),
        r"path must be the folder of a finished run, a .keras file .*'nowhere' does not exist",
    ),
]

RUN_FOLDERS = [
    Row(
        "a run of another configuration",
        "train --gin_file=experiment.gin --run_dir=run " + param("training.train.epochs = 2"),
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
        "evaluate --run_dir=stopped",
        r"the run in stopped has not finished, expected metrics.json beside its network.keras",
    ),
    Row(
        "a folder that is no run",
        "evaluate --run_dir=images",
        r"images has no network.keras: it is not the folder of a finished run",
    ),
    Row(
        "a run of stages",
        "evaluate --run_dir=.",
        r". has no network.keras: it has stages, .* the folder of one of them: run, stopped\.",
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
        EVALUATE + param("evaluating.evaluate.output = 'index.csv/evaluation'"),
        r"evaluation folder index.csv/evaluation cannot be written: ",
    ),
    Row(
        "figures in the folder of a run",
        "evaluate --run_dir=run --output=run",
        r"(?s)evaluation folder run holds an evaluation of another configuration.*--output",
    ),
    Row(
        "figures in a folder of other things",
        "evaluate --run_dir=run --output=images",
        r"images is not an evaluation folder: it has no config.gin but holds a, b, c, d",
    ),
    Row(
        "a run and a network",
        "evaluate --run_dir=run --gin_file=evaluation.gin " + param("EVALUATION = None"),
        r"evaluating.evaluate.network_file is bound and --run_dir is given, expected one of them",
    ),
]

CHECKPOINTS = [
    Row(
        "a checkpoint of another network",
        RESUME + param("teacher.load_teacher.path = 'other.keras'"),
        r"checkpoint stopped/checkpoints/ckpt-\d+ is damaged or does not fit this model",
        files.replaced("stopped/config.gin", "tiny.keras", "other.keras"),
    ),
    Row(
        "half a checkpoint",
        RESUME,
        r"checkpoint stopped/checkpoints/ckpt-\d+ is damaged or does not fit this model",
        files.cut("stopped/checkpoints/*.data*"),
    ),
    Row(
        "a list of checkpoints that is no list",
        RESUME,
        r"stopped/checkpoints/checkpoint is damaged",
        files.text("stopped/checkpoints/checkpoint", "garbage"),
    ),
    Row(
        "a log that is no log",
        RESUME + param("training.train.epochs = 2"),
        r"stopped/log.csv is damaged",
        files.several(
            files.replaced("stopped/config.gin", "train.epochs = 1", "train.epochs = 2"),
            files.text("stopped/log.csv", "epoch,loss\nfirst,0.5\n"),
        ),
    ),
]

_EXPORT = "export --run_dir=run " + param("exporting.export.thresholds = None")
EXPORTS = [
    Row("no network to export", "export --run_dir=images", r"images has no network.keras"),
    Row("an unfinished run to export", "export --run_dir=stopped", r"in stopped has not finished"),
    Row(
        "the network of an unfinished run to export",
        "export --network_file=stopped/network.keras --gin_file=experiment.gin",
        r"the run in stopped has not finished",
    ),
    Row(
        "no file to export",
        "export --network_file=no.keras",
        r"there is no no.keras: --network_file takes a .keras file",
    ),
    Row(
        "half a network to export",
        "export --run_dir=run --gin_file=experiment.gin",
        r"'run/network.keras' is not a Keras v3 network, or is truncated",
        files.cut(_NETWORK),
    ),
    Row(
        "no forms to export",
        _EXPORT + param("exporting.export.forms = {}"),
        r"forms must hold at least one form, got none",
    ),
    Row(
        "a SavedModel that is none",
        TRAIN + param("teacher.load_teacher.path = 'exported'"),
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

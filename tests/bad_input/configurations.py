"""Bad configurations and flags."""

from tests.bad_input import files
from tests.bad_input.row import TRAIN, Row, param

_GIN = "from __gin__ import dynamic_registration\n"

CONFIGURATIONS = [
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
        TRAIN + param("training.train.epoks = 3"),
        r"(?s)named 'epoks'.*Did you mean 'epochs'",
    ),
    Row(
        "a misspelt class",
        TRAIN + param("image_folder.ImageFoldr.root = 'x'"),
        r"(?s)ImageFoldr.*Did you mean 'ImageFolder'",
    ),
    Row(
        "a misspelt argument of an optimizer",
        TRAIN + param("tf.keras.optimizers.Adam.lr = 0.1"),
        r"Adam has no argument 'lr'",
    ),
    Row(
        "a misspelt macro",
        TRAIN + param("SEDE = 3"),
        r"(?s)macro SEDE is set but nothing uses it.*Did you mean 'SEED'",
    ),
    Row("a macro without a value", TRAIN + param("TRAIN = %NOTHING"), r"macro NOTHING is used but"),
    Row(
        "a value that must be set",
        "train --gin_file=gin_configs/metric/image_folder.gin",
        r"IMAGES must be set, for example with --gin_param",
    ),
    Row(
        "a word for a number",
        TRAIN + param("training.train.epochs = 'three'"),
        r"epochs must be at least 1, got 'three'",
    ),
    Row(
        "no epochs",
        TRAIN + param("training.train.epochs = 0"),
        r"epochs must be at least 1, got 0",
    ),
    Row(
        "a checkpoint every 0 steps",
        TRAIN + param("training.train.checkpoint_every_steps = 0"),
        r"checkpoint_every_steps must be at least 1 step or None, got 0",
    ),
    *(
        Row(
            f"{name} without a validation",
            TRAIN
            + param("training.train.validation = None")
            + param("training.train.select_by = None")
            + param(f"training.train.{name} = {value}"),
            rf"validate_every and patience are about a validation, got none, and .*{name}={value}",
        )
        for name, value in (("patience", 3), ("validate_every", 2), ("higher_is_better", False))
    ),
    Row(
        "no skipped steps at all",
        TRAIN + param("training.train.stop_after_skipped_steps = 0"),
        r"stop_after_skipped_steps must be at least 1 step, or None .*, got 0",
    ),
    Row(
        "images of no pixels",
        TRAIN + param("runtime.configure.max_image_pixels = 0"),
        r"max_image_pixels must be at least 1, got 0",
    ),
    Row(
        "a precision that is not there",
        TRAIN + param("runtime.configure.precision = 'float8'"),
        r"precision must be one of float32, .*, got 'float8'",
    ),
    Row(
        "a figure that is not measured",
        TRAIN + param("training.train.select_by = 'recal@1'"),
        r"no figure 'recal@1'; did you mean 'recall@1'",
    ),
    Row(
        "a validation that is a class",
        TRAIN + param("training.train.validation = @retrieval.RetrievalEvaluation"),
        r"validation must be an evaluation, an object with figure_names and evaluate, got R",
    ),
    Row(
        "an evaluation that is a class",
        TRAIN + param("EVALUATIONS = {'test': @test/retrieval.RetrievalEvaluation}"),
        r"evaluations\['test'\] must be an evaluation, .*, got RetrievalEvaluation itself; in a",
    ),
    Row(
        "an artefact that is a class",
        TRAIN + param("training.train.artefacts = [@projector.EmbeddingProjector]"),
        r"artefacts\[0\] must be an artefact, an object with write, got EmbeddingProjector itself",
    ),
    Row(
        "a callback that is a class",
        TRAIN + param("training.train.callbacks = [@tf.keras.callbacks.TerminateOnNaN]"),
        r"callbacks\[0\] must be a tf.keras.callbacks.Callback, got TerminateOnNaN itself",
    ),
    Row(
        "a word for a callback",
        TRAIN + param("training.train.callbacks = ['stop']"),
        r"callbacks\[0\] must be a tf.keras.callbacks.Callback, got 'stop'",
    ),
    Row(
        "an evaluation of other images",
        TRAIN
        + param("training.train.evaluate_untrained = False")
        + param("TEST = @other/image_folder.ImageFolder()")
        + param("other/image_folder.ImageFolder.image_size = (9, 9)"),
        r"evaluations\['unseen classes'\] does not fit: .*shape \(8, 8, 1\), .* gives \(9, 9, 1\)",
    ),
    Row(
        "a stage that is not there",
        TRAIN
        + param("NETWORK = @stages.stage_network()")
        + param("stages.stage_network.stage = 'source'"),
        r"stage_network is for the stages of a run",
    ),
]

FLAGS = [
    Row("an argument without a flag", TRAIN + "extra", r"unexpected arguments: extra"),
    Row(
        "half a binding",
        TRAIN + "--gin_param=training.train.epochs",
        r"expected ':' or '='.* in --gin_param='training.train.epochs'",
    ),
    Row("nothing to evaluate", "evaluate", r"nothing to evaluate given, expected --run_dir="),
    Row("nothing to export", "export", r"nothing to export given, expected --run_dir="),
    Row(
        "a worker without its cluster",
        TRAIN + "--worker_index=0",
        r"--workers and --worker_index go",
    ),
]

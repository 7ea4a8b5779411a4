"""Pictures of figures: a PNG file in the run folder, and the same in TensorBoard."""

import pathlib
import re

import tensorflow as tf


def file_in(folder: pathlib.Path, name: str, suffix: str) -> pathlib.Path:
    """The file for something of this name: "faces, attacked" with ".png" is `faces_attacked.png`.

    Args:
        folder: Where the file belongs.
        name: The name of an evaluation.
        suffix: What the file's name ends in.
    """
    stem = re.sub(r"[^\w.@-]+", "_", name).strip("_.")
    return folder / f"{stem or 'evaluation'}{suffix}"


def show_in_tensorboard(file: pathlib.Path, *, folder: pathlib.Path, name: str) -> None:
    """Adds a PNG file to TensorBoard's images.

    Args:
        file: The picture.
        folder: The run folder; events go to `tensorboard` in it.
        name: The picture is shown as `evaluation/<name>`.
    """
    picture = tf.io.decode_png(tf.io.read_file(str(file)), channels=3)
    writer = tf.summary.create_file_writer(str(folder / "tensorboard"))
    with writer.as_default(step=0):
        tf.summary.image(f"evaluation/{name}", picture[tf.newaxis])
    writer.close()

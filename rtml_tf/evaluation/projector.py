"""Embeddings for TensorBoard's projector, with class names and thumbnails."""

import math
import os
import pathlib

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorboard.plugins import projector

from rtml_tf.data.batches import OrderedBatches
from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation.embeddings import embed
from rtml_tf.evaluation.subset import balanced_subset

# TensorBoard loads one sprite image of at most this many pixels a side.
_LARGEST_SPRITE = 8192


class EmbeddingProjector:
    """Writes the embeddings of some images for TensorBoard's projector tab.

    Those of images are shown with thumbnails, those of descriptors as points.
    """

    def __init__(
        self, *, source: ImageSource, limit: int = 1000, thumbnail_size: int = 32, seed: int = 0
    ):
        """Chooses the images.

        Args:
            source: Where they come from; or descriptors `[F]`.
            limit: At most this many of them, the same in every call.
            thumbnail_size: Height and width of a thumbnail in pixels.
            seed: Of the choice that `limit` makes.

        Raises:
            ValueError: If a number is below 1, or the thumbnails exceed the largest image that
                TensorBoard loads.
        """
        if thumbnail_size < 1:
            raise ValueError(f"thumbnail_size must be at least 1 pixel, got {thumbnail_size}.")
        self._source = balanced_subset(source, limit, seed=seed)
        self._columns = math.ceil(math.sqrt(len(self._source)))
        if self._columns * thumbnail_size > _LARGEST_SPRITE:
            raise ValueError(
                f"limit={limit} thumbnails of {thumbnail_size} pixels need an image of "
                f"{self._columns * thumbnail_size} pixels a side, at most {_LARGEST_SPRITE} can "
                "be shown."
            )
        self._thumbnail_size = thumbnail_size

    def write(self, network: tf.keras.Model, folder: pathlib.Path) -> None:
        """Writes embeddings, names, thumbnails and the projector's configuration.

        Args:
            network: Images, or what else the source gives, to embeddings.
            folder: TensorBoard's log folder of the run.
        """
        batches = OrderedBatches(source=self._source, batch_size=128)
        embeddings, labels = embed(network, batches)
        files = folder / "projector"
        files.mkdir(parents=True, exist_ok=True)
        np.savetxt(files / "embeddings.tsv", embeddings, fmt="%.5f", delimiter="\t")
        rows = (
            f"{_one_cell(self._source.class_names[label])}\t{_one_cell(key)}"
            for label, key in zip(labels, self._source.keys)
        )
        (files / "metadata.tsv").write_text("\n".join(["class\timage", *rows]) + "\n", "utf-8")

        config = projector.ProjectorConfig()
        entry = config.embeddings.add()
        entry.tensor_name = "embeddings"
        entry.tensor_path = "projector/embeddings.tsv"
        entry.metadata_path = "projector/metadata.tsv"
        if len(self._source.image_shape) == 3:
            tf.io.write_file(str(files / "sprite.png"), self._sprite(batches))
            entry.sprite.image_path = "projector/sprite.png"
            entry.sprite.single_image_dim.extend([self._thumbnail_size] * 2)
        (folder / "projector_config.pbtxt").write_text(text_format.MessageToString(config), "utf-8")

    def _sprite(self, batches: OrderedBatches) -> tf.Tensor:
        size, columns = self._thumbnail_size, self._columns
        thumbnails = tf.concat(
            [
                tf.image.resize(batch["image"], (size, size), antialias=True)
                for batch in batches.dataset()
            ],
            axis=0,
        )
        empty = columns * columns - len(self._source)
        grid = tf.pad(thumbnails, [[0, empty], [0, 0], [0, 0], [0, 0]], constant_values=1.0)
        channels = grid.shape[-1]
        # [rows * columns, size, size, channels] -> [rows * size, columns * size, channels]
        grid = tf.reshape(grid, [columns, columns, size, size, channels])
        grid = tf.reshape(tf.transpose(grid, [0, 2, 1, 3, 4]), [columns * size, -1, channels])
        return tf.io.encode_png(tf.image.convert_image_dtype(grid, tf.uint8, saturate=True))


def _one_cell(text: str) -> str:
    """A name as a cell: tabs and line breaks would start another one.

    Bytes of a file name that are no UTF-8 become question marks, as no text file can hold them.
    """
    return os.fsencode(" ".join(text.split())).decode("utf-8", "replace")

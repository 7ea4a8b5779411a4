"""Tests of what TensorBoard's projector reads."""

import os
import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from google.protobuf import text_format
from tensorboard.plugins import projector as plugin

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation.projector import EmbeddingProjector
from rtml_tf.networks.raw_pixels import raw_pixels


class _Greys(ImageSource):
    """Five images of one grey each, in three classes, the last name with a tab in it.

    One name of an image and one of a class are those of files that are no UTF-8.
    """

    def __init__(self):
        self.labels = np.array([0, 0, 1, 1, 2], np.int32)
        self.class_names = ("dark", os.fsdecode(b"gl\xe4nzend"), "very\tbright")
        self.keys = (*(f"grey/{i}" for i in range(4)), os.fsdecode("grey/ä".encode() + b"\xff"))
        self.image_shape = (4, 4, 1)

    def load(self, index):
        return tf.ensure_shape(tf.fill((4, 4, 1), tf.cast(index, tf.float32) / 4), (4, 4, 1))


class EmbeddingProjectorTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        network = raw_pixels(input_shape=(4, 4, 1), subtract_mean=False)
        EmbeddingProjector(source=_Greys(), thumbnail_size=2).write(network, self.folder)
        text = (self.folder / "projector_config.pbtxt").read_text()
        self.entry = text_format.Parse(text, plugin.ProjectorConfig()).embeddings[0]

    def test_there_is_an_embedding_a_row(self):
        embeddings = np.loadtxt(self.folder / self.entry.tensor_path)
        self.assertEqual(embeddings.shape, (5, 16))
        # All pixels of an image are equal, so each is 1/4 of a vector of length one.
        np.testing.assert_allclose(embeddings[1:], 0.25, atol=1e-4)

    def test_there_is_a_name_a_row_below_the_header(self):
        rows = (self.folder / self.entry.metadata_path).read_text("utf-8").splitlines()
        self.assertEqual(rows[0], "class\timage")
        self.assertEqual(rows[1], "dark\tgrey/0")
        self.assertEqual(rows[3], "gl\ufffdnzend\tgrey/2")
        self.assertEqual(rows[5], "very bright\tgrey/ä\ufffd")

    def test_thumbnails_stand_row_by_row_in_a_square(self):
        sprite = tf.io.decode_png((self.folder / self.entry.sprite.image_path).read_bytes())
        self.assertEqual(list(self.entry.sprite.single_image_dim), [2, 2])
        # Three thumbnails of 2x2 a side; the four empty places are white.
        expected = np.array([[0, 64, 128], [191, 255, 255], [255, 255, 255]])
        np.testing.assert_allclose(sprite[::2, ::2, 0], expected, atol=1)

    def test_descriptors_have_no_thumbnails(self):
        source = ArraySource(keys=["a", "b"], array=np.eye(2), labels=[0, 1])
        descriptor = tf.keras.Input((2,))
        network = tf.keras.Model(descriptor, tf.keras.layers.Flatten()(descriptor))
        folder = self.folder / "descriptors"
        EmbeddingProjector(source=source).write(network, folder)
        text = (folder / "projector_config.pbtxt").read_text()
        entry = text_format.Parse(text, plugin.ProjectorConfig()).embeddings[0]
        np.testing.assert_allclose(np.loadtxt(folder / entry.tensor_path), np.eye(2))
        self.assertFalse(entry.HasField("sprite"))

    def test_refuses_thumbnails_that_tensorboard_cannot_load(self):
        with self.assertRaisesRegex(ValueError, "need an image of 9000 pixels a side"):
            EmbeddingProjector(source=_Greys(), thumbnail_size=3000)
        with self.assertRaisesRegex(ValueError, "thumbnail_size must be at least 1 pixel, got 0"):
            EmbeddingProjector(source=_Greys(), thumbnail_size=0)


if __name__ == "__main__":
    absltest.main()

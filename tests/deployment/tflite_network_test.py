"""Tests of a TFLite file in place of a network."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.batches import OrderedBatches
from rtml_tf.deployment.embedding_endpoints import EmbeddingEndpoints
from rtml_tf.deployment.tflite_forms import Float32
from rtml_tf.deployment.tflite_network import TFLiteNetwork
from rtml_tf.evaluation.embeddings import embed
from tests.deployment.tiny_networks import embedding_network, images


class TFLiteNetworkTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = embedding_network()
        cls.path = pathlib.Path(absltest.get_default_test_tmpdir()) / "threes.tflite"
        cls.path.parent.mkdir(parents=True, exist_ok=True)
        endpoints = EmbeddingEndpoints(network=cls.network)
        Float32(batch_size=3).write(endpoints, cls.path, images(1))
        cls.file = TFLiteNetwork(cls.path)

    @parameterized.parameters(1, 3, 7)
    def test_takes_any_number_of_images(self, count):
        given = images(count)
        self.assertAllClose(self.file(given), self.network(given), atol=1e-5)
        self.assertAllClose(tf.function(self.file)(given), self.network(given), atol=1e-5)

    def test_evaluations_take_it_for_a_network(self):
        pixels = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 3), np.uint8)
        batches = OrderedBatches(
            source=ArraySource(keys=list("abcde"), array=pixels, labels=[0, 0, 1, 1, 1])
        )
        embeddings, labels = embed(self.file, batches)
        self.assertAllClose(embeddings, embed(self.network, batches)[0], atol=1e-5)
        self.assertAllEqual(labels, [0, 0, 1, 1, 1])

    @parameterized.parameters(
        (images(2, (8, 7, 3)), r"takes float32 images \[N, 8, 6, 3\], got float32 \[2, 8, 7, 3\]"),
        (images(2).astype(np.float64), "got float64"),
        (images(0), r"got float32 \[0, 8, 6, 3\]"),
        (255 * images(2), r"takes images in \[0, 1\], got values from .* to 25"),
        (np.nan * images(2), r"takes images in \[0, 1\], got values from nan"),
    )
    def test_bad_images(self, given, message):
        with self.assertRaisesRegex(ValueError, f"threes.tflite .*{message}"):
            self.file(given)

    def test_bad_files(self):
        other = self.create_tempfile("other.tflite", content="no network").full_path
        with self.assertRaisesRegex(ValueError, "other.tflite' is no TFLite file"):
            TFLiteNetwork(other)
        content = self.path.read_bytes()
        for kept in (0, 7, 100, len(content) // 2, len(content) - 8):
            truncated = self.create_tempfile("truncated.tflite", content=content[:kept], mode="wb")
            with self.assertRaisesRegex(ValueError, "truncated.tflite' is no TFLite file"):
                TFLiteNetwork(truncated.full_path)
        with self.assertRaisesRegex(ValueError, "one signature with an output 'logits', got"):
            TFLiteNetwork(self.path, output="logits")
        with self.assertRaisesRegex(ValueError, "cannot be trained"):
            self.file(images(1), training=True)


if __name__ == "__main__":
    tf.test.main()

"""Tests of SavedModels, as another program would use them."""

import io
import json
import os
import pathlib
import struct
import subprocess
import sys

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from PIL import Image

from rtml_tf.data.encoded_images import EncodedImages
from rtml_tf.deployment.embedding_endpoints import EmbeddingEndpoints
from rtml_tf.deployment.saved_model_form import SavedModelForm
from rtml_tf.deployment.saved_model_network import SavedModelNetwork
from tests.deployment.tiny_networks import embedding_network, images

_OTHER_PROGRAM = """
import json, sys
import tensorflow as tf
signatures = tf.saved_model.load(sys.argv[1]).signatures
image = tf.constant(json.load(sys.stdin), tf.float32)
print(json.dumps({
    "names": sorted(signatures),
    "embedding": signatures["serving_default"](image=image)["embedding"].numpy().tolist(),
    "packages": [name for name in sys.modules if name.startswith("rtml_tf")],
}))
"""

_HEAD_OF_A_LARGE_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + 2 * struct.pack(">I", 100_000)
# Height and width in the frame header (SOF0) of `_encoded`.
_LARGE_JPEG = [
    b"\xff\xc0\0\x11\x08" + struct.pack(">HH", *size) for size in ((20, 16), (65_000, 60_000))
]


def _encoded(image_format, size=(20, 16)):
    noise = np.random.default_rng(1).integers(0, 256, (*size, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, image_format)
    return file.getvalue()


class SavedModelFormTest(parameterized.TestCase, tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = embedding_network()
        cls.endpoints = EmbeddingEndpoints(network=cls.network, resize_to=10)
        cls.path = pathlib.Path(absltest.get_default_test_tmpdir()) / f"saved_model{os.getpid()}"
        SavedModelForm().write(cls.endpoints, cls.path, images(1))
        cls.signatures = tf.saved_model.load(str(cls.path)).signatures

    def test_refuses_what_is_no_saved_model_or_has_no_such_output(self):
        folder = self.create_tempdir().full_path
        with self.assertRaisesRegex(ValueError, f"{folder}' is no SavedModel: "):
            SavedModelNetwork(folder)
        for arguments in ({"signature": "embd"}, {"output": "logits"}):
            with self.assertRaisesRegex(ValueError, "must have a signature .* got .*'embed': "):
                SavedModelNetwork(self.path, **arguments)

    def test_another_program_needs_nothing_of_this_package(self):
        finished = subprocess.run(
            [sys.executable, "-I", "-c", _OTHER_PROGRAM, str(self.path)],
            input=json.dumps(images(3).tolist()),
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            cwd=self.path,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(finished.returncode, 0, finished.stderr)
        seen = json.loads(finished.stdout)
        self.assertEqual(seen["packages"], [])
        self.assertEqual(seen["names"], ["embed", "embed_bytes", "serving_default", "similarity"])
        self.assertAllClose(seen["embedding"], self.network(images(3)), atol=1e-6)

    def test_a_server_finds_what_it_needs(self):
        """As TensorFlow Serving loads it: by its tag, in a session, tensors found by signature."""
        graph = tf.Graph()
        with graph.as_default(), tf.compat.v1.Session() as session:
            meta_graph = tf.compat.v1.saved_model.load(session, ["serve"], str(self.path))
            signatures = dict(meta_graph.signature_def)
            signatures.pop("__saved_model_init_op")
            self.assertLen(signatures, 4)
            for signature in signatures.values():
                self.assertEqual(signature.method_name, "tensorflow/serving/predict")
                for tensor in (*signature.inputs.values(), *signature.outputs.values()):
                    # One name each, and a first dimension that requests can be batched along.
                    self.assertNotEmpty(tensor.name)
                    self.assertEqual(tensor.tensor_shape.dim[0].size, -1)
            embed = signatures["serving_default"]
            given = session.run(
                embed.outputs["embedding"].name, {embed.inputs["image"].name: images(3)}
            )
        self.assertAllClose(given, self.network(images(3)), atol=1e-6)

    @parameterized.parameters((None, 3), (None, 1), (2, 1), (2, 4), (2, 5))
    def test_a_graph_embeds_any_number_of_images_as_the_network_does(self, batch_size, count):
        form = SavedModelForm(batch_size=batch_size)
        path = pathlib.Path(self.create_tempdir().full_path, "model")
        form.write(self.endpoints, path, images(1))
        file = form.load(self.endpoints, path)
        in_graph = tf.function(file, input_signature=[tf.TensorSpec([None, 8, 6, 3])])
        self.assertAllClose(in_graph(images(count)), self.network(images(count)), atol=1e-6)
        self.assertAllClose(file(images(count)), self.network(images(count)), atol=1e-6)

    @parameterized.parameters("JPEG", "PNG")
    def test_bytes_are_read_as_in_training(self, image_format):
        contents = [_encoded(image_format), _encoded(image_format, (9, 30))]
        source = EncodedImages(contents=contents, image_size=(8, 6), resize_to=10)
        expected = self.network(tf.stack([source.load(0), source.load(1)]))
        given = self.signatures["embed_bytes"](image_bytes=tf.constant(contents))["embedding"]
        self.assertAllClose(given, expected, atol=1e-6)

    def test_similarity_is_the_cosine(self):
        a, b = images(3, seed=1), images(3, seed=2)
        given = self.signatures["similarity"](image_a=tf.constant(a), image_b=tf.constant(b))
        expected = np.sum(self.network(a).numpy() * self.network(b).numpy(), axis=1)
        self.assertAllClose(given["similarity"], expected, atol=1e-6)

    @parameterized.parameters(
        (
            "embed",
            {"image": images(2, (8, 7, 3))},
            r"\[2,8,7,3\] is not compatible with expected shape \[\?,8,6,3\]",
        ),
        ("embed", {"image": images(2).astype(np.float64)}, "float|double"),
        ("embed", {"image": 255 * images(2)}, r"image must lie in \[0, 1\], got values from"),
        ("embed", {"image": np.nan * images(2)}, r"image must lie in \[0, 1\]"),
        (
            "similarity",
            {"image_a": images(2), "image_b": images(2) - 0.5},
            r"image_b must lie in \[0, 1\], got values from",
        ),
        (
            "similarity",
            {"image_a": images(2, (8, 6, 1)), "image_b": images(2)},
            r"\[2,8,6,1\] is not compatible with expected shape \[\?,8,6,3\]",
        ),
        (
            "similarity",
            {"image_a": images(2), "image_b": (255 * images(2)).astype(np.uint8)},
            "float|uint8",
        ),
        ("embed_bytes", {"image_bytes": [1, 2]}, "string|int32"),
        ("embed_bytes", {"image_bytes": [_encoded("JPEG")[:-200]]}, "Invalid JPEG"),
        ("embed_bytes", {"image_bytes": [_encoded("PNG")[:-200]]}, "PNG"),
        ("embed_bytes", {"image_bytes": [_encoded("GIF")]}, "expected JPEG or PNG"),
        ("embed_bytes", {"image_bytes": [_encoded("BMP")]}, "expected JPEG or PNG"),
        ("embed_bytes", {"image_bytes": [b""]}, "expected JPEG or PNG"),
        (
            "embed_bytes",
            {"image_bytes": [_encoded("PNG"), _HEAD_OF_A_LARGE_PNG]},
            "more than 100000000 pixels .*100000x100000",
        ),
        (
            "embed_bytes",
            {"image_bytes": [_encoded("JPEG").replace(*_LARGE_JPEG)]},
            "more than 100000000 pixels .*60000x65000",
        ),
    )
    def test_bad_input(self, signature, inputs, message):
        given = {name: tf.constant(value) for name, value in inputs.items()}
        with self.assertRaisesRegex((ValueError, TypeError, tf.errors.OpError), message):
            self.signatures[signature](**given)

    def test_of_a_fixed_batch_size_and_as_a_network(self):
        path = pathlib.Path(self.create_tempdir().full_path) / "fixed"
        form = SavedModelForm(batch_size=2)
        form.write(self.endpoints, path, images(1))
        for name in ("embed", "similarity", "embed_bytes"):
            signature = tf.saved_model.load(str(path)).signatures[name]
            inputs = signature.structured_input_signature[1].values()
            self.assertEqual({spec.shape[0] for spec in inputs}, {2})
        file = form.load(self.endpoints, path)
        with self.assertRaisesRegex(tf.errors.OpError, r"expected shape \[2,8,6,3\]"):
            file.run(images(3))
        self.assertAllClose(file(images(5)), self.network(images(5)), atol=1e-6)

    def test_refuses_python_in_the_network(self):
        class _Python(tf.keras.layers.Layer):
            def call(self, inputs):
                return tf.ensure_shape(
                    tf.numpy_function(np.abs, [inputs], tf.float32), inputs.shape
                )

        endpoints = EmbeddingEndpoints(network=embedding_network(_Python()))
        with self.assertRaisesRegex(ValueError, "calls Python functions, .*PyFunc"):
            SavedModelForm().write(endpoints, pathlib.Path("unused"), images(1))

    def test_refuses_a_wrong_batch_size(self):
        with self.assertRaisesRegex(ValueError, "batch_size must be at least 1, .* got 0"):
            SavedModelForm(batch_size=0)


if __name__ == "__main__":
    tf.test.main()

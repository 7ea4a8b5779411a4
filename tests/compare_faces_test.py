"""Tests of the example that compares two images, apart from the interpreter."""

# bazel: data = ["//examples:compare_faces"]

import contextlib
import importlib.util
import io
import json
import pathlib
import sys
import zipfile
from unittest import mock

import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from rtml_tf.data.encoded_images import EncodedImages

_FILE = pathlib.Path(__file__).absolute().parents[1] / "examples" / "compare_faces.py"


def _example():
    spec = importlib.util.spec_from_file_location("compare_faces", _FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class CompareFacesTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.example = _example()

    @parameterized.product(
        name=("photo.jpg", "photo.png"),
        channels=(1, 3),
        resize_to=(None, 14, (12, 16)),
    )
    def test_reads_images_as_training_does(self, name, channels, resize_to):
        """Bit for bit; where images are resized, Pillow may round to the level beside."""
        y, x = np.mgrid[:24, :33]
        colours = np.stack([8 * y, 7 * x, 5 * y + 3 * x], axis=-1).astype(np.uint8)
        Image.fromarray(colours).save(self.folder / name)
        image_size = (24, 33) if resize_to is None else (10, 12)
        source = EncodedImages(
            contents=[(self.folder / name).read_bytes()],
            image_size=image_size,
            channels=channels,
            resize_to=resize_to,
        )
        preprocessing = {
            "channels": channels,
            "image_size": list(image_size),
            "resize_to": list(resize_to or image_size) if resize_to != 14 else 14,
        }
        given = self.example.read_image(str(self.folder / name), preprocessing)
        self.assertEqual(given.dtype, np.float32)
        # TensorFlow and Pillow weigh the colours of a PNG with other roundings.
        exact = resize_to is None and (channels == 3 or name.endswith("jpg"))
        np.testing.assert_allclose(
            given[0], source.load(0).numpy(), atol=1e-7 if exact else 1.01 / 255
        )

    def test_chooses_the_threshold(self):
        entries = [{"false_accept_rate": rate, "threshold": 1 - rate} for rate in (0.1, 0.01)]
        metadata = {"thresholds": entries}
        self.assertEqual(self.example.threshold_of(metadata, None), entries[1])
        self.assertEqual(self.example.threshold_of(metadata, 0.1), entries[0])
        with self.assertRaisesRegex(ValueError, "must be one of 0.01, 0.1, got 0.5"):
            self.example.threshold_of(metadata, 0.5)
        with self.assertRaisesRegex(ValueError, "have no thresholds"):
            self.example.threshold_of({"thresholds": []}, None)

    def test_a_mistake_is_one_message(self):
        for name, packed in (("n.tflite", "rtml_tf.json"), ("other.zip", "other.json")):
            with zipfile.ZipFile(self.folder / name, "w") as archive:
                archive.writestr(packed, json.dumps({"thresholds": []}))
        (self.folder / "cut.tflite").write_bytes((self.folder / "n.tflite").read_bytes()[:-1])
        for file, message in (
            ("m.tflite", "No such file"),
            ("n.tflite", "have no thresholds"),
            ("cut.tflite", "cut.tflite is no whole file of an export: File is not a zip file"),
            ("other.zip", "no whole file of an export: .*no item named 'rtml_tf.json'"),
        ):
            arguments = ["compare_faces.py", str(self.folder / file), "a.png", "b.png"]
            with mock.patch.object(sys, "argv", arguments):
                with contextlib.redirect_stderr(io.StringIO()) as said:
                    self.assertEqual(self.example.main(), 2)
            self.assertStartsWith(said.getvalue(), "error: ")
            self.assertRegex(said.getvalue(), message)


if __name__ == "__main__":
    absltest.main()

"""Tests of data sets by name, with a stand-in for the package, which is not installed."""

import io
import sys
import types
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import absltest
from PIL import Image

from rtml_tf.data.tensorflow_datasets import TensorFlowDataset


def _png(grey):
    stream = io.BytesIO()
    Image.fromarray(np.full((4, 5, 3), grey, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


class _Image:
    """Stands for `tfds.features.Image`."""


class _Builder:
    """A prepared data set of one split: seven examples, none of them of class "b"."""

    prepared = False

    def __init__(self, name, data_dir):
        if name != "tiny":
            raise ValueError(f"Dataset {name} not found.\nAvailable datasets: tiny")
        self.data_dir = data_dir
        label = types.SimpleNamespace(names=["a", "b", "c", "d"])
        self.info = types.SimpleNamespace(
            features={"image": _Image(), "label": label, "id": object()}
        )

    def download_and_prepare(self):
        _Builder.prepared = True

    def as_dataset(self, *, split, shuffle_files, decoders, read_config):
        assert not shuffle_files and read_config == {"add_tfds_id": True}
        assert decoders == {"image": "as stored"}
        if split not in ("train", "unlabelled"):
            raise ValueError(f"Unknown split '{split}'.")
        labels = [3, 0, 2, 3, 0, 2, 2] if split == "train" else [-1] * 7
        return tf.data.Dataset.from_tensor_slices(
            {
                "image": [_png(20 * number) for number in range(7)],
                "label": np.array(labels, np.int64),
                "tfds_id": [f"tiny-train.tfrecord-00000-of-00001__{n}" for n in range(7)],
            }
        )


_TFDS = types.SimpleNamespace(
    builder=_Builder,
    features=types.SimpleNamespace(Image=_Image),
    decode=types.SimpleNamespace(SkipDecoding=lambda: "as stored"),
    ReadConfig=dict,
)


def _dataset(**kwargs):
    with mock.patch.dict(sys.modules, {"tensorflow_datasets": _TFDS}):
        return TensorFlowDataset(**({"name": "tiny", "image_size": (4, 5)} | kwargs))


class TensorFlowDatasetsTest(absltest.TestCase):
    def test_images_labels_and_names(self):
        source = _dataset()
        self.assertLen(source, 7)
        self.assertEqual(source.class_names, ("a", "c", "d"))
        np.testing.assert_array_equal(source.labels, [2, 0, 1, 2, 0, 1, 1])
        self.assertEqual(source.keys[3], "tiny-train.tfrecord-00000-of-00001__3")
        np.testing.assert_array_equal(source.load(3), np.full((4, 5, 3), np.float32(60 / 255)))

    def test_is_downloaded_only_when_asked(self):
        _Builder.prepared = False
        _dataset()
        self.assertFalse(_Builder.prepared)
        _dataset(download=True)
        self.assertTrue(_Builder.prepared)

    def test_what_is_not_there(self):
        with self.assertRaisesRegex(ValueError, "cannot give 'nope', .*: Dataset nope not found.$"):
            _dataset(name="nope")
        with self.assertRaisesRegex(ValueError, "cannot give 'tiny', .*: Unknown split 'test'"):
            _dataset(split="test")
        with self.assertRaisesRegex(ValueError, "an Image among id, image, label, got 'id'"):
            _dataset(image_feature="id")
        with self.assertRaisesRegex(ValueError, "a ClassLabel among id, image, label, got 'class'"):
            _dataset(label_feature="class")
        with self.assertRaisesRegex(ValueError, "split 'unlabelled', has no labels"):
            _dataset(split="unlabelled")

    def test_without_the_package(self):
        with mock.patch.dict(sys.modules, {"tensorflow_datasets": None}):
            with self.assertRaisesRegex(ValueError, "not installed .*pip install tensorflow-data"):
                TensorFlowDataset(name="cars196", image_size=(4, 5))


if __name__ == "__main__":
    absltest.main()

"""Tests that images are loaded in parallel also where TensorFlow computes deterministically."""

import pathlib
import threading
import time

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image
from tensorflow.python.framework import config, op_def_registry

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.augmentation_base import Augmentation
from rtml_tf.data.batches import TrainingBatches
from rtml_tf.data.cached_images import CachedImages
from rtml_tf.data.glyphs import Glyphs
from rtml_tf.data.image_folder import ImageFolder
from rtml_tf.data.image_view import ImageView
from rtml_tf.data.packed_images import PackedImages
from rtml_tf.data.packing import pack
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.data.viewed_source import ViewedSource

# What makes the deterministic mode load one image after the other, apart from these.
_ALLOWED = ("Assert",)


class _Watched(Augmentation):
    """Takes a while, and counts how many images are in it at once."""

    def __init__(self):
        self._lock, self._now, self.most = threading.Lock(), 0, 0

    def __call__(self, image, seed):
        def wait(image):
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
            time.sleep(0.01)
            with self._lock:
                self._now -= 1
            return image

        waited = tf.numpy_function(wait, [image], tf.float32, stateful=False)
        return tf.ensure_shape(waited, image.shape)

    def get_config(self):
        return {}


class ParallelLoadingTest(tf.test.TestCase, parameterized.TestCase):
    def test_augmentation_of_a_batch_goes_on_in_parallel(self):
        tf.config.experimental.enable_op_determinism()
        self.addCleanup(config.disable_op_determinism)
        source = ArraySource(
            keys=[str(number) for number in range(32)],
            array=np.zeros([32, 2, 2, 1], np.float32),
            labels=np.arange(32) // 8,
        )
        watched = _Watched()
        batches = TrainingBatches(
            source=source,
            sampler=PKSampler(classes_per_batch=4, images_per_class=4),
            augmentation=[watched],
        )
        next(iter(batches.dataset()))
        self.assertGreater(watched.most, 1)

    def _folder(self):
        root = pathlib.Path(self.create_tempdir().full_path, "images")
        for name in ("a/1.png", "a/2.jpg", "b/3.png"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.zeros([6, 6, 3], np.uint8)).save(root / name)
        return ImageFolder(root=str(root), image_size=(6, 6))

    def _packed(self):
        folder = self.create_tempdir().full_path
        pack(source=self._folder(), folder=folder)
        return PackedImages(folder=folder, image_size=(6, 6))

    @parameterized.named_parameters(
        ("folder", lambda test: test._folder()),
        ("packed", lambda test: test._packed()),
        ("cached", lambda test: CachedImages(source=test._folder())),
        ("glyphs", lambda test: Glyphs(num_classes=10, images_per_class=2)),
        (
            "view",
            lambda test: ViewedSource(source=test._folder(), view=ImageView(image_size=(3, 3))),
        ),
    )
    def test_no_source_keeps_a_state_between_images(self, make):
        load = tf.function(make(self).load)
        graph = load.get_concrete_function(tf.TensorSpec([], tf.int64)).graph
        definition = graph.as_graph_def()
        names = [node.op for node in definition.node]
        names += [node.op for f in definition.library.function for node in f.node_def]
        operations = [op_def_registry.get(name) for name in names]
        stateful = {op.name for op in operations if op is not None and op.is_stateful}
        self.assertEmpty(stateful.difference(_ALLOWED))


if __name__ == "__main__":
    tf.test.main()

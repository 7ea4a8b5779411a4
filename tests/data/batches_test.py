"""Tests of the batches for training and for evaluation."""

import itertools
import time

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data import augmentation
from rtml_tf.data.batches import OrderedBatches, TrainingBatches
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.data.source import ImageSource

_LABELS = np.tile(np.arange(6), 5)


class _Numbered(ImageSource):
    """30 images of six classes, whose pixels are a hundredth of their number."""

    labels = _LABELS.astype(np.int32)
    class_names = tuple("abcdef")
    keys = tuple(f"key {number}" for number in range(30))
    image_shape = (4, 5, 1)

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return tf.fill(self.image_shape, tf.cast(index, tf.float32) / 100)


class _Delay(augmentation.Augmentation):
    """Takes longest for every tenth image, so that parallel calls end out of order."""

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(tf.numpy_function(self._wait, [image], tf.float32), image.shape)

    def _wait(self, image: np.ndarray) -> np.ndarray:
        time.sleep(0.02 if round(100 * image.max()) % 10 == 0 else 0.0)
        return image

    def get_config(self) -> dict:
        return {}


_AUGMENTATION = (
    _Delay(),
    augmentation.RandomCrop(size=(4, 4), padding=1),
    augmentation.RandomBrightness(max_delta=0.1),
)


def _parallel(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Loads four images at a time from the first on, where tuning would begin with one."""
    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 4
    return dataset.with_options(options)


def _numbers(batch: dict) -> np.ndarray:
    return np.rint(100 * np.asarray(batch["image"])[:, 0, 0, 0]).astype(int)


class TrainingBatchesTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._sampler = PKSampler(classes_per_batch=4, images_per_class=2, seed=3)

    def _batches(self, **arguments: object) -> TrainingBatches:
        return TrainingBatches(source=_Numbered(), sampler=self._sampler, **arguments)

    def test_holds_the_images_that_the_sampler_chose(self):
        batches = self._batches()
        self.assertEqual((batches.batch_size, batches.num_classes), (8, 6))
        self.assertEqual(batches.steps_per_epoch, 3)
        plan = self._sampler.plan(_LABELS)
        steps = itertools.product(range(3), range(3))
        for batch, (epoch, step) in zip(batches.dataset(), steps):
            expected = plan.batch(epoch=epoch, step=step)
            self.assertAllEqual(_numbers(batch), expected)
            self.assertAllEqual(batch["label"], _LABELS[expected])

    def test_shapes_are_static(self):
        expected = {
            "image": tf.TensorSpec((8, 4, 4, 1), tf.float32),
            "label": tf.TensorSpec((8,), tf.int32),
        }
        batches = self._batches(augmentation=_AUGMENTATION)
        self.assertEqual(batches.element_spec, expected)
        self.assertEqual(batches.dataset(start_step=5).element_spec, expected)

    @parameterized.parameters(0, 1, 3, 7)
    def test_starts_at_any_step_with_the_same_bits(self, start: int):
        batches = self._batches(augmentation=_AUGMENTATION, seed=9)
        expected = batches.dataset().skip(start).take(6)
        resumed = self._batches(augmentation=_AUGMENTATION, seed=9).dataset(start_step=start)
        for ours, theirs in zip(_parallel(resumed), expected):
            self.assertAllEqual(ours["image"], theirs["image"])
            self.assertAllEqual(ours["label"], theirs["label"])

    def test_every_image_of_every_step_is_changed_in_its_own_way(self):
        change = (augmentation.RandomBrightness(max_delta=0.3),)
        plain = self._batches().dataset().take(9)

        def deltas(seed: int) -> np.ndarray:
            changed = self._batches(augmentation=change, seed=seed).dataset()
            pairs = np.array([(c["image"], p["image"]) for c, p in zip(changed, plain)])
            after, before = np.moveaxis(pairs[..., 0, 0, 0], 1, 0)
            return (after - before)[after > 0.0]  # Dark images are clipped.

        deltas_of_both = np.concatenate([deltas(0), deltas(1)]).round(5)
        self.assertGreater(len(deltas_of_both), 72)
        self.assertLen(np.unique(deltas_of_both), len(deltas_of_both))

    def test_epochs_can_have_another_length(self):
        batches = self._batches(steps_per_epoch=2)
        self.assertEqual(batches.steps_per_epoch, 2)
        plan = self._sampler.plan(_LABELS, steps_per_epoch=2)
        batch = next(iter(batches.dataset(start_step=5)))
        self.assertAllEqual(_numbers(batch), plan.batch(epoch=2, step=1))

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "seed must be >= 0, got -1"):
            self._batches(seed=-1)
        with self.assertRaisesRegex(ValueError, "start_step must be >= 0, got -1"):
            self._batches().dataset(start_step=-1)
        with self.assertRaisesRegex(ValueError, "classes_per_batch is 7, .* only 6 classes"):
            sampler = PKSampler(classes_per_batch=7, images_per_class=1)
            TrainingBatches(source=_Numbered(), sampler=sampler)
        with self.assertRaisesRegex(ValueError, r"cannot cut size=\(9, 9\) from an image of 4x5"):
            self._batches(augmentation=[augmentation.RandomCrop(size=(9, 9))])


class OrderedBatchesTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters((8, (8, 8, 8, 6)), (30, (30,)), (256, (30,)), (15, (15, 15)))
    def test_all_examples_once_in_order(self, batch_size: int, sizes: tuple[int, ...]):
        batches = OrderedBatches(source=_Numbered(), batch_size=batch_size)
        found = list(batches.dataset())
        self.assertEqual(tuple(len(batch["label"]) for batch in found), sizes)
        self.assertEqual(batches.steps, len(sizes))
        self.assertAllEqual(np.concatenate([_numbers(batch) for batch in found]), range(30))
        self.assertAllEqual(np.concatenate([batch["label"] for batch in found]), _LABELS)
        self.assertAllEqual(batches.labels, _LABELS)
        self.assertEqual(batches.keys, _Numbered.keys)
        self.assertEqual(found[0]["label"].dtype, tf.int32)

    def test_a_limit_takes_some_in_order(self):
        batches = OrderedBatches(source=_Numbered(), batch_size=4, limit=7, seed=1)
        numbers = np.concatenate([_numbers(batch) for batch in batches.dataset()])
        self.assertLen(set(numbers), 7)
        self.assertAllEqual(numbers, sorted(numbers))
        self.assertAllEqual(batches.labels, _LABELS[numbers])
        self.assertEqual(batches.keys, tuple(f"key {number}" for number in numbers))
        self.assertEqual(batches.steps, 2)
        other = OrderedBatches(source=_Numbered(), limit=7, seed=2)
        self.assertNotEqual(batches.keys, other.keys)
        self.assertLen(OrderedBatches(source=_Numbered(), limit=100).keys, 30)

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "batch_size must be >= 1, got 0"):
            OrderedBatches(source=_Numbered(), batch_size=0)
        with self.assertRaisesRegex(ValueError, "limit must be >= 1 or None, got 0"):
            OrderedBatches(source=_Numbered(), limit=0)
        with self.assertRaisesRegex(ValueError, "seed must be >= 0, got -1"):
            OrderedBatches(source=_Numbered(), seed=-1)


if __name__ == "__main__":
    tf.test.main()

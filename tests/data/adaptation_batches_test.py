"""Tests of batches for adapting embedding networks."""

import numpy as np
import tensorflow as tf

from rtml_tf.data.adaptation_batches import AdaptationBatches
from rtml_tf.data.augmentation import RandomBrightness
from rtml_tf.data.batches import TrainingBatches
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.data.source import ImageSource


class _Numbered(ImageSource):
    """Images of three classes, whose pixels are a hundredth of their number."""

    class_names = tuple("abc")

    def __init__(self, count, image_shape):
        self.labels = np.arange(count, dtype=np.int32) % 3
        self.keys = tuple(f"key {number}" for number in range(count))
        self.image_shape = image_shape

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return tf.fill(self.image_shape, tf.cast(index, tf.float32) / 100)


class _Grey(_Numbered):
    """Images that are all alike."""

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return tf.fill(self.image_shape, 0.5)


def _batches(**arguments):
    source = TrainingBatches(
        source=_Numbered(12, (4, 4, 1)), sampler=PKSampler(classes_per_batch=2, images_per_class=2)
    )
    return AdaptationBatches(source=source, target=_Numbered(7, (6, 5, 1)), **arguments)


def _read(dataset, count):
    return list(dataset.take(count).as_numpy_iterator())


class AdaptationBatchesTest(tf.test.TestCase):
    def test_source_is_that_of_the_training_batches(self):
        batches = _batches()
        for ours, theirs in zip(_read(batches.dataset(), 4), _read(batches.source.dataset(), 4)):
            tf.nest.map_structure(self.assertAllEqual, ours["source"], theirs)
        self.assertEqual(batches.steps_per_epoch, batches.source.steps_per_epoch)
        self.assertEqual(batches.num_classes, 3)

    def test_every_epoch_has_all_target_images_in_an_order_of_its_own(self):
        """Seven batches of three are three epochs of seven images."""
        batches = _batches(target_batch_size=3)
        images = [batch["target"]["image"] for batch in _read(batches.dataset(), 7)]
        self.assertEqual(images[0].shape, (3, 6, 5, 1))
        numbers = np.rint(100 * np.concatenate(images)[:, 0, 0, 0]).reshape(3, 7)
        self.assertAllEqual(np.sort(numbers), np.tile(np.arange(7), (3, 1)))
        self.assertNotAllEqual(numbers[0], numbers[1])

    def test_begins_at_any_step(self):
        batches = _batches(target_augmentation=[RandomBrightness(max_delta=0.1)], seed=3)
        for ours, theirs in zip(
            _read(batches.dataset(start_step=5), 3), _read(batches.dataset().skip(5), 3)
        ):
            tf.nest.map_structure(self.assertAllEqual, ours, theirs)

    def test_target_images_are_augmented_unlike_the_source_images_beside_them(self):
        for seed in (0, 1):
            brightness = [RandomBrightness(max_delta=0.4)]
            source = TrainingBatches(
                source=_Grey(12, (4, 4, 1)),
                sampler=PKSampler(classes_per_batch=2, images_per_class=2),
                augmentation=brightness,
                seed=seed,
            )
            batches = AdaptationBatches(
                source=source,
                target=_Grey(7, (4, 4, 1)),
                target_augmentation=brightness,
                seed=0,
            )
            (batch,) = _read(batches.dataset(), 1)
            changes = [batch[domain]["image"][:, 0, 0, 0] - 0.5 for domain in ("source", "target")]
            self.assertLen(np.unique(np.round(changes, 5)), 8)

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "target_batch_size must be >= 1, got 0"):
            _batches(target_batch_size=0)
        with self.assertRaisesRegex(ValueError, "seed must be >= 0, got -1"):
            _batches(seed=-1)


if __name__ == "__main__":
    tf.test.main()

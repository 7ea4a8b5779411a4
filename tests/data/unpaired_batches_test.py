"""Tests of the batches of a labelled source and an unlabelled target."""

import collections
import itertools

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data import augmentation
from rtml_tf.data.scenes import scene_classes
from rtml_tf.data.segmentation_source import SegmentationSource
from rtml_tf.data.source import ImageSource
from rtml_tf.data.unpaired_batches import UnpairedBatches


class _Source(SegmentationSource):
    """Ten examples of 4x6 pixels, whose pixels are a hundredth of their number."""

    label_set = scene_classes()
    keys = tuple(f"source {number}" for number in range(10))
    image_shape = (4, 6, 3)
    mask_size = (4, 6)

    def load(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.load_image(index), tf.fill(self.mask_size, tf.cast(index % 8, tf.int32))

    def load_image(self, index: tf.Tensor) -> tf.Tensor:
        return tf.fill(self.image_shape, tf.cast(index, tf.float32) / 100)


class _Target(ImageSource):
    """Seven images of 8x5 pixels, likewise."""

    labels = np.zeros(7, np.int32)
    class_names = ("unknown",)
    keys = tuple(f"target {number}" for number in range(7))
    image_shape = (8, 5, 3)

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return tf.fill(self.image_shape, tf.cast(index, tf.float32) / 100)


def _batches(**arguments) -> UnpairedBatches:
    return UnpairedBatches(**{"source": _Source(), "target": _Target(), **arguments})


def _numbers(batch: dict, domain: str) -> list[int]:
    image = batch[domain]["image"].numpy()
    return [int(number) for number in np.rint(100 * image[:, 0, 0, 0])]


class UnpairedBatchesTest(parameterized.TestCase, tf.test.TestCase):
    def test_shapes_are_static_and_each_domain_has_its_own(self):
        batches = _batches(
            batch_size=3,
            target_batch_size=2,
            source_augmentation=[augmentation.RandomCrop(size=(2, 3))],
        )
        self.assertEqual(
            batches.element_spec,
            {
                "source": {
                    "image": tf.TensorSpec((3, 2, 3, 3), tf.float32),
                    "mask": tf.TensorSpec((3, 2, 3), tf.int32),
                },
                "target": {"image": tf.TensorSpec((2, 8, 5, 3), tf.float32)},
            },
        )
        self.assertEqual((batches.batch_size, batches.num_classes), (3, 8))
        self.assertEqual(batches.steps_per_epoch, 4)  # 10 / 3 and 7 / 2, rounded up.

    def test_every_epoch_of_a_domain_has_all_its_images_in_another_order(self):
        source, target = [], []
        for batch in _batches(batch_size=1).dataset().take(70):
            source += _numbers(batch, "source")
            target += _numbers(batch, "target")
            self.assertAllEqual(batch["source"]["mask"][0, 0, 0], source[-1] % 8)
        for numbers, length in ((source, 10), (target, 7)):
            epochs = [numbers[i : i + length] for i in range(0, 70, length)]
            for epoch in epochs:
                self.assertCountEqual(epoch, range(length))
            self.assertGreater(len(set(map(tuple, epochs))), 5)

    def test_nothing_pairs_the_domains(self):
        """Of 100 places of each pair, were they independent, none has more than a handful."""
        pairs = collections.Counter()
        same = _batches(target=_TargetOfTen())
        for batch in same.dataset().take(200):
            pairs[_numbers(batch, "source")[0], _numbers(batch, "target")[0]] += 1
        self.assertLess(max(pairs.values()), 10)

    @parameterized.parameters(0, 1, 5, 13)
    def test_begins_at_any_step(self, start):
        batches = _batches(
            batch_size=3,
            target_batch_size=2,
            source_augmentation=[
                augmentation.RandomFlip(),
                augmentation.RandomScale(),
                augmentation.RandomBrightness(max_delta=0.1),
            ],
            target_augmentation=[augmentation.RandomBrightness(max_delta=0.1)],
            seed=3,
        )
        late = batches.dataset(start_step=start).take(3)
        skipped = batches.dataset().skip(start).take(3)
        for one, other in zip(late, skipped):
            tf.nest.map_structure(self.assertAllEqual, one, other)

    def test_the_seed_changes_orders_and_augmentation(self):
        def some(seed):
            tones = [augmentation.RandomBrightness(max_delta=0.1)]
            batches = _batches(target_augmentation=tones, batch_size=5, seed=seed)
            batch = next(iter(batches.dataset()))
            return _numbers(batch, "source"), batch["target"]["image"].numpy().tobytes()

        self.assertEqual(some(1), some(1))
        for one, other in itertools.pairwise([some(seed) for seed in range(3)]):
            self.assertNotEqual(one[0], other[0])
            self.assertNotEqual(one[1], other[1])

    @parameterized.parameters(
        ({"batch_size": 0}, "batch_size and target_batch_size must be >= 1, got 0 and 0"),
        ({"target_batch_size": 0}, "got 1 and 0"),
        ({"steps_per_epoch": 0}, "steps_per_epoch must be >= 1"),
        ({"seed": -1}, "seed must be >= 0"),
        (
            {"source_augmentation": [augmentation.RandomRotation(max_degrees=5.0)]},
            "RandomRotation cannot be applied to an image with a mask",
        ),
    )
    def test_refuses(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            _batches(**arguments)

    def test_refuses_a_negative_start_and_masks_of_another_size(self):
        with self.assertRaisesRegex(ValueError, "start_step must be >= 0, got -1"):
            _batches().dataset(start_step=-1)
        source = _Source()
        source.mask_size = (8, 12)
        with self.assertRaisesRegex(ValueError, r"as large as its images, got \(8, 12\) and"):
            _batches(source=source)


class _TargetOfTen(_Target):
    labels = np.zeros(10, np.int32)
    keys = tuple(f"target {number}" for number in range(10))


if __name__ == "__main__":
    tf.test.main()

"""Tests of how workers and replicas divide batches: what all of them read is the whole, once."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.adaptation_batches import AdaptationBatches
from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.augmentation import RandomBrightness
from rtml_tf.data.batch_share import BatchShare
from rtml_tf.data.batches import TrainingBatches
from rtml_tf.data.paired import PairedSource
from rtml_tf.data.paired_batches import PairedBatches
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.data.scenes import scene_classes
from rtml_tf.data.segmentation_source import SegmentationSource
from rtml_tf.data.unpaired_batches import UnpairedBatches

_BRIGHTNESS = (RandomBrightness(max_delta=0.1),)


def _images():
    array = np.random.default_rng(0).uniform(size=(18, 2, 2, 1)).astype(np.float32)
    names = [str(number) for number in range(18)]
    return ArraySource(keys=names, array=array, labels=np.arange(18) % 6, class_names=names[:6])


class _Segmentation(SegmentationSource):
    """Ten images of 2x2 pixels, whose pixels are a hundredth of their number."""

    label_set = scene_classes()
    keys = tuple(map(str, range(10)))
    image_shape = (2, 2, 1)
    mask_size = (2, 2)

    def load(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.load_image(index), tf.fill(self.mask_size, tf.cast(index % 8, tf.int32))

    def load_image(self, index: tf.Tensor) -> tf.Tensor:
        return tf.fill(self.image_shape, tf.cast(index, tf.float32) / 100)


def _training():
    sampler = PKSampler(classes_per_batch=4, images_per_class=2)
    return TrainingBatches(source=_images(), sampler=sampler, augmentation=_BRIGHTNESS)


_BATCHES = {
    "training": _training,
    "adaptation": lambda: AdaptationBatches(
        source=_training(),
        target=_images(),
        target_batch_size=4,
        target_augmentation=_BRIGHTNESS,
    ),
    "paired": lambda: PairedBatches(
        pairs=PairedSource(source=_images(), target=_images()),
        sampler=PKSampler(classes_per_batch=2, images_per_class=2),
        unlabelled_per_batch=4,
        target_augmentation=_BRIGHTNESS,
    ),
    "unpaired": lambda: UnpairedBatches(
        source=_Segmentation(), target=_images(), batch_size=8, target_batch_size=4
    ),
}


def _read(dataset, count):
    return list(dataset.take(count).as_numpy_iterator())


def _joined(batches):
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)


class BatchShareTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(kind=list(_BATCHES), whole_batches=(False, True))
    def test_workers_together_read_every_step_once_and_in_order(self, kind, whole_batches):
        """Two workers with two replicas each; reference: the batches of one program."""
        batches = _BATCHES[kind]()
        steps, start, replicas = 3, 2, 4
        per_step = replicas if whole_batches else 1
        expected = _read(batches.dataset(start_step=start * per_step), steps * per_step)
        workers = [
            _read(
                batches.dataset(
                    start_step=start, share=BatchShare(replicas, 2, worker, whole_batches)
                ),
                2 * steps,
            )
            for worker in range(2)
        ]
        for step in range(steps):
            ours = [batch for worker in workers for batch in worker[2 * step : 2 * step + 2]]
            theirs = _joined(expected[step * per_step : (step + 1) * per_step])
            tf.nest.map_structure(self.assertAllEqual, _joined(ours), theirs)
            sizes = {len(part) for batch in ours for part in tf.nest.flatten(batch)}
            self.assertEqual(sizes, {len(x) // replicas for x in tf.nest.flatten(theirs)})

    def test_shapes_are_static(self):
        (image, _) = tf.nest.flatten(
            _training().dataset(share=BatchShare(replicas=4, workers=2)).element_spec
        )
        self.assertEqual(image, tf.TensorSpec((2, 2, 2, 1), tf.float32))

    def test_refuses_batches_that_cannot_be_divided(self):
        with self.assertRaisesRegex(
            ValueError, "batches of 8 examples cannot be divided equally among 3 replicas"
        ):
            _training().dataset(share=BatchShare(replicas=3))


if __name__ == "__main__":
    tf.test.main()

"""Tests of the batches of paired examples."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.cutout import Cutout
from rtml_tf.data.image_view import ImageView
from rtml_tf.data.local_binary_patterns import LocalBinaryPatterns
from rtml_tf.data.paired import PairedSource
from rtml_tf.data.paired_batches import PairedBatches
from rtml_tf.data.pk_sampler import PKSampler
from rtml_tf.data.random_moves import RandomFlip
from rtml_tf.data.random_tones import RandomBrightness
from rtml_tf.data.viewed_source import ViewedSource

_LABELS = np.repeat(np.arange(6), 4)
_KEYS = [f"key {number}" for number in range(24)]
# In the middle of [0, 1], so that brightness clips nothing.
_PIXELS = np.random.default_rng(0).random((24, 8, 8, 1)).astype(np.float32) / 2 + 0.25
_EMBEDDINGS = np.random.default_rng(1).random((24, 5)).astype(np.float32)
_SMALL = ImageView(image_size=(4, 4))


class PairedBatchesTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._images = ArraySource(keys=_KEYS, array=_PIXELS, labels=_LABELS)
        self._embeddings = ArraySource(keys=_KEYS, array=_EMBEDDINGS)
        self._small = ViewedSource(source=self._images, view=_SMALL)
        self._sampler = PKSampler(classes_per_batch=2, images_per_class=2, seed=3)

    def _pairs(self, source=None, target=None, **arguments) -> PairedSource:
        return PairedSource(
            source=source or self._images, target=target or self._small, **arguments
        )

    def _batches(self, pairs: PairedSource | None = None, **arguments) -> PairedBatches:
        arguments = {"sampler": self._sampler, "unlabelled_per_batch": 3} | arguments
        return PairedBatches(pairs=pairs or self._pairs(), **arguments)

    def test_both_domains_show_the_same_examples(self):
        descriptor = LocalBinaryPatterns(grid=(1, 1))
        source = ViewedSource(source=self._images, view=descriptor)
        order = np.random.default_rng(2).permutation(24)
        target = ArraySource(keys=[_KEYS[i] for i in order], array=_EMBEDDINGS[order])
        batches = self._batches(self._pairs(source, target))
        expected = descriptor(tf.constant(_PIXELS)).numpy()
        for batch in batches.dataset().take(8):
            numbers = np.argmin(
                np.abs(batch["target"].numpy()[:, np.newaxis] - _EMBEDDINGS).sum(-1), axis=1
            )
            self.assertAllEqual(batch["target"], _EMBEDDINGS[numbers])
            self.assertAllClose(batch["source"], expected[numbers])
            self.assertAllEqual(batch["label"][:4], _LABELS[numbers[:4]])
            self.assertAllEqual(batch["label"][4:], [-1] * 3)

    def test_attributes_and_static_shapes(self):
        batches = self._batches(augmentation=[RandomFlip()])
        self.assertEqual((batches.batch_size, batches.labelled_per_batch), (7, 4))
        self.assertEqual((batches.steps_per_epoch, batches.num_classes), (3, 6))
        self.assertEqual(
            batches.element_spec,
            {
                "source": tf.TensorSpec((7, 8, 8, 1), tf.float32),
                "target": tf.TensorSpec((7, 4, 4, 1), tf.float32),
                "label": tf.TensorSpec((7,), tf.int32),
            },
        )

    @parameterized.parameters(0, 4)
    def test_starts_at_any_step_with_the_same_bits(self, start: int):
        arguments = {
            "augmentation": [RandomFlip(), RandomBrightness(max_delta=0.2)],
            "target_augmentation": [Cutout(size=4)],
            "seed": 9,
        }
        expected = self._batches(**arguments).dataset().skip(start).take(5)
        for ours, theirs in zip(self._batches(**arguments).dataset(start_step=start), expected):
            for part in ("source", "target", "label"):
                self.assertAllEqual(ours[part], theirs[part])

    def test_both_views_are_taken_of_one_augmented_image(self):
        augmentation = [RandomFlip(), RandomBrightness(max_delta=0.2)]
        plain = self._batches().dataset()
        changed = self._batches(augmentation=augmentation).dataset().take(4)
        for batch, unchanged in zip(changed, plain):
            self.assertAllClose(batch["target"], _SMALL(batch["source"]))
            self.assertAllEqual(batch["label"], unchanged["label"])
            self.assertNotAllClose(batch["source"], unchanged["source"])

    @parameterized.parameters(True, False)
    def test_target_augmentation_leaves_the_source_alone(self, from_images: bool):
        pairs = self._pairs() if from_images else self._pairs(source=self._embeddings)
        plain = self._batches(pairs).dataset()
        brighter = [RandomBrightness(max_delta=0.2)]
        changed = self._batches(pairs, target_augmentation=brighter).dataset().take(4)
        for batch, unchanged in zip(changed, plain):
            self.assertAllEqual(batch["source"], unchanged["source"])
            # The view of a brighter image is a brighter view; each image has its own brightness.
            change = np.reshape(batch["target"] - unchanged["target"], [7, -1])
            self.assertAllClose(change, np.repeat(change[:, :1], 16, axis=1))
            self.assertLen(np.unique(change[:, 0].round(6)), 7)

    def test_target_augmentation_comes_on_top_with_a_seed_of_its_own(self):
        brighter = [RandomBrightness(max_delta=0.2)]
        plain = self._batches().dataset().take(3)
        once = self._batches(augmentation=brighter).dataset()
        twice = self._batches(augmentation=brighter, target_augmentation=brighter).dataset()
        for none, one, two in zip(plain, once, twice):
            self.assertAllEqual(two["source"], one["source"])
            first = (one["source"] - none["source"])[:, 0, 0, 0]
            second = (two["target"] - one["target"])[:, 0, 0, 0]
            self.assertNotAllClose(second, tf.zeros(7), atol=1e-3)
            self.assertNotAllClose(second, first, atol=1e-3)

    def test_some_classes_have_labels(self):
        pairs = self._pairs(labelled_classes=0.5)
        batches = self._batches(pairs)
        self.assertEqual(batches.num_classes, 3)
        for batch in batches.dataset().take(6):
            for pixels, label in zip(batch["source"][:4].numpy(), batch["label"][:4]):
                (number,) = np.flatnonzero((_PIXELS == pixels).all(axis=(1, 2, 3)))
                self.assertEqual(pairs.class_names[label], str(_LABELS[number]))

    def test_without_a_sampler_no_label_is_shown(self):
        batches = self._batches(sampler=None)
        self.assertEqual((batches.labelled_per_batch, batches.num_classes), (0, 1))
        self.assertAllEqual(next(iter(batches.dataset()))["label"], [-1] * 3)

    def test_without_labels_the_batch_is_as_large(self):
        batches = self._batches(self._pairs(labelled_classes=0.0))
        self.assertEqual((batches.batch_size, batches.labelled_per_batch), (7, 0))
        self.assertEqual(batches.num_classes, 1)
        for batch in batches.dataset().take(3):
            self.assertAllEqual(batch["label"], [-1] * 7)

    def test_refuses(self):
        flip = [RandomFlip()]
        with self.assertRaisesRegex(ValueError, "seed must be >= 0, got -1"):
            self._batches(seed=-1)
        with self.assertRaisesRegex(ValueError, "start_step must be >= 0, got -1"):
            self._batches().dataset(start_step=-1)
        with self.assertRaisesRegex(ValueError, "not views of one image source. Use target_aug"):
            self._batches(self._pairs(source=self._embeddings), augmentation=flip)
        with self.assertRaisesRegex(ValueError, r"changes images .* example of shape \(5,\)"):
            self._batches(self._pairs(target=self._embeddings), target_augmentation=flip)


if __name__ == "__main__":
    tf.test.main()

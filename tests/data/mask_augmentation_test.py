"""Tests of augmentation of an image together with its mask."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data import augmentation
from rtml_tf.data.augmentation_base import augment_with_mask

_IGNORED = 200
# Every pixel has a value of its own, its mask the same value.
_MASK = np.arange(6 * 8, dtype=np.int32).reshape(6, 8) + 1
_IMAGE = (_MASK / 255.0).astype(np.float32)[:, :, np.newaxis]


def _seeds(count: int) -> list[tf.Tensor]:
    return [tf.constant([7, number], tf.int32) for number in range(count)]


def _apply(augmentations, seed, mask=_MASK, image=_IMAGE):
    image, mask = augment_with_mask(
        tf.constant(image), tf.constant(mask), augmentations, seed, ignore_value=_IGNORED
    )
    return image.numpy(), mask.numpy()


class MaskAugmentationTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        ([augmentation.RandomFlip(vertical=True)], (6, 8)),
        ([augmentation.RandomCrop(size=(3, 5))], (3, 5)),
        ([augmentation.RandomCrop(size=(6, 8), padding=2)], (6, 8)),
        ([augmentation.RandomScale(factors=(1.0,), size=(4, 12))], (4, 12)),
        (
            [augmentation.RandomCrop(size=(6, 8), padding=1), augmentation.RandomFlip()],
            (6, 8),
        ),
    )
    def test_pixels_and_their_classes_stay_together(self, augmentations, size):
        """Where the mask is not void, image and mask still have the same value."""
        results = []
        for seed in _seeds(12):
            image, mask = _apply(augmentations, seed)
            self.assertEqual(mask.shape, size)
            known = mask != _IGNORED
            self.assertAllClose(255 * image[known, 0], mask[known])
            self.assertAllEqual(image[~known], np.zeros_like(image[~known]))
            results.append(mask.tobytes())
        self.assertGreater(len(set(results)), 2)

    def test_reflected_pixels_are_void(self):
        crop = augmentation.RandomCrop(size=(10, 12), padding=2, fill_mode="reflect")
        image, mask = _apply([crop], _seeds(1)[0])
        self.assertAllEqual(mask[2:-2, 2:-2], _MASK)
        self.assertEqual(np.count_nonzero(mask == _IGNORED), 10 * 12 - 6 * 8)
        self.assertGreater(image.min(), 0.0)

    def test_tones_leave_the_mask(self):
        tones = [
            augmentation.RandomBrightness(max_delta=0.2),
            augmentation.RandomContrast(lowest=0.5, highest=1.5),
            augmentation.RandomGamma(lowest=0.5, highest=2.0),
            augmentation.RandomTint(max_change=0.3),
        ]
        for number, tone in enumerate(tones):
            image, mask = _apply([tone], _seeds(5)[number])
            self.assertAllEqual(mask, _MASK)
            self.assertNotAllClose(image, _IMAGE)

    def test_the_image_is_what_augment_makes_of_it(self):
        augmentations = [augmentation.RandomScale(), augmentation.RandomFlip()]
        for seed in _seeds(4):
            alone = augmentation.augment(tf.constant(_IMAGE), augmentations, seed)
            self.assertAllEqual(_apply(augmentations, seed)[0], alone)

    def test_scales_by_every_factor(self):
        """A stripe from top to bottom, 4 of 16 pixels wide, becomes 2, 4 and 8 wide."""
        mask = np.zeros((16, 16), np.int32)
        mask[:, 6:10] = 1
        image = mask[:, :, np.newaxis].astype(np.float32)
        scale = augmentation.RandomScale(factors=(0.5, 1.0, 2.0), size=(4, 32))
        widths = set()
        for seed in _seeds(16):
            scaled, scaled_mask = _apply([scale], seed, mask=mask, image=image)
            widths.add(int((scaled_mask[1] == 1).sum()))
            # Bilinear edges are halfway where those of the mask are.
            self.assertAllEqual(scaled[1, :, 0] > 0.5, scaled_mask[1] == 1)
        self.assertEqual(widths, {2, 4, 8})

    def test_scaled_images_keep_within_range_and_fill_by_reflection(self):
        ones = np.ones((6, 8, 1), np.float32)
        scale = augmentation.RandomScale(factors=(0.6,), fill_mode="reflect")
        image, mask = _apply([scale], _seeds(1)[0], image=ones)
        self.assertAllClose(image, ones)
        self.assertEqual(np.count_nonzero(mask != _IGNORED), round(3.6) * round(4.8))
        with self.assertRaisesRegex(ValueError, r"cannot fill \(2, 2\) up to \(6, 8\)"):
            scale = augmentation.RandomScale(factors=(0.3,), fill_mode="reflect")
            _apply([scale], _seeds(1)[0])

    def test_gamma_and_tint_by_hand(self):
        seed = _seeds(1)[0]
        image = tf.constant([[[0.25, 0.5, 1.0]]])
        squared = augmentation.RandomGamma(lowest=2.0, highest=2.0)(image, seed)
        self.assertAllClose(squared, [[[0.0625, 0.25, 1.0]]])
        factors = augmentation.RandomTint(max_change=0.5)(image, seed) / image
        self.assertAllInRange(factors, 0.5, 1.5)
        self.assertLen(np.unique(factors.numpy()[..., :2]), 2)

    def test_refuses_what_would_leave_the_mask_behind(self):
        with self.assertRaisesRegex(ValueError, "RandomRotation cannot be applied to an image wit"):
            _apply([augmentation.RandomRotation(max_degrees=10.0)], _seeds(1)[0])

    @parameterized.parameters(
        (lambda: augmentation.RandomScale(factors=()), "factors must be numbers above 0"),
        (lambda: augmentation.RandomScale(factors=(0.0, 1.0)), "factors must be numbers above 0"),
        (lambda: augmentation.RandomGamma(lowest=0.0, highest=1.0), "0 < lowest <= highest"),
        (lambda: augmentation.RandomTint(max_change=1.5), r"max_change must be in \[0, 1\]"),
    )
    def test_refuses(self, make, message):
        with self.assertRaisesRegex(ValueError, message):
            make()

    @parameterized.parameters(
        augmentation.RandomScale(factors=(0.5, 2.0), size=(3, 4), fill_value=0.5),
        augmentation.RandomGamma(lowest=0.5, highest=2.0),
        augmentation.RandomTint(max_change=0.3),
    )
    def test_config_round_trip(self, original):
        copy = type(original).from_config(original.get_config())
        self.assertEqual(copy.get_config(), original.get_config())
        seed = _seeds(1)[0]
        self.assertAllEqual(copy(tf.constant(_IMAGE), seed), original(tf.constant(_IMAGE), seed))


if __name__ == "__main__":
    tf.test.main()

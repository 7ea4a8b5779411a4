"""Tests of noise, blur and lower resolution against SciPy and closed forms."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from scipy import ndimage

from rtml_tf.data.one_of import OneOf
from rtml_tf.data.random_detail import GaussianBlur, GaussianNoise, LowResolution
from rtml_tf.data.random_tones import RandomBrightness

_SEED = tf.constant([3, 4])
_IMAGE = tf.random.stateless_uniform((12, 10, 3), (1, 2))


class RandomDetailTest(parameterized.TestCase, tf.test.TestCase):
    def test_noise_has_its_deviation_and_no_bias(self):
        grey = tf.fill((100, 100, 3), 0.5)
        noise = GaussianNoise(deviation=0.1)(grey, _SEED) - grey
        self.assertAllClose(np.mean(noise), 0.0, atol=0.002)
        self.assertAllClose(np.std(noise), 0.1, atol=0.002)
        self.assertAllInRange(GaussianNoise(deviation=2.0)(grey, _SEED), 0.0, 1.0)

    def test_blur_is_a_gaussian_filter(self):
        blurred = GaussianBlur(deviation=1.2)(_IMAGE, _SEED)
        expected = ndimage.gaussian_filter(
            _IMAGE.numpy(), sigma=(1.2, 1.2, 0), mode="mirror", radius=(4, 4, 0)
        )
        self.assertAllClose(blurred, expected, atol=1e-5)

    def test_blur_takes_images_as_small_as_it_mirrors(self):
        self.assertAllEqual(GaussianBlur(deviation=1.0)(_IMAGE[:4, :4], _SEED).shape, (4, 4, 3))

    def test_low_resolution_keeps_means_and_loses_detail(self):
        stripes = tf.tile(tf.constant([0.2, 0.8])[:, tf.newaxis, tf.newaxis], (6, 12, 1))
        result = LowResolution(factor=0.25)(stripes, _SEED)
        self.assertAllClose(result[4:8, 4:8], tf.fill((4, 4, 1), 0.5), atol=0.02)
        self.assertAllClose(LowResolution(factor=1.0)(_IMAGE, _SEED), _IMAGE, atol=1e-6)

    def test_one_of_applies_each_as_often(self):
        change = OneOf(augmentations=[LowResolution(factor=1.0), GaussianNoise(deviation=0.1)])
        seeds = tf.data.Dataset.range(400).map(lambda i: tf.stack([tf.cast(i, tf.int32), 5]))
        results = seeds.map(lambda seed: tf.reduce_max(tf.abs(change(_IMAGE, seed) - _IMAGE)))
        unchanged = sum(float(x) < 1e-5 for x in results)
        self.assertBetween(unchanged, 160, 240)  # four standard deviations about 200

    def test_one_of_treats_masks_as_images(self):
        mask = tf.zeros((12, 10), tf.int32)
        change = OneOf(augmentations=[RandomBrightness(max_delta=0.1)])
        self.assertAllEqual(change.of_mask(mask, _SEED, 255), mask)

    @parameterized.parameters(
        (lambda: GaussianNoise(deviation=-0.1), "deviation must be at least 0, got -0.1"),
        (lambda: GaussianBlur(deviation=0.0), "deviation must be above 0, got 0.0"),
        (
            lambda: GaussianBlur(deviation=1.0)(_IMAGE[:, :3], _SEED),
            "deviation=1.0 mirrors 3 pixels .* got an image of 12x3",
        ),
        (lambda: LowResolution(factor=2.0), r"factor must be in \(0, 1\], got 2.0"),
        (lambda: OneOf(augmentations=[]), "at least one, got none"),
    )
    def test_refuses(self, build, message):
        with self.assertRaisesRegex(ValueError, message):
            build()


if __name__ == "__main__":
    tf.test.main()

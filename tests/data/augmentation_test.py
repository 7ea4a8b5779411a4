"""Tests of the augmentations on images whose pixels tell what happened to them."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data import augmentation
from rtml_tf.data.augmentation import Augmentation

_SEEDS = tf.stack([tf.range(200), 7 * tf.range(200)], axis=1)
_NOISE = tf.random.stateless_uniform((11, 9, 3), (1, 2))


def _dot(size: int, row: int, column: int) -> tf.Tensor:
    image = np.zeros((size, size, 1), np.float32)
    image[row, column] = 1.0
    return tf.constant(image)


def _results(change: Augmentation, image: tf.Tensor) -> np.ndarray:
    """The image under each of the seeds, `[200, H, W, C]`."""
    seeds = tf.data.Dataset.from_tensor_slices(_SEEDS)
    images = seeds.map(lambda seed: change(image, seed), tf.data.AUTOTUNE)
    return np.stack(list(images.as_numpy_iterator()))


class EveryAugmentationTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        (augmentation.RandomCrop(size=(8, 7)), (8, 7, 3)),
        (augmentation.RandomCrop(size=(11, 9), padding=2, fill_mode="reflect"), (11, 9, 3)),
        (augmentation.RandomResizedCrop(size=(5, 6)), (5, 6, 3)),
        (augmentation.RandomFlip(horizontal=True, vertical=True), (11, 9, 3)),
        (augmentation.RandomRotation(max_degrees=30.0, fill_value=1.0), (11, 9, 3)),
        (augmentation.RandomTranslation(max_fraction=0.2, fill_mode="reflect"), (11, 9, 3)),
        (augmentation.RandomBrightness(max_delta=0.5), (11, 9, 3)),
        (augmentation.RandomContrast(lowest=0.5, highest=2.0), (11, 9, 3)),
        (augmentation.Cutout(size=4, fill_value=0.5), (11, 9, 3)),
        (augmentation.GaussianNoise(deviation=0.2), (11, 9, 3)),
        (
            augmentation.OneOf(
                augmentations=[
                    augmentation.GaussianNoise(deviation=0.2),
                    augmentation.GaussianBlur(deviation=0.8),
                    augmentation.LowResolution(factor=0.5),
                ]
            ),
            (11, 9, 3),
        ),
    )
    def test_result_is_an_image_and_a_function_of_the_seed(self, change, shape):
        results = _results(change, _NOISE)
        self.assertEqual(results.shape[1:], shape)
        self.assertAllInRange(results, 0.0, 1.0)
        self.assertGreater(len(np.unique(results, axis=0)), 3)
        # Eager, in a graph with static shapes, and once more by its configuration.
        self.assertAllEqual(change(_NOISE, _SEEDS[3]), results[3])
        traced = tf.function(change).get_concrete_function(_NOISE, _SEEDS[0])
        self.assertEqual(traced.structured_outputs.shape, shape)
        self.assertAllClose(traced(_NOISE, _SEEDS[3]), results[3])
        config = tf.keras.utils.serialize_keras_object(change)
        copy = tf.keras.utils.deserialize_keras_object(config)
        self.assertAllEqual(copy(_NOISE, _SEEDS[3]), results[3])
        self.assertEqual(copy.get_config(), change.get_config())

    @parameterized.parameters(
        (lambda: augmentation.RandomCrop(size=5), r"size must be \(height, width\).*got 5"),
        (lambda: augmentation.RandomCrop(size=(5, 5), padding=-1), "padding must be >= 0, got -1"),
        (
            lambda: augmentation.RandomCrop(size=(5, 5), fill_mode="wrap"),
            "fill_mode must be 'constant' or 'reflect', got 'wrap'",
        ),
        (
            lambda: augmentation.RandomCrop(size=(12, 9))(_NOISE, _SEEDS[0]),
            r"cannot cut size=\(12, 9\) from an image of 11x9",
        ),
        (
            lambda: augmentation.RandomCrop(size=(5, 5), padding=10, fill_mode="reflect")(
                _NOISE, _SEEDS[0]
            ),
            "cannot fill padding=10 by reflection of an image of 11x9",
        ),
        (
            lambda: augmentation.RandomResizedCrop(size=(5, 5), area=(0.5, 1.5)),
            r"area must be .* got \(0.5, 1.5\)",
        ),
        (
            lambda: augmentation.RandomResizedCrop(size=(5, 5), aspect_ratio=(2.0, 1.0)),
            r"aspect_ratio must be .* got \(2.0, 1.0\)",
        ),
        (lambda: augmentation.RandomFlip(horizontal=False), "must be true, got both false"),
        (lambda: augmentation.RandomRotation(max_degrees=-5.0), "max_degrees must be .* got -5.0"),
        (
            lambda: augmentation.RandomRotation(max_degrees=5.0, fill_value=255.0),
            r"fill_value must be in \[0, 1\], got 255.0",
        ),
        (lambda: augmentation.RandomTranslation(max_fraction=4), "max_fraction must be .* got 4"),
        (lambda: augmentation.RandomBrightness(max_delta=32), "max_delta must be .* got 32"),
        (lambda: augmentation.RandomContrast(lowest=1.2, highest=0.8), "got 1.2 and 0.8"),
        (lambda: augmentation.Cutout(size=5), "size must be an even number .* got 5"),
    )
    def test_refuses(self, build: Callable[[], object], message: str):
        with self.assertRaisesRegex(ValueError, message):
            build()


class CropTest(tf.test.TestCase):
    def test_random_crop_takes_every_window(self):
        image = tf.reshape(tf.range(20.0) / 20, (4, 5, 1))
        results = _results(augmentation.RandomCrop(size=(3, 3)), image)
        windows = {result.tobytes() for result in results}
        expected = {
            image.numpy()[top : top + 3, left : left + 3].tobytes()
            for top in range(2)
            for left in range(3)
        }
        self.assertEqual(windows, expected)

    def test_random_crop_pads_with_the_value_or_by_reflection(self):
        image = tf.fill((2, 2, 1), 0.5)
        filled = _results(augmentation.RandomCrop(size=(2, 2), padding=1, fill_value=0.9), image)
        self.assertAllClose(np.unique(filled), [0.5, 0.9])
        # The outermost row and column are repeated first: 1, 1 | 0, 1 where the dot is at 0, 0.
        reflect = augmentation.RandomCrop(size=(4, 4), padding=1, fill_mode="reflect")
        expected = np.zeros((4, 4, 1))
        expected[:2, :2] = 1.0
        self.assertAllEqual(reflect(_dot(2, 0, 0), _SEEDS[0]), expected)

    def test_random_crop_reflects_a_whole_image(self):
        reflect = augmentation.RandomCrop(size=(6, 6), padding=2, fill_mode="reflect")
        expected = np.pad(_dot(2, 0, 1), ((2, 2), (2, 2), (0, 0)), "symmetric")
        self.assertAllEqual(reflect(_dot(2, 0, 1), _SEEDS[0]), expected)

    def test_random_resized_crop_draws_area_and_aspect_ratio(self):
        """On a ramp the result is a ramp, whose slope is the window's extent / the size."""
        ramp = np.linspace(0.0, 1.0, 64, dtype=np.float32)
        image = np.stack(np.meshgrid(ramp, ramp), axis=-1)  # Channels: column, row.
        change = augmentation.RandomResizedCrop(
            size=(64, 64), area=(0.25, 0.5), aspect_ratio=(0.5, 2.0)
        )
        results = _results(change, tf.constant(image))
        step = 1 / 63
        widths = np.round((results[:, 32, 40, 0] - results[:, 32, 24, 0]) / step * 4)
        heights = np.round((results[:, 40, 32, 1] - results[:, 24, 32, 1]) / step * 4)
        # The window has whole pixels, so that its shape can leave the range by a little.
        self.assertAllInRange(widths * heights / 64**2, 0.23, 0.52)
        self.assertAllInRange(widths / heights, 0.48, 2.1)
        self.assertGreater(np.ptp(widths * heights / 64**2), 0.2)
        self.assertGreater(np.ptp(np.log2(widths / heights)), 1.5)

    def test_random_resized_crop_draws_small_areas(self):
        """On a ramp the difference of neighbours is the window's extent / the size."""
        ramp = tf.broadcast_to(tf.linspace(0.0, 1.0, 100)[:, tf.newaxis], (100, 100, 1))
        change = augmentation.RandomResizedCrop(
            size=(32, 32), area=(0.01, 0.04), aspect_ratio=(1.0, 1.0)
        )
        results = _results(change, ramp)[..., 0]
        widths = np.round((results[:, 0, 20] - results[:, 0, 12]) * 99 / 8 * 32)
        self.assertAllInRange(widths, 10, 20)
        self.assertGreater(np.ptp(widths), 8)

    def test_random_resized_crop_of_the_whole_image_is_the_image(self):
        change = augmentation.RandomResizedCrop(
            size=(7, 7), area=(1.0, 1.0), aspect_ratio=(1.0, 1.0)
        )
        image = _NOISE[:7, :7]
        self.assertAllClose(change(image, _SEEDS[0]), image)


class MoveTest(parameterized.TestCase, tf.test.TestCase):
    @parameterized.parameters(
        (True, False, [(1, 1), (1, 3)]),
        (False, True, [(1, 1), (3, 1)]),
        (True, True, [(1, 1), (1, 3), (3, 1), (3, 3)]),
    )
    def test_flips_are_equally_frequent(self, horizontal, vertical, places):
        change = augmentation.RandomFlip(horizontal=horizontal, vertical=vertical)
        mean = _results(change, _dot(5, 1, 1)).mean(axis=0)[..., 0]
        expected = np.zeros((5, 5))
        expected[tuple(np.transpose(places))] = 1 / len(places)
        # Binomial: four standard deviations of 200 draws are at most 0.14.
        self.assertAllClose(mean, expected, atol=0.14)

    def test_rotation_is_about_the_centre_and_within_the_angle(self):
        change = augmentation.RandomRotation(max_degrees=30.0)
        results = _results(change, _dot(41, 20, 35))[..., 0]
        weight = results.sum(axis=(1, 2))
        rows = (results.sum(axis=2) @ np.arange(41)) / weight - 20
        columns = (results.sum(axis=1) @ np.arange(41)) / weight - 20
        self.assertAllClose(np.hypot(rows, columns), np.full(200, 15.0), atol=0.5)
        degrees = np.degrees(np.arctan2(-rows, columns))
        self.assertAllInRange(degrees, -32.0, 32.0)
        self.assertLess(degrees.min(), -25.0)
        self.assertGreater(degrees.max(), 25.0)

    def test_translation_is_by_whole_pixels_within_the_fraction(self):
        change = augmentation.RandomTranslation(max_fraction=0.25)
        image = tf.pad(_dot(12, 6, 6), [[0, 0], [0, 4], [0, 0]])  # 12 x 16: up to 3 and 4 pixels.
        results = _results(change, image)
        self.assertAllEqual(np.unique(results), [0.0, 1.0])
        _, rows, columns, _ = np.nonzero(results)
        self.assertLen(rows, 200)
        self.assertAllEqual(np.unique(rows), range(3, 10))
        self.assertAllEqual(np.unique(columns), range(2, 11))

    def test_moved_images_are_filled(self):
        white = tf.ones((9, 9, 1))
        for change in (
            augmentation.RandomTranslation(max_fraction=0.5, fill_value=0.25),
            augmentation.RandomRotation(max_degrees=45.0, fill_value=0.25),
        ):
            self.assertAlmostEqual(_results(change, white).min(), 0.25)
        for change in (
            augmentation.RandomTranslation(max_fraction=0.5, fill_mode="reflect"),
            augmentation.RandomRotation(max_degrees=45.0, fill_mode="reflect"),
        ):
            self.assertAllClose(_results(change, white).min(), 1.0)


class ToneTest(tf.test.TestCase):
    def test_brightness_adds_one_number_and_clips(self):
        image = tf.constant([[[0.5, 0.5], [0.45, 0.55]]])
        results = _results(augmentation.RandomBrightness(max_delta=0.4), image)
        deltas = results[:, :1, :1, :1] - 0.5
        self.assertAllClose(results, image + deltas)
        self.assertAllInRange(deltas, -0.4, 0.4)
        self.assertGreater(np.ptp(deltas), 0.7)
        edges = _results(augmentation.RandomBrightness(max_delta=0.4), tf.constant([[[0.0, 1.0]]]))
        self.assertAllInRange(edges, 0.0, 1.0)

    def test_contrast_scales_the_distance_from_the_mean_and_clips(self):
        image = tf.constant([[[0.4], [0.6]]])
        results = _results(augmentation.RandomContrast(lowest=0.5, highest=3.0), image)
        factors = (results[:, 0, 1, 0] - 0.5) / 0.1
        self.assertAllClose(results[:, 0, 0, 0], 0.5 - 0.1 * factors, atol=1e-6)
        self.assertAllInRange(factors, 0.5, 3.0)
        self.assertGreater(np.ptp(factors), 2.0)
        edges = augmentation.RandomContrast(lowest=9.0, highest=9.0)(image, _SEEDS[0])
        self.assertAllEqual(edges, [[[0.0], [1.0]]])


class CutoutTest(tf.test.TestCase):
    def test_blanks_a_square_around_any_pixel(self):
        """In each direction 2 to 4 of the pixels of a side of 4 are within the image."""
        results = _results(augmentation.Cutout(size=4, fill_value=0.25), tf.ones((6, 7, 2)))
        self.assertAllEqual(np.unique(results), [0.25, 1.0])
        blank = results[..., 0] == 0.25
        self.assertAllEqual(results[..., 1] == 0.25, blank)
        heights, widths = blank.any(axis=2).sum(axis=1), blank.any(axis=1).sum(axis=1)
        self.assertAllEqual(blank.sum(axis=(1, 2)), heights * widths)
        self.assertAllEqual(np.unique(heights), (2, 3, 4))
        self.assertAllEqual(np.unique(widths), (2, 3, 4))
        self.assertTrue(blank.any(axis=0).all())


class AugmentTest(tf.test.TestCase):
    def test_each_augmentation_has_a_seed_of_its_own(self):
        change = augmentation.RandomBrightness(max_delta=0.1)
        image = tf.fill((1, 1, 1), 0.5)

        def both(seed: tf.Tensor) -> tf.Tensor:
            once = augmentation.augment(image, [change], seed)
            twice = augmentation.augment(image, [change, change], seed)
            return tf.stack([once, twice - once + 0.5])[:, 0, 0, 0]

        first, second = np.transpose(list(tf.data.Dataset.from_tensor_slices(_SEEDS).map(both)))
        # Two independent draws: four standard deviations of the correlation of 200 are 0.28.
        self.assertLess(abs(np.corrcoef(first, second)[0, 1]), 0.28)

    def test_no_augmentation_changes_nothing(self):
        self.assertAllEqual(augmentation.augment(_NOISE, [], _SEEDS[0]), _NOISE)


if __name__ == "__main__":
    tf.test.main()

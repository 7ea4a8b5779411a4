"""Tests of parts of a segmentation source, and of its images alone."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data.scenes import scene_classes
from rtml_tf.data.segmentation_source import (
    SegmentationSource,
    SegmentationSubset,
    consecutive_part,
)
from rtml_tf.data.unlabelled import UnlabelledImages, WithoutMasks


class _Numbered(SegmentationSource):
    """Seven examples, whose pixels and masks are their number."""

    label_set = scene_classes()
    keys = tuple("abcdefg")
    image_shape = (2, 3, 1)
    mask_size = (4, 6)

    def load(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.load_image(index), tf.fill(self.mask_size, tf.cast(index, tf.int32))

    def load_image(self, index: tf.Tensor) -> tf.Tensor:
        return tf.fill(self.image_shape, tf.cast(index, tf.float32) / 255.0)


def _numbers(source: SegmentationSource) -> list[int]:
    numbers = []
    for image, mask in tf.data.Dataset.range(len(source)).map(source.load):
        assert round(255 * float(image[0, 0, 0])) == int(mask[0, 0])
        numbers.append(int(mask[0, 0]))
    return numbers


class SegmentationSourceTest(parameterized.TestCase, tf.test.TestCase):
    def test_a_subset_has_the_examples_in_the_given_order(self):
        subset = SegmentationSubset(_Numbered(), [5, 1])
        self.assertEqual(_numbers(subset), [5, 1])
        self.assertEqual(subset.keys, ("f", "b"))
        self.assertEqual((subset.image_shape, subset.mask_size), ((2, 3, 1), (4, 6)))
        self.assertEqual((len(subset), subset.num_classes), (2, 8))

    def test_parts_that_meet_are_the_whole(self):
        source = _Numbered()
        bounds = (0.0, 0.25, 0.5, 1.0)
        parts = [
            _numbers(consecutive_part(source=source, begin=begin, end=end))
            for begin, end in zip(bounds, bounds[1:])
        ]
        self.assertEqual(sum(parts, []), list(range(7)))

    def test_without_masks_it_is_a_source_of_unlabelled_images(self):
        images = WithoutMasks(source=_Numbered())
        self.assertAllEqual(images.labels, [0] * 7)
        self.assertEqual(images.class_names, ("unknown",))
        self.assertAllClose(255 * images.load(tf.constant(3, tf.int64)), tf.fill((2, 3, 1), 3.0))

    def test_unlabelled_images_of_a_folder(self):
        folder = self.create_tempdir()
        for name in ("b.png", "a.png"):
            image = tf.io.encode_png(tf.fill((2, 2, 3), tf.constant(51, tf.uint8)))
            folder.create_file(name, image.numpy(), mode="wb")
        images = UnlabelledImages(folder=folder.full_path, files="*.png", image_size=(2, 2))
        self.assertEqual((images.keys, images.class_names), (("a.png", "b.png"), ("unknown",)))
        self.assertAllClose(images.load(tf.constant(0, tf.int64)), tf.fill((2, 2, 3), 0.2))

    @parameterized.parameters(
        (lambda: SegmentationSubset(_Numbered(), []), "non-empty list"),
        (lambda: SegmentationSubset(_Numbered(), [7]), r"lie in \[0, 7\), got values from 7 to 7"),
        (lambda: consecutive_part(source=_Numbered(), begin=0.5, end=0.5), "0 <= begin < end <= 1"),
        (lambda: consecutive_part(source=_Numbered(), end=0.05), "from 0.0 to 0.05 of 7 examples"),
    )
    def test_refuses(self, make, message):
        with self.assertRaisesRegex(ValueError, message):
            make()


if __name__ == "__main__":
    tf.test.main()

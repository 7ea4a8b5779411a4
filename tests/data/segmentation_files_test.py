"""Tests of segmentation sources on files: masks of all kinds, sizes, and what can be wrong."""

import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from rtml_tf.data.cached_segmentation import CachedSegmentation
from rtml_tf.data.label_set import LabelSet
from rtml_tf.data.mask_folders import MaskFolders
from tests import png_files

_IDS = np.array([[7, 7, 8], [0, 8, 8]])
_CLASSES = [[0, 0, 1], [255, 1, 1]]
_COLOURS = {7: (128, 64, 128), 8: (244, 35, 232), 0: (0, 0, 0)}
_LABELS = LabelSet(
    class_names=("road", "pavement"),
    palette=(_COLOURS[7], _COLOURS[8]),
    classes_of={7: "road", 8: "pavement"},
    ignored=(0,),
)


def _write_grey(path):
    Image.fromarray(_IDS.astype(np.uint8)).save(path)


def _write_palette(path, **options):
    image = Image.fromarray(_IDS.astype(np.uint8))
    image.putpalette([part for i in range(9) for part in _COLOURS.get(i, (1, 1, 1))])
    image.save(path, **options)


def _write_16_bit_grey(path):
    Image.fromarray(_IDS.astype(np.uint16)).save(path)


def _write_rgb_ids(path):
    pixels = np.dstack([_IDS, _IDS + 1, _IDS + 2]).astype(np.uint8)
    Image.fromarray(pixels).save(path)


def _write_colours(path):
    Image.fromarray(np.array([[_COLOURS[i] for i in row] for row in _IDS], np.uint8)).save(path)


class SegmentationFilesTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._root = self.create_tempdir().full_path
        for folder in ("images", "masks"):
            os.mkdir(os.path.join(self._root, folder))

    def _add(self, name: str = "a", *, write_mask=_write_grey, size=(3, 2), value: int = 51):
        image = os.path.join(self._root, "images", f"{name}.png")
        Image.new("RGB", size, (value, 0, 0)).save(image)
        mask = os.path.join(self._root, "masks", f"{name}.png")
        if write_mask is not None:
            write_mask(mask)
        return mask

    def _folders(self, **arguments) -> MaskFolders:
        defaults = {
            "image_folder": os.path.join(self._root, "images"),
            "mask_folder": os.path.join(self._root, "masks"),
            "files": "*.png",
            "label_set": _LABELS,
            "image_size": (2, 3),
        }
        return MaskFolders(**{**defaults, **arguments})

    @parameterized.parameters(
        _write_grey,
        _write_palette,
        lambda path: png_files.write_4_bit_grey(path, _IDS),
        lambda path: _write_palette(path, bits=4),
        _write_16_bit_grey,
        _write_rgb_ids,
        lambda path: png_files.write_16_bit_rgb(path, _IDS),
    )
    def test_reads_ids(self, write_mask):
        self._add(write_mask=write_mask)
        image, mask = self._folders().load(tf.constant(0, tf.int64))
        self.assertAllEqual(mask, _CLASSES)
        self.assertAllClose(image, np.broadcast_to([0.2, 0.0, 0.0], (2, 3, 3)))

    @parameterized.parameters(_write_colours, _write_palette)
    def test_reads_colours(self, write_mask):
        labels = LabelSet(
            class_names=_LABELS.class_names,
            palette=_LABELS.palette,
            classes_of={_COLOURS[7]: "road", _COLOURS[8]: "pavement"},
            ignored=[_COLOURS[0]],
        )
        self._add(write_mask=write_mask)
        _, mask = self._folders(label_set=labels).load(tf.constant(0, tf.int64))
        self.assertAllEqual(mask, _CLASSES)

    def test_ids_above_255_keep_their_16_bits(self):
        labels = LabelSet(
            class_names=("a", "b"),
            palette=_LABELS.palette,
            classes_of={300: "a", 44: "b"},  # 300 is 44 in 8 bits.
        )
        self._add(write_mask=lambda path: png_files.write_16_bit_rgb(path, np.full((2, 3), 300)))
        _, mask = self._folders(label_set=labels).load(tf.constant(0, tf.int64))
        self.assertAllEqual(mask, np.zeros((2, 3)))

    def test_resizes_masks_to_nearest_pixels_and_images_to_another_size(self):
        self._add()
        folders = self._folders(image_size=(1, 1), mask_size=(4, 6))
        image, mask = folders.load(tf.constant(0, tf.int64))
        self.assertAllEqual(mask, np.repeat(np.repeat(_CLASSES, 2, axis=0), 2, axis=1))
        self.assertEqual(image.shape, (1, 1, 3))
        shapes = tf.data.Dataset.range(1).map(folders.load).element_spec
        self.assertEqual([tuple(part.shape) for part in shapes], [(1, 1, 3), (4, 6)])

    def test_images_can_be_loaded_without_their_masks(self):
        mask = self._add(value=102)
        folders = self._folders(check_files=False)
        os.remove(mask)
        self.assertAllClose(folders.load_image(tf.constant(0, tf.int64))[0, 0], (0.4, 0.0, 0.0))

    def test_the_cache_gives_the_same_back_without_the_files(self):
        paths = [self._add("a"), self._add("b", write_mask=_write_palette, value=255)]
        folders = self._folders(image_size=(5, 4), mask_size=(3, 3))
        expected = [folders.load(tf.constant(i, tf.int64)) for i in range(2)]
        cached = CachedSegmentation(source=folders)
        for path in paths:
            os.remove(path)
        for number, (image, mask) in enumerate(tf.data.Dataset.range(2).map(cached.load)):
            self.assertAllEqual(image, expected[number][0])
            self.assertAllEqual(mask, expected[number][1])
        self.assertEqual(cached.num_bytes, 2 * (5 * 4 * 3 + 3 * 3))

    def test_names_missing_masks(self):
        self._add("a")
        self._add("b", write_mask=None)
        with self.assertRaisesRegex(ValueError, r"1 of 2 images have no mask: .*masks/b\.png"):
            self._folders()

    def test_names_a_mask_of_another_size(self):
        self._add("a")
        self._add("b", size=(4, 2))
        with self.assertRaisesRegex(
            ValueError, r"1 of 2 examples .*masks/b\.png is 2x3 pixels, its image 2x4"
        ):
            self._folders()

    def test_names_an_unknown_id_even_if_resizing_would_lose_it(self):
        ids = np.where([[True, False, False], [False] * 3], 9, _IDS)
        self._add(write_mask=lambda path: Image.fromarray(ids.astype(np.uint8)).save(path))
        with self.assertRaisesRegex(ValueError, r"masks/a\.png has the id 9, neither a class"):
            self._folders(image_size=(1, 1))

    def test_names_an_unknown_colour(self):
        labels = LabelSet(
            class_names=_LABELS.class_names,
            palette=_LABELS.palette,
            classes_of={_COLOURS[7]: "road", (1, 2, 3): "pavement"},
            ignored=[_COLOURS[0]],
        )
        self._add(write_mask=_write_colours)
        with self.assertRaisesRegex(ValueError, r"has the colour \(244, 35, 232\), neither"):
            self._folders(label_set=labels)

    def test_names_unreadable_files(self):
        def write_jpeg(path):
            Image.fromarray(_IDS.astype(np.uint8)).save(path, format="jpeg")

        self._add("a", write_mask=write_jpeg)
        self._add("b")
        with open(os.path.join(self._root, "images", "b.png"), "wb") as file:
            file.write(b"no image")
        with self.assertRaisesRegex(
            ValueError,
            r"2 of 2 .*masks/a\.png cannot be read \(A mask must be a PNG file\); "
            r".*images/b\.png cannot be read \(.+\)\.$",
        ):
            self._folders()

    def test_an_unchecked_file_stops_the_pipeline_by_name(self):
        self._add("a", size=(4, 2))
        folders = self._folders(check_files=False)
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, r"masks/a\.png is 2x3 pixels"):
            next(iter(tf.data.Dataset.range(1).map(folders.load)))
        with self.assertRaisesRegex(ValueError, r"^\S+masks/a\.png is 2x3 .* its image 2x4\.$"):
            CachedSegmentation(source=folders)

    @parameterized.parameters(
        ({"channels": 2}, "channels must be 1 or 3, got 2"),
        (
            {"mask_name": (r"\.jpg$", ".png")},
            r"nothing to replace in 1 of 1 names, such as 'a.png'",
        ),
        ({"leave_out": ["b.png"]}, "leave_out names 'b.png', which is none of 1 images"),
        ({"leave_out": ["a.png"]}, "not empty, got 0, 0 and 0"),
        ({"mask_size": (2,)}, "mask_size must be"),
    )
    def test_refuses(self, arguments, message):
        self._add()
        with self.assertRaisesRegex(ValueError, message):
            self._folders(**arguments)


if __name__ == "__main__":
    tf.test.main()

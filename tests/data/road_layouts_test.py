"""Tests of CamVid, Cityscapes, GTA5 and SYNTHIA on small copies of their layouts."""

import os

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from PIL import Image

from rtml_tf.data.camvid import camvid
from rtml_tf.data.cityscapes import cityscapes, cityscapes_classes, cityscapes_images
from rtml_tf.data.gta5 import gta5
from rtml_tf.data.synthia import synthia
from tests import png_files

# The train ids of `cityscapesscripts/helpers/labels.py`, by id.
_TRAIN_IDS = {7: 0, 8: 1, 11: 2, 12: 3, 13: 4, 17: 5, 19: 6, 20: 7, 21: 8, 22: 9, 23: 10, 24: 11}
_TRAIN_IDS |= {25: 12, 26: 13, 27: 14, 28: 15, 31: 16, 32: 17, 33: 18}

# The id map of the data sets of AdaptSegNet, from ids of SYNTHIA to train ids of Cityscapes.
_SYNTHIA_TO_TRAIN_IDS = {1: 10, 2: 2, 3: 0, 4: 1, 5: 4, 6: 8, 7: 5, 8: 13, 9: 7, 10: 11, 11: 18}
_SYNTHIA_TO_TRAIN_IDS |= {12: 17, 15: 6, 16: 9, 17: 12, 18: 14, 19: 15, 20: 16, 21: 3}


def _train_ids(ids: dict[int, int], count: int) -> np.ndarray:
    return np.array([[ids.get(i, 255) for i in range(count)]])


class RoadLayoutsTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self._root = self.create_tempdir().full_path

    def _path(self, name: str) -> str:
        path = os.path.join(self._root, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def _image(self, name: str, *, width: int, red: int = 0) -> None:
        Image.new("RGB", (width, 1), (red, 0, 0)).save(self._path(name))

    def _ids(self, name: str, count: int, *, palette: bool = False) -> None:
        """A row of all ids below `count`."""
        mask = Image.fromarray(np.arange(count, dtype=np.uint8)[np.newaxis])
        if palette:
            mask.putpalette([7] * 768)
        mask.save(self._path(name))

    def _masks(self, source) -> np.ndarray:
        return np.stack([mask for _, mask in tf.data.Dataset.range(len(source)).map(source.load)])

    def test_cityscapes(self):
        for name in ("ulm/ulm_2", "aachen/aachen_1"):
            self._image(f"leftImg8bit/train/{name}_leftImg8bit.png", width=34)
            self._ids(f"gtFine/train/{name}_gtFine_labelIds.png", 34)
        self._image("leftImg8bit/val/bonn/bonn_1_leftImg8bit.png", width=34)
        source = cityscapes(root=self._root, part="train", image_size=(1, 34))
        self.assertEqual(
            source.keys, ("aachen/aachen_1_leftImg8bit.png", "ulm/ulm_2_leftImg8bit.png")
        )
        self.assertAllEqual(self._masks(source), [_train_ids(_TRAIN_IDS, 34)] * 2)
        with self.assertRaisesRegex(ValueError, r"no mask: .*val/bonn/bonn_1_gtFine_labelIds\.png"):
            cityscapes(root=self._root, part="val", image_size=(1, 34))
        images = cityscapes_images(root=self._root, part="val", image_size=(1, 34))
        self.assertEqual(images.keys, ("bonn/bonn_1_leftImg8bit.png",))
        self.assertEqual(images.load(tf.constant(0)).shape, (1, 34, 3))

    def test_cityscapes_by_a_list(self):
        for name in ("ulm/ulm_2", "aachen/aachen_1"):
            self._image(f"leftImg8bit/val/{name}_leftImg8bit.png", width=34)
            self._ids(f"gtFine/val/{name}_gtFine_labelIds.png", 34)
        list_file = self.create_tempfile("val.txt", "ulm/ulm_2_leftImg8bit.png\n").full_path
        source = cityscapes(
            root=self._root, part="val", image_size=(1, 17), mask_size=(1, 34), list_file=list_file
        )
        self.assertEqual(source.keys, ("ulm/ulm_2_leftImg8bit.png",))
        self.assertEqual((source.image_shape, source.mask_size), ((1, 17, 3), (1, 34)))

    @parameterized.parameters(
        (19, ()),
        (16, ("terrain", "truck", "train")),
        (13, ("wall", "fence", "pole", "terrain", "truck", "train")),
    )
    def test_classes_keep_the_order_of_the_train_ids(self, count, left_out):
        names = [name for name in cityscapes_classes().class_names if name not in left_out]
        self.assertEqual(cityscapes_classes(count=count).class_names, tuple(names))
        self.assertLen(names, count)

    def test_refuses_another_number_of_classes(self):
        with self.assertRaisesRegex(ValueError, r"one of \(19, 16, 13\) classes, got 11"):
            cityscapes_classes(count=11)

    def test_gta5_leaves_out_masks_of_another_size(self):
        self._image("images/00001.png", width=35)
        self._ids("labels/00001.png", 35, palette=True)
        self._image("images/00002.png", width=30)
        self._ids("labels/00002.png", 35, palette=True)
        with self.assertLogs(level="WARNING") as logs:
            source = gta5(root=self._root, image_size=(1, 35), check_files=True)
        self.assertRegex(logs.output[0], r"left out: 00002\.png\.")
        self.assertEqual(source.keys, ("00001.png",))
        self.assertAllEqual(self._masks(source)[0], _train_ids(_TRAIN_IDS, 35))

    def test_synthia(self):
        self._image("RGB/0000001.png", width=23)
        path = self._path("GT/LABELS/0000001.png")
        png_files.write_16_bit_rgb(path, np.arange(23)[np.newaxis])
        source = synthia(root=self._root, image_size=(1, 23))
        self.assertAllEqual(self._masks(source)[0], _train_ids(_SYNTHIA_TO_TRAIN_IDS, 23))

    def test_13_classes_of_synthia(self):
        self._image("RGB/0000001.png", width=23)
        path = self._path("GT/LABELS/0000001.png")
        png_files.write_16_bit_rgb(path, np.arange(23)[np.newaxis])
        source = synthia(root=self._root, image_size=(1, 23), num_classes=13)
        row = self._masks(source)[0, 0]
        names = [None if number == 255 else source.label_set.class_names[number] for number in row]
        expected = {1: "sky", 2: "building", 3: "road", 4: "sidewalk", 6: "vegetation", 8: "car"}
        expected |= {9: "traffic sign", 10: "person", 11: "bicycle", 12: "motorcycle"}
        expected |= {15: "traffic light", 17: "rider", 19: "bus"}
        self.assertEqual(names, [expected.get(number) for number in range(23)])

    def test_camvid_by_drive_in_the_order_of_time(self):
        for number, name in enumerate(
            ("test/0001TP_2", "train/0001TP_1", "val/0016E5_1", "train/Seq05VD_1")
        ):
            folder, stem = name.split("/")
            self._image(f"{name}.png", width=12, red=number)
            self._ids(f"{folder}annot/{stem}.png", 12)
        source = camvid(root=self._root, sequences=("0001TP",), image_size=(1, 12))
        self.assertEqual(source.keys, ("train/0001TP_1.png", "test/0001TP_2.png"))
        self.assertAllClose(255 * source.load(tf.constant(1, tf.int64))[0][0, 0], (0.0, 0.0, 0.0))
        self.assertAllEqual(self._masks(source), [[[*range(11), 255]]] * 2)
        self.assertEqual(source.label_set.class_names[8], "car")
        with self.assertRaisesRegex(ValueError, r"some of \['0001TP', '0016E5', 'Seq05VD'\], got"):
            camvid(root=self._root, sequences=("0006R0",), image_size=(1, 12))


if __name__ == "__main__":
    tf.test.main()

"""Tests of packing images and of reading them packed."""

import fcntl
import hashlib
import json
import os
import pathlib
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from PIL import Image

from rtml_tf.data import image_check, image_header
from rtml_tf.data.image_files import ImageFiles
from rtml_tf.data.image_folder import ImageFolder
from rtml_tf.data.packed_images import PackedImages
from rtml_tf.data.packing import pack
from tests.bad_input.files import png_that_says

_FORMATS = ("png", "jpg", "bmp")


class PackingTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.packed = self.folder / "packed"
        rng = np.random.default_rng(0)
        for name in ("b/1.png", "b/2.jpg", "a/1.bmp", "a/2.jpg", "a/3.png", "c/x.png", "c/y.jpg"):
            path = self.folder / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 256, (9, 7, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(path)

    def source(self, **kwargs):
        return ImageFolder(root=str(self.folder / "images"), image_size=(9, 7), **kwargs)

    def pack(self, source=None, **kwargs):
        return pack(
            source=source or self.source(), folder=str(self.packed), images_per_shard=3, **kwargs
        )

    def read(self, **kwargs):
        return PackedImages(folder=str(self.packed), image_size=(9, 7), **kwargs)

    def contents(self):
        return {path.name: path.read_bytes() for path in self.packed.iterdir()}

    def edit_json(self, name, change, *, resign=True):
        """Edits a table, and the index so that it lists the edited one."""
        path = self.packed / name
        fields = json.loads(path.read_text())
        change(fields)
        path.write_text(json.dumps(fields))
        if resign and name != "index.json":
            number = int(name[7:12])
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            self.edit_json("index.json", lambda index: index["tables"].__setitem__(number, digest))

    def failure(self, packed, number):
        with self.assertRaises(tf.errors.InvalidArgumentError) as caught:
            packed.load(number)
        return image_check.plain_message(caught.exception)

    @parameterized.parameters({}, {"resize_to": 12, "channels": 1})
    def test_images_labels_and_names_are_those_of_the_source(self, **kwargs):
        source = self.source(**kwargs)
        self.pack(source)
        packed = self.read(verify=True, **kwargs)
        self.assertEqual(packed.keys, source.keys)
        self.assertEqual(packed.class_names, ("a", "b", "c"))
        self.assertEqual(packed.image_shape, source.image_shape)
        np.testing.assert_array_equal(packed.labels, source.labels)
        # In any order, several at a time, in a graph.
        order = tf.data.Dataset.from_tensor_slices(np.array([6, 0, 3, 2, 5, 1, 4, 6], np.int64))
        for ours, theirs in zip(order.map(packed.load, 4), order.map(source.load)):
            np.testing.assert_array_equal(ours, theirs)

    def test_any_reader_of_tf_records_finds_the_files_as_they_were(self):
        """TensorFlow's own reader checks both checksums of every record."""
        source = self.source()
        self.pack(source)
        files = sorted(str(path) for path in self.packed.glob("*.tfrecord"))
        self.assertLen(files, 3)
        found = [tf.train.Example.FromString(x.numpy()) for x in tf.data.TFRecordDataset(files)]
        self.assertLen(found, 7)
        for number, example in enumerate(found):
            features = example.features.feature
            self.assertEqual(
                features["image/encoded"].bytes_list.value[0],
                pathlib.Path(source.paths[number]).read_bytes(),
            )
            self.assertEqual(
                features["image/key"].bytes_list.value[0].decode(), source.keys[number]
            )
            self.assertEqual(
                features["image/class/label"].int64_list.value[0], source.labels[number]
            )

    def test_boxes_are_cut_out(self):
        whole = self.source()
        boxed = ImageFiles(
            paths=whole.paths,
            keys=whole.keys,
            labels=whole.labels,
            class_names=whole.class_names,
            image_size=(4, 3),
            boxes=np.array([[1, 2, 4, 6]] * 6 + [[-3, 0, 5, 9]]),
        )
        self.pack(boxed)
        packed = PackedImages(folder=str(self.packed), image_size=(4, 3))
        np.testing.assert_array_equal(packed.load(1), whole.load(1)[2:6, 1:4])
        np.testing.assert_array_equal(packed.load(6), boxed.load(6))

    def test_names_that_are_no_utf_8_come_back(self):
        name = os.fsdecode(b"c/\xff\x00"[:-1]) + ".png"
        os.rename(self.folder / "images" / "c/x.png", self.folder / "images" / name)
        self.pack()
        self.assertIn(name, self.read().keys)

    def test_a_stopped_pack_goes_on_to_the_same_bytes(self):
        first = self.pack()
        self.assertEqual(
            {name: first[name] for name in ("images", "classes", "shards", "written")},
            {"images": 7, "classes": 3, "shards": 3, "written": 3},
        )
        whole = self.contents()
        self.assertEqual(first["bytes"], sum(len(whole[n]) for n in whole if "tfrecord" in n))
        untouched = (self.packed / "images-00000-of-00003.tfrecord").stat().st_mtime_ns
        # Stopped between a shard and its table, while the next one was written.
        for name in ("index.json", "images-00001-of-00003.json", "images-00002-of-00003.json"):
            (self.packed / name).unlink()
        (self.packed / "images-00002-of-00003.tfrecord").rename(
            self.packed / ".images-00002-of-00003.123-abcd.tfrecord"
        )
        with self.assertRaisesRegex(ValueError, "has no index.json: .* packing it was stopped"):
            self.read()
        self.assertEqual(self.pack()["written"], 2)
        self.assertEqual(self.contents(), whole)
        self.assertEqual(
            (self.packed / "images-00000-of-00003.tfrecord").stat().st_mtime_ns, untouched
        )
        self.assertEqual(self.pack()["written"], 0)

    def test_shards_of_modified_images_and_damaged_shards_are_packed_again(self):
        self.pack()
        whole = self.contents()
        image = pathlib.Path(self.source().paths[4])  # Of the second shard.
        before, status = image.read_bytes(), image.stat()
        os.utime(image, ns=(2**61, 2**61))
        self.assertEqual(self.pack()["written"], 0)  # It is what it was.
        # Of another and of the same size, with the time that it had, as `cp -p` leaves it.
        for content in (before + b" ", before[:-1] + b" ", before):
            image.write_bytes(content)
            os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
            with self.assertLogs(level="WARNING") as logged:
                self.assertEqual(self.pack()["written"], 1)
            self.assertIn(f"00001-of-00003.tfrecord is packed again: {image}", logged.output[0])
        shard = self.packed / "images-00002-of-00003.tfrecord"
        shard.write_bytes(shard.read_bytes()[:-1])
        self.assertEqual(self.pack()["written"], 1)
        content = bytearray(shard.read_bytes())
        content[40] ^= 1
        shard.write_bytes(content)
        self.assertEqual(self.pack()["written"], 0)  # Of the right size.
        self.assertEqual(self.pack(verify=True)["written"], 1)
        (self.packed / "images-00000-of-00003.json").write_text("{")
        self.assertEqual(self.pack()["written"], 1)
        self.assertEqual(self.contents(), whole)

    def test_an_image_that_is_modified_while_it_is_packed_is_packed_again(self):
        source = self.source()
        read = pathlib.Path.read_bytes

        def read_and_modify(path):
            content = read(path)
            if str(path) == source.paths[4]:
                path.write_bytes(content + b" ")
            return content

        with mock.patch.object(pathlib.Path, "read_bytes", read_and_modify):
            self.pack(source)
        self.assertEqual(self.pack()["written"], 1)
        self.assertEqual(self.pack()["written"], 0)

    def test_an_image_of_another_size_is_found_by_its_size(self):
        """As where times are of no use: a folder that was moved in as a whole."""
        self.pack()
        for table in self.packed.glob("images-*.json"):
            os.utime(table, ns=(2**61, 2**61))
        self.assertEqual(self.pack()["written"], 0)
        image = pathlib.Path(self.source().paths[4])
        image.write_bytes(image.read_bytes() + b" ")
        self.assertEqual(self.pack()["written"], 1)

    def test_a_folder_of_something_else_is_refused_and_left_alone(self):
        self.pack()
        before = self.contents()
        (self.folder / "images" / "a" / "0.png").write_bytes(
            (self.folder / "images" / "a" / "3.png").read_bytes()
        )
        with self.assertRaisesRegex(ValueError, "00000-of-00003.json lists other images"):
            self.pack()
        with self.assertRaisesRegex(ValueError, "same images in 2 shards, but holds images-00000"):
            pack(source=self.source(), folder=str(self.packed), images_per_shard=4)
        with self.assertRaisesRegex(ValueError, "images_per_shard must be at least 1, got 0"):
            pack(source=self.source(), folder=str(self.packed), images_per_shard=0)
        with open(self.packed / ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with self.assertRaisesRegex(ValueError, "in use by another process"):
                self.pack()
        self.assertEqual(self.contents(), before)
        with self.assertRaisesRegex(ValueError, "images must be a new or .* but holds a, b, c"):
            pack(source=self.source(), folder=str(self.folder / "images"), images_per_shard=4)
        self.assertFalse((self.folder / "images" / ".lock").exists())

    def test_a_damaged_record_is_named_when_it_is_read(self):
        source = self.source()
        self.pack(source)
        shard = self.packed / "images-00001-of-00003.tfrecord"
        content = bytearray(shard.read_bytes())
        content[-10] ^= 1  # In the last record, number 5 of the pack.
        shard.write_bytes(content)
        packed = self.read()
        np.testing.assert_array_equal(packed.load(4), source.load(4))
        reason = rf"00001-of-00003.tfrecord, record 2 \({source.keys[5]}\) is not what was packed"
        self.assertRegex(self.failure(packed, 5), "^[^ ]*" + reason)
        numbers = tf.data.Dataset.range(7).map(packed.load)
        with self.assertRaisesRegex(tf.errors.InvalidArgumentError, reason):
            list(numbers)
        with self.assertRaisesRegex(ValueError, "00001-of-00003.tfrecord is not what was packed"):
            self.read(verify=True)
        shard.unlink()
        self.assertRegex(self.failure(packed, 4), "record 1 .* No such file")

    def test_an_image_that_cannot_be_decoded_is_named_and_none_is_too_large(self):
        folder = self.folder / "images" / "a"
        (folder / "2.jpg").write_bytes(b"\xff\xd8\xff nothing")
        (folder / "3.png").write_bytes(png_that_says(100_000, 100_000))
        self.pack(self.source(check_images=False))
        packed = self.read()
        for number, key in ((1, "a/2.jpg"), (2, "a/3.png")):
            self.assertRegex(
                self.failure(packed, number),
                rf"(?s)cannot be read .*00000-of-00003.tfrecord, record {number} \({key}\)",
            )
        # An index that claims more than it can know: the bomb is not decoded either.
        self.edit_json("index.json", lambda fields: fields.update(checked=True))
        self.assertIn("100000x100000", self.failure(self.read(), 2))

    @parameterized.named_parameters(
        ("no list", {"lengths": 3}, "lengths must be whole numbers of shape"),
        ("one too few", {"lengths": [1, 2]}, "lengths must be whole numbers of shape"),
        ("fractions", {"lengths": [1.5, 2, 3]}, "lengths must be whole numbers"),
        ("negative", {"lengths": [-1, 2, 3]}, "lengths are out of range, got -1 to 3"),
        ("beyond 64 bits", {"lengths": [2**70, 2, 3]}, "lengths must be whole numbers"),
        ("beyond the file", {"lengths": [2**40, 2, 3]}, r"must have 1099511\d+ bytes, got \d+"),
        ("checksums", {"checksums": [2**32, 0, 0]}, "checksums are out of range"),
        ("keys", {"keys": [1, 2, 3]}, "keys must be a list of names"),
        ("keys twice", {"keys": ["c", "c", "d"]}, r"duplicated keys \(1\): c"),
        ("a digest", {"sha256": 3}, "sha256 must be a text"),
        ("boxes", {"boxes": [[1, 2], [1, 2], [1, 2]]}, "boxes must be whole numbers"),
        ("boxes of one shard", {"boxes": [[1, 2, 3, 4]] * 3}, "shards with boxes and shards w"),
        ("a class too many", {"labels": [0, 0, 3]}, "every class from 0 to 2 .* labels up to 3"),
        ("more fields", {"file": "../../secret"}, "must have the fields boxes, check.*'file'"),
    )
    def test_a_table_from_elsewhere(self, edits, message):
        self.pack()
        self.edit_json("images-00000-of-00003.json", lambda fields: fields.update(edits))
        with self.assertRaisesRegex(ValueError, message):
            self.read()

    @parameterized.named_parameters(
        ("a name", {"tables": ["../other"]}, "00000-of-00001.json is missing"),
        ("no list", {"tables": "x"}, "tables must be a list of texts"),
        ("nothing", {"tables": []}, "must list at least one image"),
        (
            "another count",
            {"images": 2**60},
            "as many as the tables, got 1152921504606846976 and 7",
        ),
        ("classes", {"class_names": ["a", "b"]}, "every class from 0 to 1 and no other"),
        ("a later format", {"format": 2}, "must have format 1, got 2"),
    )
    def test_an_index_from_elsewhere(self, edits, message):
        self.pack()
        self.edit_json("index.json", lambda fields: fields.update(edits))
        with self.assertRaisesRegex(ValueError, message):
            self.read()

    def test_files_that_are_not_those_of_the_index(self):
        self.pack()
        table = "images-00001-of-00003.json"
        self.edit_json(table, lambda fields: fields["labels"].reverse(), resign=False)
        with self.assertRaisesRegex(ValueError, f"{table} is not the table that .*index.json"):
            self.read()
        (self.packed / "index.json").write_text("[" * 100_000)
        with self.assertRaisesRegex(ValueError, "index.json is no JSON"):
            self.read()
        with self.assertRaisesRegex(ValueError, "channels must be 1 or 3, got 4"):
            self.read(channels=4)

    def test_an_image_that_would_become_too_large_is_named(self):
        """Resized to 9 pixels, 1x200 pixels would be 16,200."""
        self.addCleanup(image_header.limit_pixels, 100_000_000)
        image_header.limit_pixels(16_199)
        Image.new("RGB", (200, 1)).save(self.folder / "images" / "a" / "1.bmp")
        self.pack()
        images = tf.data.Dataset.range(7).map(self.read(resize_to=9).load)
        with self.assertRaisesRegex(
            tf.errors.InvalidArgumentError, r"record 0 \(a/1\.bmp\)\].* more than 16199 pixels"
        ):
            list(images)


if __name__ == "__main__":
    absltest.main()

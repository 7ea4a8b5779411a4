import os
import pathlib
from unittest import mock

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.data import glyph_drawing, glyph_faces
from rtml_tf.data.glyph_alphabet import GlyphClass
from rtml_tf.data.glyphs import Glyphs


def _images(glyphs):
    dataset = tf.data.Dataset.range(len(glyphs)).map(glyphs.load)
    return np.stack(list(dataset.as_numpy_iterator()))


class GlyphsTest(parameterized.TestCase, tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.cache_dir = self.create_tempdir().full_path

    def _glyphs(self, **arguments):
        arguments = {"num_classes": 3, "images_per_class": 4, **arguments}
        return Glyphs(cache_dir=self.cache_dir, **arguments)

    def test_describes_its_examples(self):
        glyphs = self._glyphs()
        self.assertLen(glyphs, 12)
        self.assertEqual(glyphs.num_classes, 3)
        self.assertEqual(
            glyphs.class_names,
            (
                "U+0041 LATIN CAPITAL LETTER A",
                "U+0042 LATIN CAPITAL LETTER B",
                "U+0043 LATIN CAPITAL LETTER C",
            ),
        )
        self.assertEqual(glyphs.labels.dtype, np.int32)
        self.assertAllEqual(glyphs.labels, [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
        self.assertEqual(glyphs.keys[0], "U+0041/00")
        self.assertEqual(glyphs.keys[-1], "U+0043/03")
        self.assertLen(set(glyphs.keys), 12)
        self.assertEqual(glyphs.image_shape, (32, 32, 1))

    def test_loads_what_was_drawn(self):
        glyphs = self._glyphs(image_size=20, seed=9)
        dataset = tf.data.Dataset.range(len(glyphs)).map(glyphs.load)
        self.assertEqual(dataset.element_spec, tf.TensorSpec([20, 20, 1], tf.float32))
        letter_b = GlyphClass("B", glyph_faces.FACES)
        drawn = glyph_drawing.draw(letter_b, number=2, image_size=20, seed=9)
        self.assertAllClose(_images(glyphs)[4 + 2, :, :, 0], drawn / 255.0)

    def test_images_are_no_part_of_a_graph(self):
        glyphs = self._glyphs()
        load = tf.function(glyphs.load).get_concrete_function(tf.TensorSpec([], tf.int64))
        self.assertLess(load.graph.as_graph_def().ByteSize(), 4 * 32 * 32)

    def test_more_classes_and_images_only_add(self):
        few = _images(self._glyphs()).reshape(3, 4, 32, 32, 1)
        many = _images(self._glyphs(num_classes=5, images_per_class=6))
        self.assertAllEqual(many.reshape(5, 6, 32, 32, 1)[:3, :4], few)

    def test_is_read_from_the_cache_the_second_time(self):
        first = _images(self._glyphs())
        (name,) = os.listdir(self.cache_dir)
        with self.assertNoLogs("absl", "INFO"):
            second = _images(self._glyphs())
        self.assertAllEqual(first, second)
        self.assertEqual(os.listdir(self.cache_dir), [name])

    @parameterized.parameters(
        {"seed": 1}, {"image_size": 33}, {"images_per_class": 5}, {"num_classes": 2}
    )
    def test_every_argument_makes_other_images(self, **argument):
        self._glyphs()
        changed = self._glyphs(**argument)
        self.assertLen(os.listdir(self.cache_dir), 2)
        self.assertNotEqual(_images(changed).tobytes(), _images(self._glyphs()).tobytes())

    def test_damaged_cache_is_drawn_again(self):
        images = _images(self._glyphs())
        (path,) = pathlib.Path(self.cache_dir).iterdir()
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        with self.assertLogs("absl", "WARNING") as logs:
            again = _images(self._glyphs())
        self.assertIn("damaged", logs.output[0])
        self.assertAllEqual(images, again)

    def test_unwritable_cache_only_warns(self):
        occupied = self.create_tempfile("file").full_path
        with self.assertLogs("absl", "WARNING"):
            glyphs = Glyphs(num_classes=3, images_per_class=4, cache_dir=occupied)
        self.assertAllEqual(_images(glyphs), _images(self._glyphs()))

    @parameterized.parameters(
        ({"images_per_class": 0}, "images_per_class must be an integer of at least 1, got 0"),
        ({"image_size": 15}, "image_size must be an integer of at least 16, got 15"),
        ({"image_size": 32.0}, "image_size must be an integer of at least 16, got 32.0"),
        ({"num_classes": 0}, "num_classes must be an integer of at least 1, got 0"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"seed": True}, "seed must be an integer of at least 0, got True"),
    )
    def test_rejects_bad_arguments(self, arguments, message):
        with self.assertRaisesRegex(ValueError, message):
            self._glyphs(**arguments)

    def test_rejects_more_classes_than_there_are(self):
        ten = glyph_faces.candidates()[:10]
        with mock.patch.object(glyph_faces, "candidates", return_value=ten):
            with self.assertRaisesRegex(ValueError, "num_classes must be at most 10, got 11"):
                self._glyphs(num_classes=11)
        self.assertEqual(os.listdir(self.cache_dir), [])


if __name__ == "__main__":
    tf.test.main()

"""Tests of a teacher's embeddings that are computed once."""

import pathlib

import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.image_view import ImageView
from rtml_tf.data.viewed_source import ViewedSource
from rtml_tf.evaluation.teacher_embeddings import teacher_embeddings

_IMAGES = np.random.default_rng(0).integers(0, 256, size=(5, 4, 4, 1)).astype(np.uint8)


def _source(images=_IMAGES, keys="abcde"):
    return ArraySource(keys=list(keys), array=images, labels=[0, 0, 1, 1, 1])


def _teacher(height=4):
    tf.keras.backend.clear_session()
    tf.keras.utils.set_random_seed(1)
    image = tf.keras.Input((height, height, 1), name="image")
    features = tf.keras.layers.Flatten(name="features")(image)
    features = tf.keras.layers.BatchNormalization(name="norm")(features)
    return tf.keras.Model(image, tf.keras.layers.Dense(3, name="dense")(features))


def _rows(source):
    return np.stack([source.load(index) for index in range(len(source))])


class TeacherEmbeddingsTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)

    def _files(self):
        return list(self.folder.glob("*.npz"))

    def _embedded(self, teacher=None, source=None):
        return teacher_embeddings(
            teacher=_teacher() if teacher is None else teacher,
            source=_source() if source is None else source,
            cache_dir=self.folder,
            batch_size=2,
        )

    def test_embeds_every_example_as_the_teacher_does(self):
        teacher = _teacher()
        embedded = self._embedded(teacher)
        expected = teacher(_IMAGES / np.float32(255), training=False)
        self.assertAllClose(_rows(embedded), expected, atol=1e-6)
        self.assertEqual(embedded.keys, ("a", "b", "c", "d", "e"))
        self.assertAllEqual(embedded.labels, _source().labels)
        self.assertEqual(embedded.class_names, _source().class_names)

    def test_the_same_is_computed_once(self):
        first = self._embedded()
        (file,) = self._files()
        written = file.stat().st_mtime_ns
        self.assertAllEqual(_rows(self._embedded()), _rows(first))
        self.assertEqual(self._files()[0].stat().st_mtime_ns, written)

    def _other_weights(self):
        teacher = _teacher()
        teacher.get_layer("norm").moving_mean.assign_add([0.001] * 16)
        return self._embedded(teacher)

    def _other_network(self):
        teacher = _teacher()
        without = tf.keras.Model(teacher.input, teacher.get_layer("norm").output)
        return self._embedded(without)

    def _other_image(self):
        images = _IMAGES.copy()
        images[4, 3, 3, 0] ^= 1
        return self._embedded(source=_source(images))

    def _other_order(self):
        return self._embedded(source=_source(keys="abced"))

    def _other_preprocessing(self):
        view = ImageView(image_size=(2, 2))
        return self._embedded(_teacher(2), ViewedSource(source=_source(), view=view))

    @parameterized.parameters("weights", "network", "image", "order", "preprocessing")
    def test_whatever_matters_is_computed_anew(self, changed):
        self._embedded()
        getattr(self, f"_other_{changed}")()
        self.assertLen(self._files(), 2)

    def test_refuses_a_teacher_of_other_images(self):
        with self.assertRaisesRegex(ValueError, r"\(2, 2, 1\), but the data gives \(4, 4, 1\)"):
            self._embedded(_teacher(2))


if __name__ == "__main__":
    absltest.main()

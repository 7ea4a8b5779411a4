"""Tests of finding trained networks."""

import pathlib

import numpy as np
import tensorflow as tf

from rtml_tf.networks.resnet import cifar_resnet
from rtml_tf.networks.saving import save_network
from rtml_tf.networks.teacher import load_teacher

_IMAGES = np.random.default_rng(0).uniform(size=(3, 8, 8, 1)).astype(np.float32)


class LoadTeacherTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.create_tempdir().full_path)
        self.network = cifar_resnet(input_shape=(8, 8, 1), width=0.25, embedding_size=4)

    def test_run_folder_file_and_saved_model_give_the_same_network(self):
        save_network(self.network, self.folder / "run" / "network.keras")
        tf.saved_model.save(self.network, str(self.folder / "saved_model"))
        expected = self.network(_IMAGES)
        for path in ("run", "run/network.keras", "saved_model"):
            with self.subTest(path):
                teacher = load_teacher(path=self.folder / path)
                self.assertAllClose(teacher(_IMAGES), expected, atol=1e-6)
                self.assertEqual(teacher.input_shape, (None, 8, 8, 1))
                self.assertEqual(teacher.count_params(), self.network.count_params())

    def test_a_saved_model_is_not_trained(self):
        tf.saved_model.save(self.network, str(self.folder / "saved_model"))
        teacher = load_teacher(path=self.folder / "saved_model")
        self.assertEmpty(teacher.trainable_variables)
        self.assertAllClose(teacher(_IMAGES, training=True), self.network(_IMAGES), atol=1e-6)

    def test_says_what_is_there_instead(self):
        save_network(self.network, self.folder / "quickstart" / "clean" / "network.keras")
        save_network(self.network, self.folder / "quickstart" / "joint" / "network.keras")
        for path, message in (
            ("quickstart", "has stages; choose the folder of one: clean, joint"),
            ("nowhere", "nowhere' does not exist"),
            ("", "holds none of these"),
        ):
            with self.subTest(path), self.assertRaisesRegex(ValueError, message):
                load_teacher(path=self.folder / path)

    def test_a_run_that_is_not_finished_is_refused_unless_its_network_is_named(self):
        run = self.folder / "begun"
        save_network(self.network, run / "network.keras")
        (run / "config.gin").touch()
        with self.assertRaisesRegex(ValueError, "begun' is not finished"):
            load_teacher(path=run)
        load_teacher(path=run / "network.keras")
        (run / "metrics.json").touch()
        load_teacher(path=run)

    def test_refuses_a_network_that_does_not_embed(self):
        image = tf.keras.Input((8, 8, 1))
        save_network(
            tf.keras.Model(image, tf.keras.layers.Conv2D(2, 3)(image)), self.folder / "x.keras"
        )
        with self.assertRaisesRegex(ValueError, r"must have one output, \[B, D\]"):
            load_teacher(path=self.folder / "x.keras")


if __name__ == "__main__":
    tf.test.main()

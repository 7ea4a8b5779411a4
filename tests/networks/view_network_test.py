"""Tests of the networks that stand in front of and behind a student."""

import numpy as np
import tensorflow as tf

from rtml_tf.data.image_view import ImageView
from rtml_tf.networks.joining import join_networks
from rtml_tf.networks.projection import projection_network
from rtml_tf.networks.resnet import cifar_resnet
from rtml_tf.networks.saving import load_network, save_network
from rtml_tf.networks.view_network import behind_view, view_network

_IMAGES = np.random.default_rng(0).uniform(size=(2, 16, 16, 3)).astype(np.float32)


class ViewNetworkTest(tf.test.TestCase):
    def test_a_student_behind_its_view_takes_images_also_from_a_file(self):
        view = ImageView(image_size=(8, 8), grey=True)
        student = cifar_resnet(input_shape=(8, 8, 1), width=0.25, embedding_size=4)
        front = view_network(view=view, input_shape=(16, 16, 3))
        self.assertAllClose(front(_IMAGES), view(tf.constant(_IMAGES)))
        joined = join_networks(first=front, second=student)
        self.assertAllClose(joined(_IMAGES), student(view(tf.constant(_IMAGES))), atol=1e-6)
        file = self.create_tempdir().full_path + "/network.keras"
        save_network(joined, file)
        self.assertAllEqual(load_network(file)(_IMAGES), joined(_IMAGES))

    def test_a_student_is_trained_on_views_and_used_on_images(self):
        student = cifar_resnet(input_shape=(8, 8, 1), width=0.25, embedding_size=4)
        view = view_network(view=ImageView(image_size=(8, 8)), input_shape=(16, 16, 1))
        on_images, on_views = behind_view(view=view, student=student)
        self.assertEqual(on_views.input_shape, (None, 8, 8, 1))
        for variable in on_views.trainable_variables:
            variable.assign_add(tf.random.normal(variable.shape, stddev=0.1, seed=0))
        images = _IMAGES[..., :1]
        self.assertAllClose(on_views(view(images)), on_images(images))
        self.assertNotAllClose(student(view(images)), on_images(images), atol=1e-3)
        self.assertEqual([id(w) for w in on_views.weights], [id(w) for w in on_images.weights])

    def test_refuses_what_does_not_fit(self):
        student = cifar_resnet(input_shape=(8, 8, 1), width=0.25, embedding_size=4)
        other = view_network(view=ImageView(image_size=(6, 6)), input_shape=(16, 16, 1))
        with self.assertRaisesRegex(ValueError, r"\(8, 8, 1\), but the data gives \(6, 6, 1\)"):
            behind_view(view=other, student=student)
        with self.assertRaisesRegex(ValueError, "must have no weights, got"):
            behind_view(view=student, student=student)


class ProjectionNetworkTest(tf.test.TestCase):
    def test_is_linear_up_to_length(self):
        network = projection_network(input_size=2, output_size=3)
        kernel = np.array([[3.0, 0.0, 4.0], [0.0, 2.0, 0.0]], np.float32)
        network.set_weights([kernel])
        projected = network(np.array([[1, 0], [0, -1], [0, 0]], np.float32))
        self.assertAllClose(projected, [[0.6, 0.0, 0.8], [0.0, -1.0, 0.0], [0.0, 0.0, 0.0]])

    def test_refuses_sizes_out_of_range(self):
        with self.assertRaisesRegex(ValueError, "must be at least 1, got 0 and 3"):
            projection_network(input_size=0, output_size=3)


if __name__ == "__main__":
    tf.test.main()

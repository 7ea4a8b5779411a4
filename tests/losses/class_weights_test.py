import numpy as np
import tensorflow as tf
from absl.testing import absltest

from rtml_tf.losses import margin_softmax

EMBEDDINGS = np.eye(3, dtype=np.float32)
LABELS = np.arange(3)


class ClassWeightsTest(tf.test.TestCase):
    def test_prepare_fills_in_the_number_of_classes(self):
        loss = margin_softmax.CosFaceLoss()
        loss.prepare(num_classes=3)
        loss(EMBEDDINGS, LABELS)
        self.assertEqual(loss.num_classes, 3)
        self.assertEqual(loss.class_weights.shape, (3, 3))
        self.assertEqual(loss.get_config()["num_classes"], 3)

    def test_prepare_leaves_spare_classes_alone(self):
        loss = margin_softmax.CosFaceLoss(num_classes=5)
        loss.prepare(num_classes=3)
        self.assertEqual(loss.num_classes, 5)

    def test_prepare_names_both_numbers_of_classes(self):
        loss = margin_softmax.CosFaceLoss(num_classes=2)
        with self.assertRaisesRegex(
            ValueError, "CosFaceLoss holds vectors for 2 classes, but the data has 3"
        ):
            loss.prepare(num_classes=3)

    def test_the_first_call_needs_the_number_of_classes(self):
        with self.assertRaisesRegex(
            ValueError, r"ArcFaceLoss does not know the number of classes: .* call prepare\("
        ):
            margin_softmax.ArcFaceLoss()(EMBEDDINGS, LABELS)

    def test_rejects_fewer_than_two_classes(self):
        message = "num_classes must be an integer of at least 2, got 1"
        with self.assertRaisesRegex(ValueError, message):
            margin_softmax.ArcFaceLoss(num_classes=1)
        with self.assertRaisesRegex(ValueError, message):
            margin_softmax.ArcFaceLoss().prepare(num_classes=1)

    def test_names_an_embedding_size_that_changed(self):
        loss = margin_softmax.ArcFaceLoss(num_classes=3)
        loss(EMBEDDINGS, LABELS)
        with self.assertRaisesRegex(
            ValueError, "embeddings have size 4, but the class vectors have size 3"
        ):
            loss(np.eye(3, 4), LABELS)

    def test_names_a_label_out_of_range(self):
        loss = margin_softmax.ArcFaceLoss(num_classes=3)
        for labels in ([0, 1, 3], [0, 1, -1]):
            with self.assertRaisesRegex(
                tf.errors.InvalidArgumentError, r"labels must be in \[0, 3\)"
            ):
                loss(EMBEDDINGS, np.array(labels))
            with self.assertRaisesRegex(
                tf.errors.InvalidArgumentError, r"labels must be in \[0, 3\)"
            ):
                tf.function(loss)(tf.constant(EMBEDDINGS), tf.constant(labels))

    def test_rows_start_with_length_about_one(self):
        loss = margin_softmax.ArcFaceLoss(num_classes=50)
        loss(np.ones((1, 256), np.float32), np.array([0]))
        self.assertAllInRange(tf.norm(loss.class_weights, axis=1), 0.75, 1.25)


if __name__ == "__main__":
    absltest.main()

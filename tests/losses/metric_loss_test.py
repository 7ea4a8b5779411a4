import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.losses import arguments, contrastive, metric_loss


class CheckedBatchTest(tf.test.TestCase, parameterized.TestCase):
    def test_casts(self):
        embeddings, labels = metric_loss.checked_batch(
            np.ones((2, 3), np.float16), np.array([4, 5], np.int64)
        )
        self.assertEqual((embeddings.dtype, labels.dtype), (tf.float32, tf.int32))
        self.assertAllEqual(labels, [4, 5])

    @parameterized.named_parameters(
        ("rank", (4, 2, 2), (4,), r"embeddings must have shape \[B, D\], got \(4, 2, 2\)"),
        ("labels_rank", (4, 2), (4, 1), r"labels must have shape \[B\], got \(4, 1\)"),
        ("batch_size", (4, 2), (3,), r"same batch size, got shapes \(4, 2\) and \(3,\)"),
    )
    def test_names_wrong_shapes(self, embeddings_shape, labels_shape, message):
        with self.assertRaisesRegex(ValueError, message):
            metric_loss.checked_batch(
                np.zeros(embeddings_shape, np.float32), np.zeros(labels_shape, np.int32)
            )

    def test_names_wrong_types(self):
        with self.assertRaisesRegex(ValueError, "labels must be integer, got float32"):
            metric_loss.checked_batch(tf.zeros([2, 3]), tf.zeros([2]))
        with self.assertRaisesRegex(ValueError, "embeddings must be floating, got int32"):
            metric_loss.checked_batch(tf.zeros([2, 3], tf.int32), tf.zeros([2], tf.int32))

    def test_shapes_are_checked_when_the_graph_is_built(self):
        loss = contrastive.ContrastiveLoss()

        @tf.function(input_signature=[tf.TensorSpec([None, 4]), tf.TensorSpec([None, 1], tf.int32)])
        def compiled(embeddings, labels):
            return loss(embeddings, labels)

        with self.assertRaisesRegex(ValueError, r"labels must have shape \[B\]"):
            compiled.get_concrete_function()


class MetricLossTest(tf.test.TestCase):
    def test_losses_without_class_vectors_need_no_preparation(self):
        loss = contrastive.ContrastiveLoss()
        loss.prepare(num_classes=1_000)
        self.assertIsNone(loss.num_classes)
        self.assertTrue(loss.unseen_classes)

    def test_stays_in_float32_under_mixed_precision(self):
        tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
        self.addCleanup(tf.keras.mixed_precision.set_global_policy, "float32")
        embeddings, labels = tf.constant([[0.123456, 0.8], [0.8, 0.654321]]), tf.constant([0, 0])
        value = contrastive.ContrastiveLoss()(embeddings, labels)
        self.assertEqual(value.dtype, tf.float32)
        self.assertAllEqual(value, contrastive.contrastive_loss(embeddings, labels))


class ArgumentsTest(parameterized.TestCase):
    @parameterized.parameters(
        (arguments.positive, (0,), "x must be a number above 0, got 0."),
        (arguments.positive, ("1",), "x must be a number above 0, got '1'."),
        (arguments.positive, (float("nan"),), "x must be a number above 0, got nan."),
        (arguments.positive, (True,), "x must be a number above 0, got True."),
        (arguments.non_negative, (-0.1,), "x must be a number of at least 0, got -0.1."),
        (arguments.within, (1.5, 0, 1), r"x must be in \[0, 1\], got 1.5."),
        (arguments.integer_from, (1, 2), "x must be an integer of at least 2, got 1."),
        (arguments.integer_from, (2.5, 2), "x must be an integer of at least 2, got 2.5."),
    )
    def test_messages(self, check, values, message):
        with self.assertRaisesRegex(ValueError, message):
            check("x", *values)

    def test_numpy_numbers_are_numbers(self):
        self.assertEqual(arguments.positive("x", np.float32(0.5)), 0.5)
        self.assertEqual(arguments.integer_from("x", np.int64(3), 2), 3)


if __name__ == "__main__":
    absltest.main()

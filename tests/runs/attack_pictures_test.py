"""Tests of the pictures of attacks."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rtml_tf.data.source import ImageSource
from rtml_tf.runs.attack_pictures import AttackPictures

_SHAPE = (2, 3, 1)


class _Greys(ImageSource):
    """Six images of one grey each, of three classes."""

    def __init__(self, image_shape=_SHAPE):
        self.labels = np.repeat(np.arange(3), 2).astype(np.int32)
        self.class_names = ("a", "b", "c")
        self.keys = tuple("012345")
        self.image_shape = image_shape

    def load(self, index):
        return tf.fill(self.image_shape, 0.2 + tf.cast(index, tf.float32) / 10)


class _Model(tf.keras.Model):
    """Attacks by adding epsilon to every pixel, and takes two gradient steps with each batch."""

    def __init__(self):
        super().__init__()
        self.step = tf.Variable(6, dtype=tf.int64, trainable=False)
        self.epsilon = tf.Variable(0.02, trainable=False)
        self.attacked_labels = []

    def attacked(self, batch):
        self.attacked_labels.append(batch["label"])
        return batch["image"] + self.epsilon


class AttackPicturesTest(parameterized.TestCase, tf.test.TestCase):
    def _run(self, callback, model, steps):
        """Trains from step 3 on, in epochs of 5 steps; the pictures by step, as uint8 arrays."""
        folder = self.create_tempdir().full_path
        with tf.summary.create_file_writer(folder).as_default():
            callback.set_model(model)
            callback.set_params({"steps": 5})
            callback.on_train_begin()
            callback.on_epoch_begin(0)
            for step in range(3, 3 + steps):
                if step == 5:
                    callback.on_epoch_begin(1)
                model.step.assign_add(2)
                callback.on_train_batch_end(step % 5, {})
                model.epsilon.assign_add(0.01)
        events = EventAccumulator(folder)
        events.Reload()
        [tag] = events.Tags()["tensors"]
        self.assertIn("perturbation x 10", tag)
        return {
            event.step: tf.io.decode_png(event.tensor_proto.string_val[2]).numpy()
            for event in events.Tensors(tag)
        }

    def test_pictures_by_hand(self):
        callback = AttackPictures(source=_Greys(), every_steps=2, count=4, amplification=10.0)
        model = _Model()
        pictures = self._run(callback, model, steps=4)

        # Training goes on after step 3: the steps are 4 to 7, with epsilons 0.02 to 0.05.
        self.assertEqual(sorted(pictures), [4, 6])
        for step, epsilon in ((4, 0.02), (6, 0.04)):
            clean, perturbation, attacked = np.split(pictures[step] / 255, 3)
            self.assertEqual(clean.shape, (2, 4 * 3, 1))
            greys = clean[0, ::3, 0]
            self.assertLen(set(greys), 4)
            self.assertAllClose(clean, np.tile(np.repeat(greys, 3), [2, 1])[..., np.newaxis])
            self.assertAllClose(perturbation, np.full_like(clean, 0.5 + 10 * epsilon), atol=0.003)
            self.assertAllClose(attacked, clean + epsilon, atol=0.005)
        self.assertAllEqual(*[picture[:2] for picture in pictures.values()])

    def test_two_images_of_a_class_and_one_trace(self):
        callback = AttackPictures(source=_Greys(), every_steps=1, count=6, amplification=10.0)
        model = _Model()
        self.assertLen(self._run(callback, model, steps=3), 3)
        [labels] = model.attacked_labels
        self.assertEqual(labels.shape, (6,))
        self.assertEqual(labels.dtype, tf.int32)

    def test_without_a_writer_nothing_is_attacked(self):
        callback, model = AttackPictures(source=_Greys(), every_steps=1, count=2), _Model()
        callback.set_model(model)
        callback.set_params({"steps": 5})
        callback.on_train_begin()
        callback.on_epoch_begin(0)
        callback.on_train_batch_end(0, {})
        self.assertEmpty(model.attacked_labels)

    def test_a_model_that_attacks_nothing_is_refused(self):
        callback = AttackPictures(source=_Greys(), every_steps=1, count=2)
        with self.assertRaisesRegex(ValueError, "needs a model that attacks .* got Sequential"):
            callback.set_model(tf.keras.Sequential())

    @parameterized.parameters(
        ({"every_steps": 0}, "every_steps must be at least 1, got 0"),
        ({"count": 3}, "count must be even and at least 2, got 3"),
        ({"batch_size": 1}, "batch_size must be at least count=2, got 1"),
        ({"amplification": 0.0}, "amplification must be above 0, got 0"),
        ({"count": 8}, "only 3 classes"),
        ({"source": _Greys((2, 2, 2))}, r"1, 3 or 4 channels, .* \(2, 2, 2\)"),
    )
    def test_refuses(self, change, message):
        with self.assertRaisesRegex(ValueError, message):
            AttackPictures(**{"source": _Greys(), "every_steps": 1, "count": 2, **change})


if __name__ == "__main__":
    tf.test.main()

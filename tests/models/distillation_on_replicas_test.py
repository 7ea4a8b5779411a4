"""Tests of embedding imitation where replicas divide a batch."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses.absolute_imitation import AbsoluteImitation
from rtml_tf.losses.margin_softmax import ArcFaceLoss
from rtml_tf.models.distillation import DistillationModel
from tests import two_cpus


def setUpModule():
    two_cpus.start()


def _model(negatives):
    tf.keras.utils.set_random_seed(0)
    descriptor = tf.keras.Input((5,), name="descriptor")
    features = tf.keras.layers.Dense(4, name="dense")(descriptor)
    model = DistillationModel(
        student=tf.keras.Model(descriptor, L2Normalization(name="length")(features)),
        teacher=None,
        imitation=AbsoluteImitation(),
        metric_loss=ArcFaceLoss(),
    )
    model.compile(optimizer=tf.keras.optimizers.SGD(0.5), negatives=negatives)
    model.prepare(num_classes=2)
    return model


def _batches(labels):
    rng = np.random.default_rng(0)
    taught = rng.normal(size=(len(labels), 4))
    batch = {
        "source": tf.constant(taught / np.linalg.norm(taught, axis=1, keepdims=True), tf.float32),
        "target": tf.constant(rng.normal(size=(len(labels), 5)), tf.float32),
        "label": tf.constant(labels, tf.int32),
    }
    return tf.data.Dataset.from_tensor_slices(batch).batch(len(labels), drop_remainder=True)


class DistillationOnReplicasTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.product(
        negatives=("global", "local"),
        labels=((0, 1, 1, 0, -1, -1, -1, -1), (-1, -1, -1, -1), (0, 1, 1, 0)),
    )
    def test_labels_weigh_the_same_wherever_they_lie(self, negatives, labels):
        """The second replica has no label, or none has one, or each has half of them."""
        one = _model(negatives)
        one.fit(_batches(labels), verbose=0)
        strategy = two_cpus.mirrored_strategy()
        with strategy.scope():
            two = _model(negatives)
        initial = two.student.get_weights()
        divided = strategy.experimental_distribute_dataset(_batches(labels))
        two.fit(divided, steps_per_epoch=1, verbose=0)
        self.assertNotAllClose(two.student.get_weights()[0], initial[0])
        for ours, theirs in zip(two.student.get_weights(), one.student.get_weights()):
            self.assertAllClose(ours, theirs, atol=1e-6)


if __name__ == "__main__":
    tf.test.main()

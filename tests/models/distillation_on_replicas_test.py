"""Tests of embedding imitation where replicas divide a batch."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.losses.absolute_imitation import AbsoluteImitation
from rtml_tf.losses.margin_softmax import ArcFaceLoss
from rtml_tf.models.distillation import DistillationModel
from tests import two_cpus
from tests.one_step import updates


def setUpModule():
    two_cpus.start()


def _model(negatives):
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


def _batch(labels):
    rng = np.random.default_rng(0)
    taught = rng.normal(size=(len(labels), 4))
    return {
        "source": tf.constant(taught / np.linalg.norm(taught, axis=1, keepdims=True), tf.float32),
        "target": tf.constant(rng.normal(size=(len(labels), 5)), tf.float32),
        "label": tf.constant(labels, tf.int32),
    }


class DistillationOnReplicasTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(
        ("global", (0, 1, 1, 0, -1, -1, -1, -1)),
        ("global", (-1, -1, -1, -1)),
        ("local", (-1, -1, -1, -1)),
        ("global", (0, 1, 1, 0)),
        ("local", (0, 1, 1, 0)),
    )
    def test_labels_weigh_the_same_wherever_they_lie(self, negatives, labels):
        """The second replica has no label, or none has one, or each has half of them."""
        batch, strategy = _batch(labels), two_cpus.mirrored_strategy()
        one = updates(lambda: _model(negatives), batch)
        two = updates(lambda: _model(negatives), batch, strategy)
        self.assertGreater(max(np.abs(change).max() for change in one), 1e-3)
        self.assertAllClose(two, one, atol=1e-6, rtol=0)

    def test_local_negatives_where_one_replica_has_no_label(self):
        """In a graph, as in training: eagerly, replicas that go different ways do not meet."""
        batch = _batch((0, 1, 1, 0, -1, -1, -1, -1))
        one = updates(lambda: _model("local"), batch)
        strategy = two_cpus.mirrored_strategy()
        two = updates(lambda: _model("local"), batch, strategy, in_graph=True)
        self.assertAllClose(two, one, atol=1e-6, rtol=0)


if __name__ == "__main__":
    tf.test.main()

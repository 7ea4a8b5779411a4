import numpy as np
import tensorflow as tf
from absl.testing import absltest

from rtml_tf.losses import center
from tests import two_cpus

EMBEDDINGS = np.random.RandomState(0).normal(size=(6, 4)).astype(np.float32)
LABELS = np.array([0, 2, 2, 1, 0, 2])
CENTERS = np.random.RandomState(1).normal(size=(4, 4)).astype(np.float32)


def setUpModule():
    two_cpus.start()


def moved_in_loops(alpha):
    """Wen et al. 2016, equation 4 and algorithm 1."""
    moved = CENTERS.copy()
    for j in range(len(CENTERS)):
        of_class = [x for x, label in zip(EMBEDDINGS, LABELS) if label == j]
        moved[j] -= alpha * sum(CENTERS[j] - x for x in of_class) / (1 + len(of_class))
    return moved


class CenterTest(tf.test.TestCase):
    def test_loss_equals_the_paper_in_loops(self):
        terms = [np.sum((x - CENTERS[label]) ** 2) / 2 for x, label in zip(EMBEDDINGS, LABELS)]
        value = center.center_loss(EMBEDDINGS, LABELS, tf.constant(CENTERS))
        self.assertAllClose(value, np.mean(terms))

    def test_centers_move_as_in_the_paper(self):
        loss = center.CenterLoss(num_classes=4, alpha=0.3)
        loss(EMBEDDINGS, LABELS)
        loss.centers.assign(CENTERS)
        loss.update_state(EMBEDDINGS, LABELS)
        self.assertAllClose(loss.centers, moved_in_loops(0.3))
        self.assertEmpty(loss.trainable_weights)

    def test_centers_move_by_the_examples_of_all_replicas(self):
        strategy = two_cpus.mirrored_strategy()
        with strategy.scope():
            loss = center.CenterLoss(num_classes=4)
            loss.build((None, 4))
        loss.centers.assign(CENTERS)
        halves = iter(
            strategy.experimental_distribute_dataset(
                tf.data.Dataset.from_tensor_slices((EMBEDDINGS, LABELS)).batch(6)
            )
        )

        @tf.function
        def step(batch):
            strategy.run(loss.update_state, args=batch)

        step(next(halves))
        for replica in strategy.experimental_local_results(loss.centers):
            self.assertAllClose(replica, moved_in_loops(0.5))

    def test_rejects_constants_out_of_range(self):
        with self.assertRaisesRegex(ValueError, r"alpha must be in \[0, 1\], got 2"):
            center.CenterLoss(alpha=2)

    def test_update_before_the_first_call(self):
        with self.assertRaisesRegex(ValueError, "CenterLoss has no class vectors before"):
            center.CenterLoss(num_classes=4).update_state(EMBEDDINGS, LABELS)


if __name__ == "__main__":
    absltest.main()

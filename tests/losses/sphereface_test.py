import numpy as np
import tensorflow as tf
from absl.testing import absltest, parameterized
from scipy import special

from rtml_tf.losses import sphereface

EMBEDDINGS = np.random.RandomState(0).normal(size=(6, 4)).astype(np.float32)
LABELS = np.array([0, 2, 2, 1, 0, 1])


def psi(angle, margin):
    """Liu et al. 2017, section 3.2."""
    k = min(int(np.floor(angle * margin / np.pi)), margin - 1)
    return (-1) ** k * np.cos(margin * angle) - 2 * k


class MultiplicativeAngularMarginTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(1, 2, 3, 4, 5)
    def test_equals_the_formula_with_angles(self, margin):
        angles = np.linspace(0, np.pi, 101)
        value = sphereface.multiplicative_angular_margin(
            tf.constant(np.cos(angles), tf.float32), margin
        )
        self.assertAllClose(value, [psi(angle, margin) for angle in angles], atol=1e-4)
        self.assertAllInRange(np.diff(value), -np.inf, 1e-5)
        self.assertAllClose(value[-1], 1 - 2 * margin)


class SphereFaceTest(tf.test.TestCase, parameterized.TestCase):
    def test_equals_the_paper_in_loops_while_it_is_annealed(self):
        loss = sphereface.SphereFaceLoss(
            num_classes=3, base=10.0, gamma=0.5, power=2.0, min_weight=1.0
        )
        loss(EMBEDDINGS, LABELS)
        weights = loss.class_weights.numpy()
        weights /= np.linalg.norm(weights, axis=1, keepdims=True)
        embeddings = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
        for step in range(6):
            weight = max(1.0, 10.0 * (1 + 0.5 * step) ** -2.0)
            self.assertAllClose(loss.annealing_weight(), weight)
            terms = []
            for row, label in zip(embeddings @ weights.T, LABELS):
                mixed = weight * row[label] + psi(np.arccos(row[label]), 4)
                row[label] = mixed / (1 + weight)
                terms.append(special.logsumexp(30 * row) - 30 * row[label])
            self.assertAllClose(loss(EMBEDDINGS, LABELS), np.mean(terms), rtol=1e-4)
            loss.update_state(EMBEDDINGS, LABELS)

    def test_default_annealing_ends_at_the_smallest_weight(self):
        """The authors' constants: 1000 / (1 + 0.12 * 100) after 100 steps, 5 in the end."""
        loss = sphereface.SphereFaceLoss(num_classes=3)
        loss(EMBEDDINGS, LABELS)
        loss.step.assign(100)
        self.assertAllClose(loss.annealing_weight(), 1000 / 13)
        loss.step.assign(1_000_000)
        self.assertAllClose(loss.annealing_weight(), 5.0)

    def test_step_is_part_of_a_checkpoint(self):
        loss = sphereface.SphereFaceLoss(num_classes=3)
        loss(EMBEDDINGS, LABELS)
        tf.function(loss.update_state)(tf.constant(EMBEDDINGS), tf.constant(LABELS))
        path = tf.train.Checkpoint(loss=loss).save(self.create_tempdir().full_path + "/checkpoint")
        restored = sphereface.SphereFaceLoss(num_classes=3)
        restored(EMBEDDINGS, LABELS)
        tf.train.Checkpoint(loss=restored).restore(path).assert_consumed()
        self.assertAllEqual(restored.step, 1)
        self.assertAllClose(restored(EMBEDDINGS, LABELS), loss(EMBEDDINGS, LABELS))

    def test_only_the_class_weights_are_trained(self):
        loss = sphereface.SphereFaceLoss(num_classes=3)
        loss(EMBEDDINGS, LABELS)
        self.assertLen(loss.trainable_weights, 1)

    @parameterized.parameters(
        ({"margin": 0}, "margin must be an integer of at least 1, got 0"),
        ({"margin": 1.5}, "margin must be an integer of at least 1, got 1.5"),
        ({"base": -1}, "base must be a number of at least 0, got -1"),
    )
    def test_rejects_constants_out_of_range(self, constants, message):
        with self.assertRaisesRegex(ValueError, message):
            sphereface.SphereFaceLoss(**constants)

    def test_update_before_the_first_call(self):
        with self.assertRaisesRegex(ValueError, "SphereFaceLoss has no class vectors before"):
            sphereface.SphereFaceLoss(num_classes=3).update_state(EMBEDDINGS, LABELS)


if __name__ == "__main__":
    absltest.main()

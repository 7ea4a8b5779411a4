"""Tests of how one loss is taken of several branches."""

import tensorflow as tf

from rtml_tf.models.branch_combination import JointCombination, SeparateCombination

_OUTPUTS = {
    "clean": {"embedding": tf.constant([[1.0], [2.0]]), "targets": [tf.constant([[1.0], [0.0]])]},
    "pgd": {"embedding": tf.constant([[3.0]]), "targets": [tf.constant([[5.0]])]},
}
_LABELS = {"clean": tf.constant([1, 2]), "pgd": tf.constant([3])}


def _loss(outputs, labels):
    """The mean over rows of embedding times label, and of the targets."""
    values = outputs["embedding"][:, 0] * tf.cast(labels, tf.float32) + outputs["targets"][0][:, 0]
    return tf.reduce_mean(values)


class CombinationTest(tf.test.TestCase):
    def test_joint_is_one_loss_of_all_rows(self):
        """(1 + 1) + (4 + 0) + (9 + 5) over three rows."""
        self.assertAllClose(JointCombination()(_loss, _OUTPUTS, _LABELS), 20.0 / 3.0)

    def test_separate_is_the_weighted_sum_of_losses(self):
        """(2 + 4) / 2 = 3 and 14."""
        self.assertAllClose(SeparateCombination()(_loss, _OUTPUTS, _LABELS), 17.0)
        weighted = SeparateCombination(weights={"pgd": 0.5, "clean": 2.0})
        self.assertAllClose(weighted(_loss, _OUTPUTS, _LABELS), 13.0)

    def test_weights_are_checked(self):
        with self.assertRaisesRegex(ValueError, "weights must be at least 0, got {'clean': -1.0}"):
            SeparateCombination(weights={"clean": -1.0})
        with self.assertRaisesRegex(ValueError, r"branches \['clean', 'pgd'\], got \['clean'\]"):
            SeparateCombination(weights={"clean": 1.0}).check(("clean", "pgd"))
        SeparateCombination().check(("clean", "pgd"))
        JointCombination().check(("clean",))


if __name__ == "__main__":
    tf.test.main()

"""Tests of what is common to discriminators of two domains."""

import tensorflow as tf

from rtml_tf.models.adversarial_level import discriminator_accuracy


class DiscriminatorAccuracyTest(tf.test.TestCase):
    def test_both_domains_count_alike(self):
        """One of two and two of three are right; 0.6 of all."""
        accuracy = discriminator_accuracy(tf.constant([-1.0, 2.0]), tf.constant([3.0, 4.0, -5.0]))
        self.assertAllClose(accuracy, (1 / 2 + 2 / 3) / 2)


if __name__ == "__main__":
    tf.test.main()

"""Tests of adaptation by entropy minimisation."""

import numpy as np
import tensorflow as tf

from rtml_tf.models.entropy_minimization import EntropyMinimizationModel
from rtml_tf.networks.branches import with_branches
from tests.adapted_segmentation import (
    SGD,
    reference_step,
    small_generator,
    two_domain_batch,
)


class EntropyMinimizationModelTest(tf.test.TestCase):
    def test_one_step_is_gradient_descent_on_the_formula(self):
        """The step of supervised training, and 0.7 times that on the entropy of the target."""
        model = EntropyMinimizationModel(
            network=small_generator(), entropy_weight=0.7, discrepancy_weight=0.2
        )
        model.compile(optimizer=SGD(1.0))
        model.prepare(num_classes=3)
        logs = model.train_step(two_domain_batch())
        supervised, _ = reference_step(lambda logits: 0.0 * logits)
        generator, images = small_generator(), two_domain_batch()["target"]["image"]
        with tf.GradientTape() as tape:
            outputs = generator(images, training=True)
            logits = tf.image.resize(outputs["p1"] + outputs["p2"], images.shape[1:3])
            p = tf.nn.softmax(logits)
            entropy = tf.reduce_mean(tf.reduce_sum(-p * tf.math.log(p), axis=-1)) / np.log(3)
        gradients = tape.gradient(entropy, generator.trainable_variables)
        expected = [v - 0.7 * g for v, g in zip(supervised, gradients)]
        self.assertAllClose(model.network.trainable_variables, expected, atol=1e-5)
        self.assertAllClose(logs["entropy_loss"], entropy)

    def test_weight_of_zero_is_adapted_batch_norm(self):
        """The weights of training on the source alone, and the statistics of the target."""
        branched = with_branches(
            network=small_generator(), branches=("clean", "source"), shared_affine=True
        )
        model = EntropyMinimizationModel(
            network=branched, entropy_weight=0.0, discrepancy_weight=0.2
        )
        model.compile(optimizer=SGD(1.0))
        model.prepare(num_classes=3)
        start = branched.get_layer("norm").batch_norm("clean").moving_mean.numpy()
        target = tf.reduce_mean(
            branched.get_layer("stem")(two_domain_batch()["target"]["image"]), axis=(0, 1, 2)
        )
        model.train_step(two_domain_batch())
        supervised, _ = reference_step(lambda logits: 0.0 * logits)
        finished = model.finished_network
        self.assertAllClose(finished.trainable_variables, supervised, atol=1e-5)
        self.assertAllClose(
            finished.get_layer("norm").moving_mean, start + 0.01 * (target - start), rtol=1e-4
        )

    def test_configuration_round_trip(self):
        model = EntropyMinimizationModel(network=small_generator(), entropy_weight=0.3)
        self.assertEqual(
            EntropyMinimizationModel.from_config(model.get_config()).entropy_weight, 0.3
        )


if __name__ == "__main__":
    tf.test.main()

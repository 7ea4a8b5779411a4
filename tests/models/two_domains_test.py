"""Tests of what a network must be to see two domains in training."""

import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.models.two_domains import check_domains
from rtml_tf.networks.batch_norm_modes import freeze_batch_norm_statistics
from rtml_tf.networks.branches import with_branches


def _network(*, trainable=True):
    image = tf.keras.Input((4, 4, 1), name="image")
    norm = tf.keras.layers.BatchNormalization(name="norm", trainable=trainable)
    return tf.keras.Model(image, norm(image), name="network")


def _nested():
    image = tf.keras.Input((4, 4, 1), name="image")
    return tf.keras.Model(image, _network()(image), name="outer")


class CheckDomainsTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(_network, _nested)
    def test_live_batch_norms_are_refused_in_one_forward(self, network):
        check_domains(network(), one_forward=False)
        with self.assertRaisesRegex(ValueError, "mix the batch statistics .* in 'norm' of"):
            check_domains(network(), one_forward=True)

    @parameterized.parameters(
        lambda: _network(trainable=False),
        lambda: freeze_batch_norm_statistics(network=_network()),
        lambda: with_branches(network=_network(), branches=("clean", "source")),
    )
    def test_batch_norms_that_keep_the_domains_apart_are_not(self, network):
        check_domains(network(), one_forward=True)

    @parameterized.parameters(True, False)
    def test_branches_that_no_domain_goes_through_are_refused(self, one_forward):
        network = with_branches(network=_network(), branches=("clean", "printed"))
        with self.assertRaisesRegex(ValueError, r"'source', got \('clean', 'printed'\)"):
            check_domains(network, one_forward=one_forward)


if __name__ == "__main__":
    tf.test.main()

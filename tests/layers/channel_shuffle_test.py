"""Tests of the channel shuffle."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

from rtml_tf.layers.channel_shuffle import ChannelShuffle


class ChannelShuffleTest(tf.test.TestCase, parameterized.TestCase):
    def test_groups_are_dealt_out_like_cards(self):
        """Figure 1 (c) of the paper: each group of the output has one channel of every group."""
        features = tf.constant([0, 1, 2, 10, 11, 12], shape=[1, 1, 1, 6])
        self.assertAllEqual(ChannelShuffle(groups=2)(features)[0, 0, 0], [0, 10, 1, 11, 2, 12])
        self.assertAllEqual(ChannelShuffle(groups=3)(features)[0, 0, 0], [0, 2, 11, 1, 10, 12])

    @parameterized.parameters("float32", "bfloat16", "int32")
    def test_moves_whole_channels_and_is_undone_by_the_other_number_of_groups(self, dtype):
        features = tf.cast(tf.reshape(tf.range(2 * 3 * 5 * 12), [2, 3, 5, 12]) % 100, dtype)
        shuffled = ChannelShuffle(groups=4, dtype=dtype)(features)
        self.assertEqual(shuffled.dtype, features.dtype)
        self.assertAllEqual(shuffled[..., 1], features[..., 3])
        self.assertAllEqual(ChannelShuffle(groups=3, dtype=dtype)(shuffled), features)

    @parameterized.parameters(((2, 3, 5, 6),), ((None, 3, 5, 6),), ((None, None, None, 6),))
    def test_sizes_may_be_unknown(self, shape):
        features = np.random.default_rng(0).normal(size=[2, 3, 5, 6]).astype(np.float32)
        layer = ChannelShuffle(groups=2)
        function = tf.function(layer, input_signature=[tf.TensorSpec(shape)])
        self.assertAllEqual(function(features), layer(features))

    def test_survives_serialisation(self):
        layer = ChannelShuffle(groups=3, name="shuffle")
        copy = tf.keras.layers.deserialize(tf.keras.layers.serialize(layer))
        self.assertEqual(copy.get_config(), layer.get_config())
        self.assertEqual(copy.groups, 3)

    def test_bad_arguments_and_channels_are_named(self):
        for groups in (0, 1.5):
            with self.assertRaisesRegex(ValueError, f"groups must be a positive .* got {groups}"):
                ChannelShuffle(groups=groups)
        with self.assertRaisesRegex(ValueError, r"multiple of groups=4, got .* \(1, 2, 2, 6\)"):
            ChannelShuffle(groups=4)(tf.zeros([1, 2, 2, 6]))


if __name__ == "__main__":
    tf.test.main()

"""Tests of the channel split."""

import tensorflow as tf

from rtml_tf.layers.channel_split import ChannelSplit


class ChannelSplitTest(tf.test.TestCase):
    def test_halves_come_in_order(self):
        features = tf.reshape(tf.range(24.0), [2, 2, 1, 6])
        first, second = ChannelSplit()(features)
        self.assertAllEqual(first, features[..., :3])
        self.assertAllEqual(second, features[..., 3:])

    def test_odd_channels_are_an_error(self):
        with self.assertRaisesRegex(ValueError, r"channels must be even, got .* \(1, 2, 2, 5\)"):
            ChannelSplit()(tf.zeros([1, 2, 2, 5]))


if __name__ == "__main__":
    tf.test.main()

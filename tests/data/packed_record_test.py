"""Tests of one packed image."""

import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.data.packed_record import image_of, record_of


def _without_image() -> bytes:
    return tf.train.Example().SerializeToString()


class PackedRecordTest(parameterized.TestCase):
    def test_gives_the_image_back(self):
        self.assertEqual(image_of(record_of(b"\x89PNG", key="a", label=3)), b"\x89PNG")

    @parameterized.parameters(
        (b"\xff", "it is no tf.train.Example"),
        (_without_image(), "it must have one image/encoded, got 0"),
    )
    def test_refuses(self, record, message):
        with self.assertRaisesRegex(ValueError, message):
            image_of(record)


if __name__ == "__main__":
    absltest.main()

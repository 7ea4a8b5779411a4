"""Tests of what tells sources apart."""

import os

import numpy as np
from absl.testing import absltest

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.fingerprint import source_fingerprint


def _fingerprint(*names):
    images = np.zeros((len(names), 2, 2, 1), np.uint8)
    return source_fingerprint(
        ArraySource(keys=[os.fsdecode(name) for name in names], array=images, labels=[0, 1])
    )


class SourceFingerprintTest(absltest.TestCase):
    def test_names_that_are_no_utf_8_count_like_others(self):
        fingerprint = _fingerprint(b"\xff", b"b")
        self.assertEqual(fingerprint, _fingerprint(b"\xff", b"b"))
        self.assertNotEqual(fingerprint, _fingerprint(b"\xfe", b"b"))

    def test_where_a_name_ends_counts(self):
        self.assertNotEqual(_fingerprint(b"ab", b"c"), _fingerprint(b"a", b"bc"))


if __name__ == "__main__":
    absltest.main()

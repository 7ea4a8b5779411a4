"""Tests of the part of a source that has labels."""

import numpy as np
from absl.testing import absltest

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.labelled_part import labelled_part
from rtml_tf.data.paired import PairedSource


def _source():
    labels = np.repeat(np.arange(10), 4)
    return ArraySource(keys=[f"x{i}" for i in range(40)], array=np.eye(40), labels=labels)


class LabelledPartTest(absltest.TestCase):
    def test_holds_what_is_labelled_in_pairs_of_the_same_shares(self):
        source = _source()
        pairs = PairedSource(
            source=source, target=source, labelled_classes=0.3, labelled_examples=0.5, seed=2
        )
        part = labelled_part(source=source, classes=0.3, examples=0.5, seed=2)
        known = np.flatnonzero(pairs.labels >= 0)
        self.assertLen(known, 6)
        self.assertEqual(part.keys, tuple(source.keys[i] for i in known))
        np.testing.assert_array_equal(part.labels, pairs.labels[known])
        self.assertEqual(part.class_names, pairs.class_names)

    def test_refuses_a_share_of_nothing(self):
        with self.assertRaisesRegex(ValueError, "non-empty"):
            labelled_part(source=_source(), classes=0.0)


if __name__ == "__main__":
    absltest.main()

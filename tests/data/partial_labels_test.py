"""Tests of hiding labels."""

import numpy as np
from absl.testing import absltest, parameterized

from rtml_tf.data.partial_labels import partial_labels

_LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(10), np.arange(1, 11)))


class PartialLabelsTest(parameterized.TestCase):
    @parameterized.parameters((0.0, 0), (0.01, 1), (0.1, 1), (0.24, 2), (0.25, 3), (1.0, 10))
    def test_a_share_of_the_classes_keeps_all_labels(self, share: float, count: int):
        labels = partial_labels(_LABELS, classes=share)
        kept = np.isin(_LABELS, labels[labels >= 0])
        self.assertLen(set(_LABELS[kept]), count)
        np.testing.assert_array_equal(labels, np.where(kept, _LABELS, -1))
        self.assertEqual(labels.dtype, np.int32)

    @parameterized.parameters((0.0, 0), (0.001, 1), (0.3, 17), (1.0, 55))
    def test_a_share_of_the_examples_keeps_its_label(self, share: float, count: int):
        labels = partial_labels(_LABELS, examples=share)
        kept = labels >= 0
        self.assertEqual(np.count_nonzero(kept), count)
        np.testing.assert_array_equal(labels[kept], _LABELS[kept])

    def test_both_shares_multiply(self):
        classes = partial_labels(_LABELS, classes=0.5)
        both = partial_labels(_LABELS, classes=0.5, examples=0.4)
        self.assertEqual(np.count_nonzero(both >= 0), round(0.4 * np.count_nonzero(classes >= 0)))
        self.assertFalse(np.any((both >= 0) & (classes < 0)))

    @parameterized.parameters(("classes", {}), ("examples", {}), ("examples", {"classes": 0.6}))
    def test_smaller_shares_are_parts_of_larger_ones(self, kind: str, other: dict[str, float]):
        shares = [
            partial_labels(_LABELS, **{kind: share}, **other) >= 0 for share in (0.1, 0.3, 0.7)
        ]
        self.assertFalse(np.any(shares[0] & ~shares[1]))
        self.assertFalse(np.any(shares[1] & ~shares[2]))

    def test_the_seed_chooses(self):
        drawn = {tuple(partial_labels(_LABELS, examples=0.5, seed=seed)) for seed in range(9)}
        self.assertLen(drawn, 9)
        again = partial_labels(_LABELS, examples=0.5, seed=3)
        self.assertIn(tuple(again), drawn)

    def test_a_choice_never_changes(self):
        """Recorded: a run that is resumed under another NumPy must go on with its labels."""
        labels = partial_labels(np.repeat(np.arange(6), 2), classes=0.5, examples=0.7, seed=1)
        self.assertEqual(labels.tolist(), [0, 0, 1, -1, -1, 2] + [-1] * 6)

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, r"labelled classes must be in \[0, 1\], got 1.1"):
            partial_labels(_LABELS, classes=1.1)
        with self.assertRaisesRegex(ValueError, r"labelled examples must be .* got -0.1"):
            partial_labels(_LABELS, examples=-0.1)
        with self.assertRaisesRegex(ValueError, "seed must be >= 0, got -1"):
            partial_labels(_LABELS, seed=-1)


if __name__ == "__main__":
    absltest.main()

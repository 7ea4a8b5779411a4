"""Tests of sets of pairs."""

import numpy as np
from absl.testing import absltest

from rtml_tf.data import pair_set
from rtml_tf.data.source import ImageSource


class _Numbers(ImageSource):
    def __init__(self, keys, people):
        self.keys = tuple(keys)
        self.class_names = tuple(sorted(set(people)))
        self.labels = np.array([self.class_names.index(person) for person in people], np.int32)
        self.image_shape = (1, 1, 1)

    def load(self, index):
        raise NotImplementedError


def _pairs(**kwargs):
    people = ["a", "a", "b", "c", "c"]
    arguments = {
        "images": _Numbers([f"{i}.jpg" for i in range(5)], people),
        "left": [0, 3, 4],
        "right": [1, 4, 2],
        "same": [True, True, False],
        "fold": [0, 1, 1],
        "people": people,
    }
    return pair_set.PairSet(**(arguments | kwargs))


class PairSetTest(absltest.TestCase):
    def test_arguments_that_do_not_fit_are_refused(self):
        with self.assertRaisesRegex(ValueError, r"'same': \(2,\)"):
            _pairs(same=[True, False])
        with self.assertRaisesRegex(ValueError, "at least one"):
            _pairs(left=[], right=[], same=[], fold=[])
        with self.assertRaisesRegex(ValueError, r"right must hold .* \[0, 5\), .* from 1 to 5"):
            _pairs(right=[1, 5, 2])
        with self.assertRaisesRegex(ValueError, "each of 5 images, got 1 names"):
            _pairs(people=["a"])


class StratifiedFoldsTest(absltest.TestCase):
    def test_every_fold_has_equally_many_of_each_kind(self):
        same = np.random.default_rng(0).permutation(np.arange(100) < 33)
        folds = pair_set.stratified_folds(same, 10)
        for kind, sizes in ((True, {3, 4}), (False, {6, 7})):
            self.assertEqual(set(np.bincount(folds[same == kind], minlength=10)), sizes)

    def test_too_few_pairs_of_a_kind_are_refused(self):
        with self.assertRaisesRegex(ValueError, r"same person \(2\) .* people \(8\), got 3"):
            pair_set.stratified_folds(np.arange(10) < 2, 3)


class CheckDisjointTest(absltest.TestCase):
    def test_other_people_and_images_pass(self):
        pair_set.check_disjoint(pairs=_pairs(), training=_Numbers(["7.jpg"], ["d"]))

    def test_shared_people_are_named(self):
        with self.assertRaisesRegex(ValueError, "share 2 people: b, c"):
            pair_set.check_disjoint(
                pairs=_pairs(), training=_Numbers(["7.jpg", "8.jpg"], ["c", "b"])
            )

    def test_shared_images_are_named_though_people_are_unknown(self):
        with self.assertRaisesRegex(ValueError, "share 1 images: 3.jpg"):
            pair_set.check_disjoint(
                pairs=_pairs(people=None), training=_Numbers(["3.jpg", "8.jpg"], ["a", "b"])
            )

    def test_what_cannot_be_checked_is_said(self):
        with self.assertLogs(level="WARNING") as logs:
            pair_set.check_disjoint(pairs=_pairs(people=None), training=_Numbers(["7.jpg"], ["a"]))
        self.assertRegex(logs.output[0], "not known who is shown .* of the training .*'7.jpg'")
        with self.assertNoLogs(level="WARNING"):
            pair_set.check_disjoint(pairs=_pairs(), training=_Numbers(["7.jpg"], ["d"]))


if __name__ == "__main__":
    absltest.main()

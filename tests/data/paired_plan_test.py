"""Tests of the plan of paired batches."""

import numpy as np
from absl.testing import absltest, parameterized

from rtml_tf.data.paired_plan import PairedPlan
from rtml_tf.data.pk_sampler import PKSampler

_LABELS = np.concatenate([np.full(14, -1), np.repeat(np.arange(4), 4)])


def _plan(labels=_LABELS, sampler=True, others=6, seed=0, **arguments) -> PairedPlan:
    if sampler is True:
        sampler = PKSampler(classes_per_batch=2, images_per_class=2, seed=seed)
    return PairedPlan(
        labels=labels, sampler=sampler, unlabelled_per_batch=others, seed=seed, **arguments
    )


class PairedPlanTest(parameterized.TestCase):
    def test_first_places_are_those_of_the_sampler(self):
        plan = _plan(seed=3)
        self.assertEqual((plan.batch_size, plan.labelled_per_batch), (10, 4))
        self.assertEqual(plan.steps_per_epoch, 3)
        sampler = PKSampler(classes_per_batch=2, images_per_class=2, seed=3)
        expected = sampler.plan(_LABELS[14:], steps_per_epoch=3).epoch_batches(5) + 14
        np.testing.assert_array_equal(plan.epoch_batches(5)[:, :4], expected)

    def test_other_places_hold_all_examples_equally_often(self):
        plan = _plan(steps_per_epoch=10)
        drawn = plan.epoch_batches(0)[:, 4:]
        np.testing.assert_array_equal(np.bincount(drawn.ravel(), minlength=30), np.full(30, 2))
        for batch in drawn:
            self.assertLen(set(batch), 6)

    def test_another_epoch_or_seed_draws_others(self):
        drawn = {
            tuple(_plan(seed=seed).epoch_batches(epoch)[0, 4:])
            for seed in range(3)
            for epoch in range(3)
        }
        self.assertLen(drawn, 9)

    def test_equal_seeds_do_not_draw_equal_examples(self):
        """With one class and one draw of all, the same bits would give the same images."""
        sampler = PKSampler(classes_per_batch=1, images_per_class=6, seed=7)
        plan = _plan(labels=np.zeros(30, int), sampler=sampler, others=6, seed=7)
        batches = plan.epoch_batches(0)
        self.assertFalse(np.array_equal(batches[:, :6], batches[:, 6:]))

    @parameterized.parameters((True, 10), (None, 6))
    def test_without_labels_all_places_are_of_the_second_kind(self, sampler, size: int):
        plan = _plan(labels=np.full(30, -1), sampler=sampler)
        self.assertEqual((plan.batch_size, plan.labelled_per_batch), (size, 0))
        self.assertCountEqual(plan.epoch_batches(0).ravel(), range(30))

    def test_all_places_can_be_of_the_first_kind(self):
        plan = _plan(others=0)
        self.assertEqual((plan.batch_size, plan.steps_per_epoch), (4, 7))
        self.assertTrue(np.all(_LABELS[plan.epoch_batches(0)] >= 0))

    def test_more_places_than_examples(self):
        plan = _plan(sampler=None, others=40)
        self.assertEqual(plan.steps_per_epoch, 1)
        self.assertEqual(plan.epoch_batches(0).shape, (1, 40))

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "unlabelled_per_batch must be >= 0, got -1"):
            _plan(others=-1)
        with self.assertRaisesRegex(
            ValueError, "would be empty without sampler and unlabelled_per"
        ):
            _plan(sampler=None, others=0)
        with self.assertRaisesRegex(ValueError, "steps_per_epoch must be >= 1, got 0"):
            _plan(steps_per_epoch=0)
        with self.assertRaisesRegex(ValueError, "classes_per_batch is 5, .* only 4 classes"):
            _plan(sampler=PKSampler(classes_per_batch=5, images_per_class=1))


if __name__ == "__main__":
    absltest.main()

"""Tests of the P-K sampler."""

import numpy as np
from absl.testing import absltest, parameterized

from rtml_tf.data.pk_sampler import PKSampler

_UNEVEN = np.random.default_rng(0).permutation(np.repeat(np.arange(7), (1, 2, 3, 4, 9, 12, 30)))


def _sampler(classes: int, images: int, seed: int = 0) -> PKSampler:
    return PKSampler(classes_per_batch=classes, images_per_class=images, seed=seed)


class PKSamplerTest(parameterized.TestCase):
    @parameterized.parameters((1, 1), (2, 3), (3, 4), (5, 2), (7, 4), (7, 31))
    def test_every_batch_holds_p_classes_and_k_images(self, classes: int, images: int):
        plan = _sampler(classes, images).plan(_UNEVEN, steps_per_epoch=40)
        batches = plan.epoch_batches(0)
        self.assertEqual(batches.shape, (40, classes * images))
        self.assertEqual(batches.dtype, np.int64)
        sizes = np.bincount(_UNEVEN)
        for batch in batches:
            groups = _UNEVEN[batch].reshape(classes, images)
            np.testing.assert_array_equal(groups, groups[:, :1].repeat(images, axis=1))
            self.assertLen(set(groups[:, 0]), classes)
            for label, group in zip(groups[:, 0], batch.reshape(classes, images)):
                if sizes[label] >= images:
                    self.assertLen(set(group), images)

    @parameterized.parameters(*range(1, 8))
    def test_classes_are_used_equally_often_at_any_time(self, classes: int):
        plan = _sampler(classes, 1).plan(_UNEVEN, steps_per_epoch=50)
        used = np.zeros(7, int)
        for batch in plan.epoch_batches(3):
            np.add.at(used, _UNEVEN[batch], 1)
            self.assertLessEqual(used.max() - used.min(), 1)

    def test_an_epoch_of_an_even_source_sees_every_image_once(self):
        labels = np.random.default_rng(1).permutation(np.repeat(np.arange(10), 12))
        plan = _sampler(5, 4).plan(labels)
        self.assertEqual(plan.steps_per_epoch, 6)
        for epoch in range(3):
            self.assertCountEqual(plan.epoch_batches(epoch).ravel(), range(120))

    def test_images_of_a_class_are_taken_in_turn(self):
        """9 images in groups of 4: two groups a round share none, and one image is left over."""
        plan = _sampler(1, 4).plan(np.zeros(9, int), steps_per_epoch=20)
        rounds = plan.epoch_batches(0).reshape(10, 8)
        for round_ in rounds:
            self.assertLen(set(round_), 8)
        left_over = {sum(range(9)) - sum(round_) for round_ in rounds}
        self.assertGreater(len(left_over), 1)

    def test_every_image_and_pair_of_classes_is_equally_likely(self):
        """Binomial: 4,000 draws with p = 1/5 and 1/6 stay within five standard deviations."""
        labels = np.repeat(np.arange(4), 5)
        plan = _sampler(2, 2).plan(labels, steps_per_epoch=1)
        batches = np.stack([plan.batch(epoch=epoch, step=0) for epoch in range(4000)])
        images = np.bincount(batches.ravel(), minlength=20) / 4000
        np.testing.assert_allclose(images, 0.2, atol=5 * (0.2 * 0.8 / 4000) ** 0.5)
        pairs = np.sort(labels[batches[:, ::2]], axis=1) @ [4, 1]
        counts = np.unique(pairs, return_counts=True)[1] / 4000
        np.testing.assert_allclose(counts, np.full(6, 1 / 6), atol=5 * (5 / 36 / 4000) ** 0.5)

    def test_small_classes_are_drawn_with_replacement_from_all_their_images(self):
        plan = _sampler(7, 4).plan(_UNEVEN, steps_per_epoch=200)
        drawn = plan.epoch_batches(0)
        for label in range(3):
            images = drawn[_UNEVEN[drawn] == label]
            self.assertCountEqual(set(images), np.flatnonzero(_UNEVEN == label))

    def test_batches_are_a_function_of_seed_epoch_and_step(self):
        plan = _sampler(3, 4, seed=5).plan(_UNEVEN)
        expected = {
            (epoch, step): plan.batch(epoch=epoch, step=step).tolist()
            for epoch in range(3)
            for step in range(plan.steps_per_epoch)
        }
        again = _sampler(3, 4, seed=5).plan(_UNEVEN)
        for (epoch, step), batch in reversed(expected.items()):
            self.assertEqual(again.batch(epoch=epoch, step=step).tolist(), batch)
        self.assertLen({tuple(batch) for batch in expected.values()}, len(expected))
        other = _sampler(3, 4, seed=6).plan(_UNEVEN)
        self.assertNotEqual(other.batch(epoch=0, step=0).tolist(), expected[0, 0])

    def test_a_batch_never_changes(self):
        """Recorded: a run that is resumed under another NumPy must go on with its batches."""
        batch = _sampler(3, 2, seed=1).plan(_UNEVEN).batch(epoch=2, step=1)
        self.assertEqual(batch.tolist(), [59, 0, 51, 7, 55, 6])

    def test_the_default_epoch_is_the_number_of_images(self):
        self.assertEqual(_sampler(3, 4).plan(_UNEVEN).steps_per_epoch, 61 // 12)
        self.assertEqual(_sampler(7, 31).plan(_UNEVEN).steps_per_epoch, 1)

    def test_refuses(self):
        with self.assertRaisesRegex(ValueError, "classes_per_batch must be >= 1, got 0"):
            _sampler(0, 1)
        with self.assertRaisesRegex(ValueError, "images_per_class must be >= 1, got -1"):
            _sampler(1, -1)
        with self.assertRaisesRegex(ValueError, "seed must be >= 0, got -2"):
            _sampler(1, 1, seed=-2)
        with self.assertRaisesRegex(ValueError, "classes_per_batch is 8, .* only 7 classes"):
            _sampler(8, 1).plan(_UNEVEN)
        with self.assertRaisesRegex(ValueError, "from 0 to 2, got none of class 1"):
            _sampler(1, 1).plan(np.array([0, 2]))
        with self.assertRaisesRegex(ValueError, "steps_per_epoch must be >= 1, got 0"):
            _sampler(1, 1).plan(_UNEVEN, steps_per_epoch=0)
        plan = _sampler(1, 1).plan(_UNEVEN, steps_per_epoch=3)
        with self.assertRaisesRegex(ValueError, r"step must be in \[0, 3\), got 3"):
            plan.batch(epoch=0, step=3)
        with self.assertRaisesRegex(ValueError, "epoch must be >= 0, got -1"):
            plan.batch(epoch=-1, step=0)


if __name__ == "__main__":
    absltest.main()

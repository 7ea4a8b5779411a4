"""Tests of searches in a gallery that some attacked images belong to."""

import numpy as np
from absl.testing import absltest, parameterized
from sklearn import preprocessing

from rtml_tf.evaluation.ranked_images import RankedImages


def _unit(count, seed):
    return preprocessing.normalize(
        np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    )


def _images(count=250, block_size=2**20):
    """Of 250 images, 40 are attacked; they are in five classes."""
    generator = np.random.default_rng(1)
    return RankedImages(
        embeddings=_unit(count, 0),
        labels=generator.integers(0, 5, count),
        attacked=generator.permutation(count)[: min(40, count)],
        block_size=block_size,
    )


def _ranking(images, number, query):
    """All places but the image's own, nearest first."""
    distances = np.linalg.norm(images.embeddings - query, axis=1)
    return [place for place in np.argsort(distances) if place != images.attacked[number]]


@parameterized.parameters(1, 700, 2**20)
class SearchTest(parameterized.TestCase):
    def test_at_rank_equals_sorted_distances(self, block_size):
        images, queries = _images(block_size=block_size), _unit(40, 2)
        ranks = np.arange(40) % 7
        expected = [_ranking(images, i, q)[ranks[i]] for i, q in enumerate(queries)]
        self.assertSequenceEqual(list(images.at_rank(queries, ranks)), expected)

    def test_recall_at_1_equals_sorted_distances(self, block_size):
        images, queries = _images(block_size=block_size), _unit(40, 2)
        found = [images.labels[_ranking(images, i, q)[0]] for i, q in enumerate(queries)]
        expected = np.mean(found == images.labels[images.attacked])
        self.assertBetween(expected, 0.05, 0.6)
        self.assertAlmostEqual(images.recall_at_1(queries), expected)

    def test_nearest_equals_sorted_distances(self, block_size):
        images = _images(block_size=block_size)
        for of_own_class in (False, True):
            expected = []
            for number, own in enumerate(images.attacked):
                ranking = _ranking(images, number, images.embeddings[own])
                is_own = images.labels[ranking] == images.labels[own]
                expected.append(np.array(ranking)[is_own == of_own_class][:3])
            found = images.nearest(3, of_own_class=of_own_class)
            np.testing.assert_array_equal(found, expected)

    def test_nearer_equals_counted_distances(self, block_size):
        images, queries, candidates = _images(block_size=block_size), _unit(40, 2), _unit(40, 3)
        left_out = np.random.default_rng(0).permutation(250)[:80].reshape(40, 2)
        expected = []
        for query, candidate, two in zip(queries, candidates, left_out):
            distances = np.linalg.norm(images.embeddings - query, axis=1)
            before = distances < np.linalg.norm(candidate - query)
            before[two] = False
            expected.append(before.sum())
        found = images.nearer(queries, candidates, left_out=left_out)
        self.assertSequenceEqual(list(found), expected)


class FewTest(absltest.TestCase):
    def test_where_there_are_fewer_the_nearest_comes_again(self):
        """Directions in degrees; the first image has one mate and two rivals."""
        angles = np.radians([0.0, 10.0, 50.0, 20.0])
        images = RankedImages(
            embeddings=np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32),
            labels=np.array([0, 0, 1, 2]),
            attacked=np.array([0]),
        )
        self.assertEqual(images.nearest(3, of_own_class=True).tolist(), [[1, 1, 1]])
        self.assertEqual(images.nearest(3, of_own_class=False).tolist(), [[3, 2, 3]])
        self.assertEqual(images.nearest(6, of_own_class=False).tolist(), [[3, 2, 3, 3, 3, 3]])


class DrawTest(absltest.TestCase):
    def test_any_other_is_each_of_the_others(self):
        drawn = np.stack([_images(6).any_other((seed,)) for seed in range(200)])
        for number, own in enumerate(_images(6).attacked):
            others = sorted({0, 1, 2, 3, 4, 5} - {own})
            self.assertSequenceEqual(sorted(set(drawn[:, number])), others)

    def test_any_near_is_of_the_first_percent(self):
        images = _images()
        drawn = np.stack([images.any_near((seed,)) for seed in range(30)])
        for number, own in enumerate(images.attacked):
            nearest = _ranking(images, number, images.embeddings[own])
            self.assertSetEqual(set(drawn[:, number]), set(nearest[:2]))  # int(2.5)

    def test_of_a_small_gallery_the_nearest_is_near(self):
        images = _images(10)
        nearest = images.at_rank(images.clean, np.zeros(10, np.int64))
        self.assertSequenceEqual(list(images.any_near((3,))), list(nearest))

    def test_a_draw_is_a_function_of_the_seed(self):
        images = _images()
        first, again, other = (images.any_other(seed) for seed in ((0, 1), (0, 1), (1, 0)))
        np.testing.assert_array_equal(first, again)
        self.assertFalse(np.array_equal(first, other))


if __name__ == "__main__":
    absltest.main()

"""Tests of the uniformity of embeddings."""

import numpy as np
from absl.testing import absltest, parameterized
from scipy.spatial import distance
from sklearn import preprocessing

from rtml_tf.evaluation.uniformity import uniformity


class UniformityTest(parameterized.TestCase):
    @parameterized.parameters(1, 200, 2**24)
    def test_equals_all_pairs_of_scipy(self, block_size):
        embeddings = np.random.default_rng(0).normal(0.2, 1.0, (41, 6))
        squared = distance.pdist(preprocessing.normalize(embeddings), "sqeuclidean")
        found = uniformity(embeddings, block_size=block_size)
        self.assertAlmostEqual(found, np.log(np.mean(np.exp(-2 * squared))), places=5)

    def test_of_a_large_set_a_sample_is_taken(self):
        embeddings = np.random.default_rng(0).normal(size=(3000, 32))
        whole = uniformity(embeddings)
        sampled = [uniformity(embeddings, limit=500, seed=seed) for seed in (0, 0, 1)]
        self.assertEqual(sampled[0], sampled[1])
        self.assertNotEqual(sampled[0], sampled[2])
        for value in sampled:
            self.assertAlmostEqual(value, whole, delta=0.01)

    def test_one_image_is_refused(self):
        with self.assertRaisesRegex(ValueError, "at least two images, got 1"):
            uniformity(np.ones((1, 3)))


if __name__ == "__main__":
    absltest.main()

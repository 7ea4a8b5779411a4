"""Tests of the density of the embedding space."""

import numpy as np
from absl.testing import absltest
from scipy.spatial import distance
from sklearn import preprocessing

from rtml_tf.evaluation import density


def _embeddings(sizes, dimensions=5, seed=0):
    """Around one centre a class, of different lengths, in random order."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    centres = generator.normal(size=(len(sizes), dimensions))
    embeddings = centres[labels] + generator.normal(size=(len(labels), dimensions))
    order = generator.permutation(len(labels))
    return embeddings[order] * generator.uniform(0.1, 9, (len(labels), 1)), labels[order]


class ClassDistancesTest(absltest.TestCase):
    def test_equals_all_pairs_of_scipy(self):
        """A class of one image has no pair, but a mean."""
        embeddings, labels = _embeddings([4, 1, 9, 2])
        unit = preprocessing.normalize(embeddings)
        within = [
            distance.pdist(unit[labels == label], "cosine").mean()
            for label in np.unique(labels)
            if np.sum(labels == label) > 1
        ]
        means = [unit[labels == label].mean(axis=0) for label in np.unique(labels)]

        intra, inter = density.class_distances(embeddings, labels)

        self.assertAlmostEqual(intra, np.mean(within), places=6)
        self.assertAlmostEqual(inter, distance.pdist(means, "cosine").mean(), places=6)

    def test_classes_known_by_hand(self):
        """Two images at 90 degrees in each class; means at 45 and 225 degrees. The second class's
        mean is the first one's opposite, at distance 2."""
        embeddings = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
        intra, inter = density.class_distances(embeddings, np.array([7, 7, -1, -1]))
        self.assertAlmostEqual(intra, 1.0, places=6)
        self.assertAlmostEqual(inter, 2.0, places=6)

    def test_a_class_that_cancels_is_at_distance_one_of_the_others(self):
        embeddings = np.array([[1, 0], [-1, 0], [0, 1], [0, 1]])
        intra, inter = density.class_distances(embeddings, np.array([0, 0, 1, 1]))
        self.assertAlmostEqual(intra, (2 + 0) / 2, places=6)
        self.assertAlmostEqual(inter, 1.0, places=6)


class AlignmentTest(absltest.TestCase):
    def test_equals_all_pairs_of_scipy(self):
        embeddings, labels = _embeddings([4, 1, 9, 2])
        unit = preprocessing.normalize(embeddings)
        pairs = [
            distance.pdist(unit[labels == label], "sqeuclidean") for label in np.unique(labels)
        ]
        found = density.alignment(embeddings, labels)
        self.assertAlmostEqual(found, np.concatenate(pairs).mean(), places=6)


class MeasureDensityTest(absltest.TestCase):
    def test_figures_of_a_space_known_by_hand(self):
        """Each class is one direction, all directions at right angles: no width, equal singular
        values, and `|x - y|^2` is 2 for 24 of 28 pairs and 0 for 4. The centred ones lose the
        direction of the mean, which leaves three that are equal.
        """
        found = density.measure_density(np.repeat(np.eye(4), 2, axis=0), np.repeat(range(4), 2))

        self.assertEqual(tuple(found.figures), density.DENSITY_FIGURES)
        expected = {
            "intra_distance": 0.0,
            "inter_distance": 1.0,
            "density": 0.0,
            "rho": 0.0,
            "rho_centred": 0.0,
            "rank": 4,
            "alignment": 0.0,
            "uniformity": np.log((24 * np.exp(-4) + 4) / 28),
        }
        for name, value in expected.items():
            self.assertAlmostEqual(found.figures[name], value, places=5, msg=name)
        np.testing.assert_allclose(found.spectrum, [2**0.5] * 4, atol=1e-6)
        np.testing.assert_allclose(found.centred_spectrum, [2**0.5] * 3 + [0], atol=1e-6)

    def test_a_wider_class_is_denser(self):
        generator = np.random.default_rng(0)
        noise = generator.normal(size=(40, 4))
        centres = np.repeat(np.eye(4), 10, axis=0)
        found = [
            density.measure_density(centres + width * noise, np.repeat(range(4), 10)).figures
            for width in (0.01, 0.1, 0.3)
        ]
        for name in ("intra_distance", "density", "alignment"):
            values = [figures[name] for figures in found]
            self.assertEqual(values, sorted(values), name)

    def test_a_collapsed_space_has_finite_figures(self):
        found = density.measure_density(np.ones((6, 7)), np.repeat(range(3), 2)).figures
        self.assertTrue(np.isfinite(list(found.values())).all(), found)
        self.assertAlmostEqual(found["uniformity"], 0.0, places=5)
        self.assertBetween(found["density"], 0.0, 0.5)

    def test_bad_arguments_are_named(self):
        embeddings = np.eye(4)
        for labels, message in (
            ([0, 0, 1], "labels must have one entry for each of 4 embeddings"),
            ([3, 3, 3, 3], "at least two classes, .* got 1 classes with at most 4 images"),
            ([0, 1, 2, 3], "got 4 classes with at most 1 images"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                density.measure_density(embeddings, np.array(labels))


if __name__ == "__main__":
    absltest.main()

"""Tests for the candidate and the query attack."""

import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from scipy.spatial.distance import cdist

from rtml_tf.attacks.projected_gradient_descent import ProjectedGradientDescent
from rtml_tf.attacks.rank_objectives import CandidateRankObjective, QueryRankObjective

SEED = tf.constant([1, 2])
WEIGHTS = np.array([0.5, -1.0, 0.0, 2.0], np.float32)
GALLERY = np.array([[-20.0], [-21.0], [20.0], [21.0]])


def _linear(images):
    """An embedding of one dimension that is linear in the pixels."""
    return tf.reduce_sum(images * WEIGHTS, axis=1, keepdims=True) - 0.75


def _random(seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(3, 4)), generator.normal(size=(9, 4))


class ValueTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(True, False)
    def test_candidate_rank_equals_its_definition(self, upwards):
        """One image, query and member of the gallery at a time, on SciPy's distances."""
        embeddings, gallery = _random()
        queries = np.array([[0, 1], [2, 8], [3, 3]])
        objective = CandidateRankObjective(gallery=gallery, upwards=upwards)
        value = objective.prepare(tf.identity, {"query": queries}, seed=SEED)
        sign = 1 if upwards else -1
        expected = [
            -np.mean(
                [
                    max(0, sign * (np.linalg.norm(c - gallery[q]) - np.linalg.norm(x - gallery[q])))
                    for q in of_image
                    for x in gallery
                ]
            )
            for c, of_image in zip(embeddings, queries)
        ]
        self.assertAllClose(value(tf.constant(embeddings, tf.float32)), expected, atol=1e-5)

    @parameterized.parameters(True, False)
    def test_query_rank_equals_its_definition(self, upwards):
        embeddings, gallery = _random(1)
        candidates = np.array([[0, 1], [2, 8], [3, 3]])
        objective = QueryRankObjective(gallery=gallery, upwards=upwards)
        value = objective.prepare(tf.identity, {"candidate": candidates}, seed=SEED)
        distances = cdist(embeddings, gallery)
        sign = 1 if upwards else -1
        expected = [
            -np.mean([max(0, sign * (row[c] - x)) for c in chosen for x in row])
            for row, chosen in zip(distances, candidates)
        ]
        self.assertAllClose(value(tf.constant(embeddings, tf.float32)), expected, atol=1e-5)

    def test_the_value_is_zero_where_the_goal_is_reached(self):
        """The query at 0 ranks itself, 1, 2 and 3: first is where it stands, last is beyond 3."""
        gallery = np.array([[0.0], [1.0], [2.0], [3.0]])
        batch = {"query": np.array([[0], [0]]), "candidate": np.array([[1], [3]])}
        for upwards, candidate in ((True, 0.0), (False, -4.0)):
            objective = CandidateRankObjective(gallery=gallery, upwards=upwards)
            value = objective.prepare(tf.identity, batch, seed=SEED)
            self.assertAllClose(value(tf.fill([2, 1], candidate)), [0.0, 0.0], atol=1e-6)
            self.assertAllLess(value(tf.fill([2, 1], 1.5)), -0.1)
        objective = QueryRankObjective(gallery=gallery, upwards=True)
        value = objective.prepare(tf.identity, batch, seed=SEED)
        self.assertAllClose(value(tf.constant([[1.0], [3.2]])), [0.0, 0.0])


class LinearEmbeddingTest(tf.test.TestCase, parameterized.TestCase):
    """The best perturbation of an embedding `<w, x> + b` is `epsilon sign(w)`, or its opposite.

    The two images embed at 0.6 and -0.6, between the two ends of the gallery, and come nowhere near
    them or past 0: what was best at the start is best all the way.
    """

    def _directions(self, objective, batch):
        images = tf.constant([[0.5, 0.5, 0.5, 0.8], [0.5, 0.5, 0.5, 0.2]])
        self.assertAllClose(_linear(images), [[0.6], [-0.6]])
        attack = ProjectedGradientDescent(epsilon=0.1, steps=5, random_start=False)
        return (attack(_linear, {"image": images, **batch}, objective) - images) / 0.1

    @parameterized.parameters((True, [0, 3], -1.0), (False, [0, 3], 1.0), (True, [2, 1], 1.0))
    def test_candidate_attack(self, upwards, queries, first):
        """Up is towards the query, down is away from it."""
        objective = CandidateRankObjective(gallery=GALLERY, upwards=upwards)
        found = self._directions(objective, {"query": np.reshape(queries, [2, 1])})
        best = first * np.sign(WEIGHTS)
        self.assertAllClose(found, [best, -best], atol=1e-4)

    @parameterized.parameters((True, [0, 2]), (False, [2, 0]))
    def test_query_attack(self, upwards, candidates):
        """Up is a candidate at the far end, down is one at the near end."""
        objective = QueryRankObjective(gallery=GALLERY, upwards=upwards)
        found = self._directions(objective, {"candidate": np.reshape(candidates, [2, 1])})
        self.assertAllClose(found, [-np.sign(WEIGHTS), np.sign(WEIGHTS)], atol=1e-4)


class GalleryTest(tf.test.TestCase):
    def test_a_graph_does_not_copy_it(self):
        objective = QueryRankObjective(gallery=np.zeros([1000, 4]), upwards=True)

        @tf.function
        def value(embeddings):
            batch = {"candidate": tf.zeros([2, 1], tf.int32)}
            return objective.prepare(tf.identity, batch, seed=SEED)(embeddings)

        graph = value.get_concrete_function(tf.zeros([2, 4])).graph.as_graph_def()
        self.assertLess(graph.ByteSize(), 4 * 4 * 1000)

    def test_bad_arguments_are_named(self):
        for gallery in (np.zeros([4]), np.zeros([0, 4])):
            with self.assertRaisesRegex(ValueError, r"gallery must be a matrix \[N, D\] .* got"):
                QueryRankObjective(gallery=gallery, upwards=True)
        objective = CandidateRankObjective(gallery=GALLERY, upwards=True)
        with self.assertRaisesRegex(ValueError, r'CandidateRankObjective needs batch\["query"\]'):
            objective.prepare(tf.identity, {"image": 0}, seed=SEED)


if __name__ == "__main__":
    tf.test.main()

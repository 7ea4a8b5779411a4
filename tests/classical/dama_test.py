"""Tests of DAMA."""

import numpy as np
import scipy.linalg
from absl.testing import absltest, parameterized

from rtml_tf.classical.dama import DAMA
from rtml_tf.classical.neighbour_laplacian import NeighbourLaplacian


class DAMATest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(0)
        self.classes = np.repeat(np.arange(6), 10)
        means = 5 * np.concatenate([np.eye(3), -np.eye(3)])
        self.source = means[self.classes] + rng.normal(size=[60, 3])
        self.labels = np.where(rng.uniform(size=60) < 0.4, self.classes, -1)

    @parameterized.parameters(3, 5)
    def test_two_rotated_copies_of_one_space_are_aligned(self, size):
        """Every example and its copy, turned into another space and moved, get one embedding."""
        rng = np.random.default_rng(1)
        turned = np.linalg.qr(rng.normal(size=[size, 3]))[0].T
        target = 2.5 * self.source @ turned + rng.normal(size=size)
        first, second = DAMA(embedding_size=3).align(self.source, target, self.labels)
        np.testing.assert_allclose(second(target), first(self.source), atol=1e-9)
        self.assertEqual(np.linalg.matrix_rank(first.weights), 3)

    def test_without_examples_in_common_classes_meet(self):
        """The domains are aligned by labels alone: here the target has them in another order."""
        rng = np.random.default_rng(2)
        turned = np.linalg.qr(rng.normal(size=[3, 3]))[0]
        order = np.argsort(rng.uniform(size=60) + self.classes)  # Shuffled within each class.
        target = self.source[order] @ turned
        first, second = DAMA(embedding_size=3).align(self.source, target, self.labels)
        means = [
            np.array([x[self.classes == label].mean(axis=0) for label in range(6)])
            for x in (first(self.source), second(target))
        ]
        spread = np.linalg.norm(means[0] - means[0].mean(axis=0))
        self.assertLess(np.linalg.norm(means[0] - means[1]), 0.2 * spread)

    def test_equal_to_the_published_eigenproblem(self):
        """Reference: all graphs as dense matrices, and `scipy.linalg.eigh` for the smallest `l`."""
        target = np.random.default_rng(3).normal(size=[60, 4]) + self.source[:, :1]
        method = DAMA(embedding_size=2, topology_weight=0.7, regularization=0.0)
        first, second = method.align(self.source, target, self.labels)

        domains = [x - x.mean(axis=0) for x in (self.source, target)]
        domains = [x / np.sqrt(np.square(x).sum(axis=1).mean()) for x in domains]
        data = scipy.linalg.block_diag(*domains)  # [120, 7], Z'
        nodes = np.tile(self.labels, 2)
        labelled = np.outer(nodes >= 0, nodes >= 0)
        equal = nodes[:, np.newaxis] == nodes
        same, different = (
            np.diag(edges.sum(axis=1)) - edges for edges in (labelled & equal, labelled & ~equal)
        )
        near = scipy.linalg.block_diag(*(NeighbourLaplacian().matrix(x).toarray() for x in domains))
        near_form, same_form = data.T @ near @ data, data.T @ same @ data
        weight = 0.7 * np.trace(same_form) / np.trace(near_form)
        vectors = scipy.linalg.eigh(
            weight * near_form + same_form,
            data.T @ different @ data / np.count_nonzero(self.labels >= 0) ** 2,
        )[1][:, :2]
        expected = data @ vectors
        given = np.concatenate([first(self.source), second(target)])
        np.testing.assert_allclose(given @ given.T, expected @ expected.T, rtol=1e-6, atol=1e-7)

    def test_the_target_is_what_is_fitted(self):
        target = self.source[:, ::-1].astype(np.float32)
        method = DAMA(embedding_size=2)
        network = method.fit(source=self.source, target=target, labels=self.labels)
        embeddings = method.align(self.source, target.astype(np.float64), self.labels)[1](target)
        embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
        np.testing.assert_allclose(network(target), embeddings, atol=1e-4)

    def test_refuses(self):
        for arguments, message in (
            ({"topology_weight": -1.0}, "topology_weight must be at least 0 and finite, got -1.0"),
            ({"source_components": 0}, "components must be .* got 0"),
            ({"regularization": float("nan")}, "regularization must be at least 0 .* got nan"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                DAMA(**arguments)
        with self.assertRaisesRegex(ValueError, "embedding_size must be at most 6, .* got 7"):
            DAMA(embedding_size=7).align(self.source, self.source, self.labels)


if __name__ == "__main__":
    absltest.main()

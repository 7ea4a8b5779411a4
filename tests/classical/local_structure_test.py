"""Tests of the graphs of nearest neighbours."""

import numpy as np
from absl.testing import absltest, parameterized
from sklearn.manifold import LocallyLinearEmbedding

from rtml_tf.classical.locally_linear import LocallyLinear
from rtml_tf.classical.neighbour_laplacian import NeighbourLaplacian

_STRUCTURES = (("laplacian", NeighbourLaplacian), ("locally_linear", LocallyLinear))


class LocalStructureTest(parameterized.TestCase):
    @parameterized.named_parameters(*_STRUCTURES)
    def test_a_sparse_form_that_knows_no_place_and_no_order(self, structure):
        points = np.random.default_rng(0).normal(size=[700, 3])
        matrix = structure(neighbours=4).matrix(points)
        self.assertLess(matrix.nnz, 700 * 40)
        dense = matrix.toarray()
        np.testing.assert_allclose(dense, dense.T, atol=1e-12)
        np.testing.assert_allclose(dense.sum(axis=1), np.zeros(700), atol=1e-9)
        self.assertGreater(np.linalg.eigvalsh(dense)[0], -1e-9)
        order = np.random.default_rng(1).permutation(700)
        moved = structure(neighbours=4).matrix(points[order] + 3.0).toarray()
        np.testing.assert_allclose(moved, dense[np.ix_(order, order)], atol=1e-9)

    def test_laplacian_by_hand(self):
        """On a line, 0 and 1 are neighbours of each other, and 3 has the neighbour 1."""
        points = np.array([[0.0], [1.0], [3.0]])
        for variance in (2.0, None):
            # Squared distances to the neighbours are 1, 1 and 4: their mean is 2.
            near, far = np.exp(-1.0 / 4.0), np.exp(-4.0 / 4.0)
            np.testing.assert_allclose(
                NeighbourLaplacian(neighbours=1, variance=variance).matrix(points).toarray(),
                [[near, -near, 0.0], [-near, near + far, -far], [0.0, -far, far]],
            )

    def test_locally_linear_weights_are_the_least_squares_solution(self):
        """Reference: scikit-learn's LLE, whose error is the sum of the smallest eigenvalues."""
        points = np.random.default_rng(0).normal(size=[60, 5])
        matrix = LocallyLinear(neighbours=7, regularization=1e-3).matrix(points).toarray()
        reference = LocallyLinearEmbedding(
            n_neighbors=7, n_components=4, reg=1e-3, eigen_solver="dense"
        ).fit(points)
        eigenvalues = np.linalg.eigvalsh(matrix)
        np.testing.assert_allclose(
            eigenvalues[1:5].sum(), reference.reconstruction_error_, rtol=1e-9
        )

    def test_any_affine_image_keeps_a_locally_linear_structure(self):
        """Two neighbours on a line give the point exactly, whatever its direction and scale."""
        line = np.sort(np.random.default_rng(0).normal(size=30))
        matrix = LocallyLinear(neighbours=2, regularization=1e-12).matrix(line[:, np.newaxis])
        np.testing.assert_allclose(
            (3.0 * line - 2.0) @ (matrix @ (3.0 * line - 2.0)), 0.0, atol=1e-8
        )

    @parameterized.named_parameters(*_STRUCTURES)
    def test_copies_of_a_point_are_no_obstacle(self, structure):
        matrix = structure(neighbours=2).matrix(np.ones([5, 3])).toarray()
        self.assertTrue(np.isfinite(matrix).all())

    @parameterized.named_parameters(*_STRUCTURES)
    def test_refuses(self, structure):
        with self.assertRaisesRegex(ValueError, "neighbours must be at least 1, got 0"):
            structure(neighbours=0)
        with self.assertRaisesRegex(ValueError, "more than neighbours=3 examples, got 3"):
            structure(neighbours=3).matrix(np.eye(3))

    def test_refuses_constants_out_of_range(self):
        with self.assertRaisesRegex(ValueError, "variance must be above 0 or None, got 0.0"):
            NeighbourLaplacian(variance=0.0)
        with self.assertRaisesRegex(ValueError, "regularization must be above 0 .* got 0.0"):
            LocallyLinear(regularization=0.0)


if __name__ == "__main__":
    absltest.main()

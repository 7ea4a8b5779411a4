"""Tests of the generalised eigenproblem."""

import numpy as np
import scipy.linalg
from absl.testing import absltest

from rtml_tf.classical.eigenproblem import largest_quotients


def _form(rank, size=6, seed=0):
    factor = np.random.default_rng(seed).normal(size=[size, rank])
    return factor @ factor.T


class LargestQuotientsTest(absltest.TestCase):
    def test_smallest_eigenvectors_of_the_published_form(self):
        """Reference: `scipy.linalg.eig` of `B v = l A v`, smallest `l` first."""
        numerator, denominator = _form(6, seed=1), _form(6, seed=2)
        vectors = largest_quotients(numerator, denominator, count=3, regularization=0.0)
        values, expected = scipy.linalg.eig(denominator, numerator)
        expected = expected[:, np.argsort(values.real)[:3]].real
        expected /= np.sqrt(np.einsum("fd,fg,gd->d", expected, numerator, expected))
        expected *= np.sign(np.take_along_axis(expected, np.abs(expected).argmax(0)[None], 0))
        np.testing.assert_allclose(vectors, expected, rtol=1e-6)

    def test_regularization_adds_a_share_of_the_mean_eigenvalue(self):
        numerator, denominator = _form(6, seed=1), _form(3, seed=2)
        ridge = 0.1 * np.linalg.eigvalsh(denominator).mean()
        np.testing.assert_allclose(
            largest_quotients(numerator, denominator, count=2, regularization=0.1),
            largest_quotients(
                numerator, denominator + ridge * np.eye(6), count=2, regularization=0.0
            ),
            rtol=1e-9,
        )

    def test_directions_without_data_come_last(self):
        numerator, denominator = np.zeros([6, 6]), np.zeros([6, 6])
        numerator[:4, :4], denominator[:4, :4] = _form(4, 4, seed=1), _form(4, 4, seed=2)
        vectors = largest_quotients(numerator, denominator, count=4, regularization=1e-3)
        np.testing.assert_allclose(vectors[4:], np.zeros([2, 4]), atol=1e-12)

    def test_refuses(self):
        full, flat = _form(6, seed=1), _form(2, seed=2)
        for numerator, denominator, count, regularization, message in (
            (full, full, 7, 0.1, "embedding_size must be at most 6, .* got 7"),
            (flat, full, 3, 0.1, "embedding_size must be at most 2, .* got 3"),
            (full, np.zeros([6, 6]), 1, 0.1, "larger regularization is needed, got 0.1"),
            (full, full, 1, -1.0, "regularization must be at least 0 and finite, got -1.0"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                largest_quotients(
                    numerator, denominator, count=count, regularization=regularization
                )


if __name__ == "__main__":
    absltest.main()

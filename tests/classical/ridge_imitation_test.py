"""Tests of the linear student."""

import numpy as np
from absl.testing import absltest

from rtml_tf.classical.ridge_imitation import RidgeImitation


def _ridge(source, target, penalty):
    """The normal equations, as the docstring of `RidgeImitation` states the problem."""
    centre, goal = target.mean(axis=0), source.mean(axis=0)
    gram = (target - centre).T @ (target - centre)
    ridge = penalty * np.trace(gram) / len(gram) * np.eye(len(gram))
    weights = np.linalg.solve(gram + ridge, (target - centre).T @ (source - goal))
    return weights, goal - centre @ weights


class RidgeImitationTest(absltest.TestCase):
    def setUp(self):
        super().setUp()
        rng = np.random.default_rng(0)
        self.target = rng.normal(size=[25, 6]) * [5, 3, 2, 1, 1, 0.5] + 4.0
        self.exact = self.target @ rng.normal(size=[6, 3]) + rng.normal(size=3)
        self.noisy = self.exact + 8 * rng.normal(size=[25, 3])
        self.labels = np.full(25, -1)

    def test_a_teacher_that_is_an_affine_map_is_found(self):
        embedding = RidgeImitation(penalties=[1e-10]).solve(self.exact, self.target, self.labels)
        np.testing.assert_allclose(embedding(self.target), self.exact, rtol=1e-6, atol=1e-6)

    def test_closed_form(self):
        embedding = RidgeImitation(penalties=[0.3]).solve(self.noisy, self.target, self.labels)
        weights, bias = _ridge(self.noisy, self.target, 0.3)
        np.testing.assert_allclose(embedding.weights, weights, rtol=1e-8)
        np.testing.assert_allclose(embedding.bias, bias, rtol=1e-8)

    def test_the_penalty_with_the_least_error_on_examples_left_out(self):
        """Reference: each example left out in turn and predicted by the others."""
        scale = np.square(self.target - self.target.mean(axis=0)).sum() / 6
        errors = {}
        for penalty in (1e-3, 0.1, 0.5, 2.0, 50.0):
            error = 0.0
            for left_out in range(25):
                others = np.arange(25) != left_out
                scatter = self.target[others] - self.target[others].mean(axis=0)
                own_scale = np.square(scatter).sum() / 6
                weights, bias = _ridge(
                    self.noisy[others], self.target[others], penalty * scale / own_scale
                )
                prediction = self.target[left_out] @ weights + bias
                error += np.square(prediction - self.noisy[left_out]).sum()
            errors[penalty] = error
        best = min(errors, key=errors.get)
        self.assertBetween(best, 0.01, 10.0)
        chosen = RidgeImitation(penalties=list(errors))
        alone = RidgeImitation(penalties=[best])
        np.testing.assert_allclose(
            chosen.solve(self.noisy, self.target, self.labels).weights,
            alone.solve(self.noisy, self.target, self.labels).weights,
        )

    def test_refuses(self):
        for penalties in ((), (0.0,), (1.0, -1.0), (float("inf"),)):
            with self.assertRaisesRegex(
                ValueError, "penalties must be one or more numbers above 0"
            ):
                RidgeImitation(penalties=penalties)
        with self.assertRaisesRegex(ValueError, "target must vary, got 25 equal examples"):
            RidgeImitation().solve(self.exact, np.ones([25, 6]), self.labels)


if __name__ == "__main__":
    absltest.main()

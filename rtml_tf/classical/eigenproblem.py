"""The generalised eigenproblem that several methods end in."""

import numpy as np
import scipy.linalg

# Of the largest quotient: a direction below it has nothing but rounding in its numerator.
_NUMERICAL_ZERO = 1e-10


def check_regularization(regularization: float) -> None:
    """Refuses a `regularization` that is not a finite number of at least 0."""
    if not (regularization >= 0.0 and np.isfinite(regularization)):
        raise ValueError(f"regularization must be at least 0 and finite, got {regularization}.")


def largest_quotients(
    numerator: np.ndarray, denominator: np.ndarray, *, count: int, regularization: float
) -> np.ndarray:
    """The directions in which one quadratic form is largest, measured by another.

    Maximises the quotient `v' A v / v' (B + r I) v` with `r = regularization * trace(B) / F`. With
    `r = 0` these are the eigenvectors of `B v = l A v` of the smallest `l`, the form in which such
    methods are published. Written as here, a direction in which there are no data at all (0 in
    both forms) comes last instead of first, and the regularisation shrinks weights, as it does in
    ridge regression, instead of counting as data. O(F^3) time, O(F^2) memory.

    Args:
        numerator: `A`, float64 `[F, F]`, symmetric and positive semi-definite.
        denominator: `B`, likewise.
        count: How many directions, the `D` largest.
        regularization: At least 0, as a share of the mean eigenvalue of `B`.

    Returns:
        float64 `[F, D]`, in order of falling quotient, scaled to `v' A v = 1`; in each column the
        entry of the largest magnitude is positive.

    Raises:
        ValueError: If fewer than `count` quotients are above 0, or `B + r I` is singular.
    """
    check_regularization(regularization)
    size = len(numerator)
    if count > size:
        raise ValueError(f"embedding_size must be at most {size}, the data's rank, got {count}.")
    ridge = regularization * np.trace(denominator) / size
    try:
        quotients, vectors = scipy.linalg.eigh(
            _symmetric(numerator),
            _symmetric(denominator) + ridge * np.eye(size),
            subset_by_index=[size - count, size - 1],
        )
    except np.linalg.LinAlgError as error:
        raise ValueError(
            "the data do not determine the embedding; a larger regularization is needed, got "
            f"{regularization}."
        ) from error
    positive = int(np.count_nonzero(quotients > _NUMERICAL_ZERO * quotients[-1]))
    if positive < count:
        raise ValueError(
            f"embedding_size must be at most {positive}, the number of directions that the data "
            f"determine, got {count}."
        )
    vectors = (vectors / np.sqrt(quotients))[:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    return vectors * np.sign(vectors[largest, np.arange(count)])


def _symmetric(form: np.ndarray) -> np.ndarray:
    """Without the asymmetry that rounding leaves, which LAPACK would read as half of the matrix."""
    return (form + form.T) / 2.0

"""All pairs of one set of rows with one set of columns: masks, similarities, distances.

Rows and columns may be the same embeddings (every pair of a batch) or different ones (embeddings
and class weights). Everything here is `[R, C]`.
"""

from collections.abc import Callable

import tensorflow as tf

from rtml_tf.layers.l2_normalization import unit_length

# Squared distances below this count as 0, where the square root has no gradient.
_SQUARED_EPSILON = 1e-12

# Stands for minus infinity: finite, so that sums and products with it stay defined.
VERY_LOW = -1e30


def pair_masks(row_labels: tf.Tensor, column_labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Which pairs are positive and which are negative.

    Column `i` is taken to be the same example as row `i`, and an example is not its own positive;
    more columns than rows are further examples.

    Args:
        row_labels: int32 `[R]`.
        column_labels: int32 `[C]`.

    Returns:
        Two bool masks `[R, C]`: same label but not the same example; another label.
    """
    same_label = row_labels[:, tf.newaxis] == column_labels[tf.newaxis, :]
    rows, columns = tf.range(tf.size(row_labels)), tf.range(tf.size(column_labels))
    same_example = rows[:, tf.newaxis] == columns[tf.newaxis, :]
    return same_label & ~same_example, ~same_label


def cosine_similarities(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Cosine of every row with every column: `[R, D]`, `[C, D]` -> `[R, C]` in [-1, 1].

    Both are normalised here (a zero vector stays zero, with gradient 0), so this holds whatever
    their lengths.
    """
    return tf.matmul(unit_length(rows), unit_length(columns), transpose_b=True)


def squared_distances(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Squared euclidean distances, never negative: `[R, D]`, `[C, D]` -> `[R, C]`."""
    row_squares = tf.reduce_sum(tf.square(rows), axis=1)
    column_squares = tf.reduce_sum(tf.square(columns), axis=1)
    products = tf.matmul(rows, columns, transpose_b=True)
    squared = row_squares[:, tf.newaxis] + column_squares[tf.newaxis, :] - 2.0 * products
    return tf.maximum(squared, 0.0)


def euclidean_distances(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Euclidean distances: `[R, D]`, `[C, D]` -> `[R, C]`.

    The gradient of a distance 0 is 0. Between vectors of length 1 rounding leaves up to about 5e-4
    where the distance is 0.
    """
    return square_root(squared_distances(rows, columns))


def distances_within(embeddings: tf.Tensor) -> tf.Tensor:
    """Euclidean distances within one batch, 0 from each to itself: `[B, D]` -> `[B, B]`."""
    distances = euclidean_distances(embeddings, embeddings)
    return tf.linalg.set_diag(distances, tf.zeros_like(embeddings[:, 0]))


def square_root(squared: tf.Tensor) -> tf.Tensor:
    """Square roots of lengths squared; 0, with gradient 0, below 1e-12."""
    apart = squared > _SQUARED_EPSILON
    # The inner choice keeps an infinite slope out of the gradient, where 0 * inf would be NaN.
    return tf.where(apart, tf.sqrt(tf.where(apart, squared, 1.0)), 0.0)


def masked_max(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The largest chosen value of each row, `[R, C]` -> `[R]`; -1e30 where none is chosen."""
    return tf.reduce_max(tf.where(mask, values, VERY_LOW), axis=1)


def masked_log_sum_exp(values: tf.Tensor, mask: tf.Tensor, *, axis: int = 1) -> tf.Tensor:
    """`log(sum(exp(values)))` of the chosen values along `axis`; about -1e30 where none is chosen.

    `softplus` of it is `log(1 + sum(exp(values)))`, which is 0 where none is chosen.
    """
    return tf.reduce_logsumexp(tf.where(mask, values, VERY_LOW), axis=axis)


def masked_mean(values: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """The mean of the chosen values, a scalar; 0, with gradient 0, where none is chosen."""
    chosen = tf.where(mask, values, 0.0)
    return tf.math.divide_no_nan(tf.reduce_sum(chosen), tf.reduce_sum(tf.cast(mask, values.dtype)))


def zero_unless(
    condition: tf.Tensor, loss: Callable[[], tf.Tensor], embeddings: tf.Tensor
) -> tf.Tensor:
    """`loss()` where `condition` holds; else a 0 whose gradient is 0 instead of None.

    For losses that are 0/0 on batches without a pair: a loss that is not computed cannot leave a
    NaN in the gradient.

    Args:
        condition: bool scalar.
        loss: Gives a float32 scalar.
        embeddings: float32 `[B, D]`, what the 0 stays connected to.
    """
    return tf.cond(condition, loss, lambda: 0.0 * tf.reduce_sum(embeddings))

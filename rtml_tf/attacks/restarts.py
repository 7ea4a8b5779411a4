"""Several searches from different seeds, of which each image keeps the best."""

from collections.abc import Callable

import tensorflow as tf

from rtml_tf.attacks.problem import AttackProblem


def best_of_restarts(
    search: Callable[[tf.Tensor], tf.Tensor],
    problem: AttackProblem,
    *,
    restarts: int,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Runs `search` a number of times and keeps, image by image, the result of highest value.

    With one restart no value is computed. Under an objective that gives one value for the whole
    batch, the batch of the best restart is kept as a whole.

    Args:
        search: Seed (int32 `[2]`) -> images inside the ball and the pixel range.
        problem: Gives the values to compare.
        restarts: At least 1.
        seed: int32 `[2]`.

    Returns:
        float32 images, `[B, ...]`.
    """
    if restarts == 1:
        return search(seed)
    images = problem.images
    inner = [1] * (images.shape.rank - 1)

    def restart(index: tf.Tensor, best: tf.Tensor, best_values: tf.Tensor):
        found = search(tf.random.experimental.stateless_fold_in(seed, index))
        values = problem.values(found)
        better = values > best_values
        best = tf.where(tf.reshape(better, [-1, *inner]), found, best)
        return best, tf.where(better, values, best_values)

    nothing_yet = tf.fill(tf.shape(images)[:1], tf.float32.min)
    best, _ = problem.repeat(restarts, restart, (images, nothing_yet))
    return best

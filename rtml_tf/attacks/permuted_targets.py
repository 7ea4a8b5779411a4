"""Targets for attacks that are drawn from the batch itself, by permutation."""

from collections.abc import Callable, Mapping

import tensorflow as tf

from rtml_tf.attacks.embedding_objectives import TargetEmbeddingObjective
from rtml_tf.attacks.objective import Objective, ObjectiveFunction
from rtml_tf.losses import arguments


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class PermutedTargetsObjective(Objective):
    """Moves each embedding to those of `T` other images of its batch at once.

    The multi-targeted attack of MDProp (Singh, Kakizaki and Araki, ACML 2023): target q of image i
    is the clean embedding of image `p_q(i)`, with `p_1` to `p_T` random permutations, functions of
    the seed; `1/T sum_q |t_{q,i} - f(x_i + d_i)|_2` falls (`TargetEmbeddingObjective`). As in the
    authors' code an image may be its own target, or have one of its own class.

    The targets are embedded in one pass, however many they are. Where the search looks at clean
    images only (`FastGradientMethod`), their embeddings are the targets' too, and `own_pass=False`
    saves that pass.

    Reads `batch["image"]`, and `batch["label"]` where classes are excluded.

    Attributes:
        targets: `T`.
        exclude_own_class: Whether the targets of an image are of other classes.
        own_pass: Whether the targets are embedded in a pass of their own.
    """

    is_random = True

    def __init__(self, *, targets: int = 1, exclude_own_class: bool = False, own_pass: bool = True):
        """Checks and keeps its arguments.

        Args:
            targets: `T`, at least 1.
            exclude_own_class: Whether to permute so that every image gets a target of another
                class. Where more than half of a batch are of one class there is no such
                permutation; some images of that class then keep a target of it.
            own_pass: See above; only `FastGradientMethod` works without.

        Raises:
            ValueError: If `targets` is below 1.
        """
        self.targets = arguments.integer_from("targets", targets, 1)
        self.exclude_own_class = bool(exclude_own_class)
        self.own_pass = bool(own_pass)

    @property
    def at_clean_images_only(self) -> bool:
        """Without a pass of their own the targets are those of the images as they are attacked."""
        return not self.own_pass

    def prepare(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        batch: Mapping[str, tf.Tensor],
        *,
        seed: tf.Tensor,
    ) -> ObjectiveFunction:
        images = self._entry(batch, "image")
        if self.exclude_own_class:
            labels = self._entry(batch, "label")
            permutations = class_changing_permutations(labels, count=self.targets, seed=seed)
        else:
            permutations = random_permutations(tf.shape(images)[0], count=self.targets, seed=seed)

        def towards(clean: tf.Tensor) -> ObjectiveFunction:
            targets = tf.gather(tf.cast(clean, tf.float32), permutations)  # [T, B, D]
            return TargetEmbeddingObjective().prepare(
                network, {"target_embedding": targets}, seed=seed
            )

        if self.own_pass:
            return towards(network(tf.cast(images, tf.float32)))
        return lambda embeddings: towards(embeddings)(embeddings)

    def get_config(self) -> dict:
        return {
            "targets": self.targets,
            "exclude_own_class": self.exclude_own_class,
            "own_pass": self.own_pass,
        }


def random_permutations(size: tf.Tensor | int, *, count: int, seed: tf.Tensor) -> tf.Tensor:
    """Uniformly random permutations of `size` things: int32 `[count, size]`."""
    return tf.argsort(tf.random.stateless_uniform([count, size], seed), axis=1)


def class_changing_permutations(labels: tf.Tensor, *, count: int, seed: tf.Tensor) -> tf.Tensor:
    """Random permutations that take every example to one of another class.

    The examples are put in a circle, class after class, in random order of classes and of examples
    within a class. Going round the circle by at least the size of the largest class, and by no more
    than what is left of the circle without it, leaves every class.

    Args:
        labels: Integer `[B]`.
        count: How many permutations.
        seed: int32 `[2]`.

    Returns:
        int32 `[count, B]`, in row `q` at place `i` the example that `i` is taken to. Where one
        class has more than half of the examples, the circle is gone round by half.
    """
    size = tf.size(labels)
    _, classes, class_sizes = tf.unique_with_counts(labels)
    largest = tf.reduce_max(class_sizes)
    shortest, longest = tf.minimum(largest, size // 2), tf.maximum(size - largest, size // 2)
    seeds = tf.random.experimental.stateless_split(seed, 3)
    places = random_permutations(size, count=count, seed=seeds[0])
    # [count, number of classes] -> the rank of the class of each example
    ranks = random_permutations(tf.size(class_sizes), count=count, seed=seeds[1])
    keys = tf.gather(ranks, classes, axis=1) * size + places
    circle = tf.argsort(keys, axis=1)
    shifts = tf.random.stateless_uniform(
        [count, 1], seeds[2], minval=shortest, maxval=longest + 1, dtype=tf.int32
    )
    reached = tf.gather(circle, (tf.range(size) + shifts) % size, axis=1, batch_dims=1)
    return tf.gather(reached, tf.argsort(circle, axis=1), axis=1, batch_dims=1)

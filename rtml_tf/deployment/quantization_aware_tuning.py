"""Training a network to stand the rounding of its int8 file."""

import numpy as np
import tensorflow as tf
from absl import logging

from rtml_tf.deployment.fake_quantization import (
    fake_quantized_network,
    observe_ranges,
    tuned_variables,
)
from rtml_tf.deployment.parity import cosines


class QuantizationAwareTuning:
    """Lets a network that rounds imitate the embeddings that it had without rounding.

    For networks that lose too much when they are quantised after training (Jacob et al.,
    "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
    CVPR 2018). Kernels, biases and the ranges of activations are trained; the gradient passes
    rounding as if it were not there. No labels are needed: the loss is the mean squared distance
    to the embeddings of the network itself.

    Of the network before and after training the one with the better worst cosine on the examples
    is taken, both in simulation, so that tuning is not meant to make a file worse.

    Limits: networks that embed, of the layers that batch norms are folded into (convolutions, also
    depthwise and grouped, and dense layers). What lies between them is rounded in the file and not
    in training. For `Int8`; other forms of such a network have the ranges as well.
    """

    def __init__(
        self,
        *,
        steps: int = 300,
        batch_size: int = 32,
        learning_rate: float = 1e-3,
        seed: int = 0,
    ):
        """Sets how it is trained.

        Args:
            steps: Updates.
            batch_size: Images in each.
            learning_rate: Of Adam, in the beginning; it falls to 0.
            seed: Of the order of the images.

        Raises:
            ValueError: If a number is out of range.
        """
        if steps < 1 or batch_size < 1:
            raise ValueError(
                f"steps and batch_size must be at least 1, got {steps} and {batch_size}."
            )
        if not learning_rate > 0.0:
            raise ValueError(f"learning_rate must be positive, got {learning_rate}.")
        self._steps, self._batch_size = steps, batch_size
        self._learning_rate, self._seed = learning_rate, seed

    def tuned(self, network: tf.keras.Model, images: np.ndarray) -> tf.keras.Model:
        """Trains a copy of a network.

        Args:
            network: From `deployable.deployable_network`; it stays as it is.
            images: float32 `[N, H, W, C]` in [0, 1], images that were trained on.

        Returns:
            What is to be exported in place of `network`.

        Raises:
            ValueError: As `fake_quantized_network`.
        """
        rounding = fake_quantized_network(network)
        observe_ranges(rounding, images, self._batch_size)
        targets = self._embeddings(network, images, training=False)
        before = rounding.get_weights()
        worst_before = cosines(self._embeddings(rounding, images, training=True), targets).min()
        self._train(rounding, images, targets)
        worst_after = cosines(self._embeddings(rounding, images, training=True), targets).min()
        logging.info(
            "Quantisation-aware tuning: worst cosine on the examples %.4f, before %.4f",
            worst_after,
            worst_before,
        )
        # NaN is not better either.
        if not worst_after > worst_before:
            rounding.set_weights(before)
        return rounding

    def _train(self, rounding: tf.keras.Model, images: np.ndarray, targets: np.ndarray) -> None:
        variables = list(tuned_variables(rounding))
        rate = tf.keras.optimizers.schedules.PolynomialDecay(self._learning_rate, self._steps, 0.0)
        optimizer = tf.keras.optimizers.Adam(rate)
        optimizer.build(variables)

        @tf.function
        def step(batch: tf.Tensor, target: tf.Tensor) -> None:
            with tf.GradientTape() as tape:
                distances = tf.reduce_sum((rounding(batch, training=True) - target) ** 2, axis=-1)
                loss = tf.reduce_mean(distances)
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))

        generator, size = np.random.default_rng(self._seed), min(self._batch_size, len(images))
        for _ in range(self._steps):
            chosen = generator.choice(len(images), size, replace=False)
            step(tf.constant(images[chosen]), tf.constant(targets[chosen]))

    def _embeddings(
        self, network: tf.keras.Model, images: np.ndarray, *, training: bool
    ) -> np.ndarray:
        starts = range(0, len(images), self._batch_size)
        graph = tf.function(lambda batch: network(batch, training=training))
        shape = [None, *images.shape[1:]]
        graph = graph.get_concrete_function(tf.TensorSpec(shape, tf.float32))
        batches = (images[start : start + self._batch_size] for start in starts)
        return np.concatenate([graph(tf.constant(batch)).numpy() for batch in batches])

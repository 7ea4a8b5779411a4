"""How a segmentation network does on images without masks, as far as that can be told."""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from rtml_tf.data.source import ImageSource
from rtml_tf.evaluation.segmentation_maps import logits_function
from rtml_tf.losses.entropy import entropy_map


class LabelFreeEvaluation:
    """Figures of a segmentation network on unlabelled target images, to choose a checkpoint by.

    With `p` the softmax of the sum of both heads at a pixel (at the resolution of the logits) and
    `H` the entropy divided by `log K`:

    * `entropy`: the mean of `H(p)`; 0 where the network is certain everywhere;
    * `diversity`: `H` of the mean `p`; 0 where it says the same everywhere;
    * `information`: `diversity - entropy`, the mutual information of pixel and class (Krause et
      al., "Discriminative clustering by regularized information maximization", NIPS 2010): certain
      predictions alone could be all of one class;
    * `agreement`: the share of pixels where both heads name the same class (Saito et al., "Maximum
      classifier discrepancy", CVPR 2018, use their disagreement to find what the source does not
      support);
    * `label_free`: the mean of `information` and `agreement`.

    No label is used. That the score follows the accuracy is a hope, not a theorem: adversarial
    training can make a network certain, diverse and wrong.

    Attributes:
        figure_names: The figures that `evaluate` gives, in [0, 1].
        source: The images.
        image_shape: Of the images that a network is given.
    """

    figure_names = ("label_free", "information", "entropy", "diversity", "agreement")

    def __init__(self, *, source: ImageSource, batch_size: int = 8):
        """Prepares the evaluation.

        Args:
            source: Images without masks, see `rtml_tf.data.unlabelled`.
            batch_size: Images at once.

        Raises:
            ValueError: If `batch_size` is out of range.
        """
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}.")
        self.source = source
        self.image_shape = source.image_shape
        self._batch_size = batch_size

    def evaluate(self, network: tf.keras.Model) -> dict[str, float]:
        """The figures of `network` in inference mode.

        Raises:
            ValueError: If the network does not take the images, or is an exported file, which gives
                the sum of its heads alone.
        """
        if not isinstance(network, tf.keras.Model):
            raise ValueError(
                "LabelFreeEvaluation compares the two heads of a network, got an exported file, "
                "which gives their sum."
            )
        logits = logits_function(network, self.source.image_shape)
        images = tf.data.Dataset.range(len(self.source)).map(self.source.load, tf.data.AUTOTUNE)
        sums = [
            tuple(part.numpy().astype(np.float64) for part in _sums(*logits(batch)))
            for batch in images.batch(self._batch_size).prefetch(tf.data.AUTOTUNE)
        ]
        pixels, entropy, probabilities, agreed = (sum(part) for part in zip(*sums))
        mean = probabilities / pixels
        entropy = float(entropy / pixels)
        diversity = float(-np.sum(mean * np.log(np.maximum(mean, 1e-30)))) / math.log(len(mean))
        agreement = float(agreed / pixels)
        return {
            "label_free": (diversity - entropy + agreement) / 2.0,
            "information": diversity - entropy,
            "entropy": entropy,
            "diversity": diversity,
            "agreement": agreement,
        }

    def describe(self) -> dict[str, Any]:
        """What was evaluated, for `metrics.json`."""
        return {"images": len(self.source), "image_shape": list(self.source.image_shape)}


@tf.function
def _sums(first: tf.Tensor, second: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Over the pixels of a batch: their number, entropy, probabilities `[K]`, agreement."""
    logits = first + second
    agreed = tf.argmax(first, axis=-1) == tf.argmax(second, axis=-1)
    return (
        tf.size(agreed),
        tf.reduce_sum(entropy_map(logits)),
        tf.reduce_sum(tf.nn.softmax(logits), axis=[0, 1, 2]),
        tf.math.count_nonzero(agreed),
    )

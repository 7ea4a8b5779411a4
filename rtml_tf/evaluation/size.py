"""The size of a network, as figures beside its others."""

import math

import tensorflow as tf

from rtml_tf.networks.summary import summarize


class SizeEvaluation:
    """Parameters, bytes and multiply-adds of a network, as `summarize` counts them.

    Attributes:
        figure_names: "k parameters" and "kB", of all weights, and "M multiply-adds", for one
            example (NaN where they depend on its size).
    """

    figure_names = ("k parameters", "kB", "M multiply-adds")

    def evaluate(self, network: tf.keras.Model) -> dict[str, float]:
        """The figures of `network`, in thousands, thousands and millions."""
        size = summarize(network)
        multiply_adds = math.nan if size.multiply_adds is None else size.multiply_adds / 1e6
        sizes = (size.parameters / 1e3, size.bytes / 1e3, multiply_adds)
        return dict(zip(self.figure_names, sizes))

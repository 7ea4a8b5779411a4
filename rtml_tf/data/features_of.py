"""The precomputed features of the examples of another source."""

import numpy as np
import tensorflow as tf

from rtml_tf.data.example_keys import match_keys
from rtml_tf.data.source import ImageSource


class FeaturesOf(ImageSource):
    """The rows of a table for the examples of a source, in its order and with its labels.

    A part of a data set (its training, validation or test classes) in features: for a network that
    reads a table and no images.
    """

    def __init__(self, *, source: ImageSource, table: ImageSource):
        """Finds the examples in the table.

        Args:
            source: Says which examples, in which order, and their classes.
            table: Features of these examples and possibly others, such as a `FeatureTable`.

        Raises:
            ValueError: If the table lacks an example, or a key is there twice; the first few are
                named.
        """
        self.keys = tuple(source.keys)
        self.labels = np.asarray(source.labels)
        self.class_names = tuple(source.class_names)
        self.image_shape = table.image_shape
        self._table = table
        self._rows = match_keys(source.keys, table.keys, ignore_extra=True)

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return self._table.load(tf.gather(self._rows, index))

"""A source whose images are augmented once and for all."""

from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.data.augmentation_base import Augmentation, augment
from rtml_tf.data.source import ImageSource


class AugmentedSource(ImageSource):
    """The images of another source, each changed at random, but always in the same way.

    Makes another domain of a data set (noisy, blurred, occluded images), to train on, to transfer
    to, or to evaluate on. What is to differ from epoch to epoch belongs into the `augmentation` of
    the batches.

    Attributes:
        source: Where the images come from.
        augmentation: What is applied, first to last.
    """

    def __init__(self, *, source: ImageSource, augmentation: Sequence[Augmentation], seed: int = 0):
        """Takes the source and what is done to it.

        Args:
            source: Where the images come from.
            augmentation: What is applied, first to last.
            seed: Of what is drawn; an image's draw depends on it and on the image's place in
                `source` alone.

        Raises:
            ValueError: If there is nothing to apply, or it does not fit the images.
        """
        if not augmentation:
            raise ValueError("augmentation must be at least one, got none.")
        self.source = source
        self.augmentation = tuple(augmentation)
        self._seed = int(seed)
        self.labels = source.labels
        self.class_names = source.class_names
        self.keys = source.keys
        # What an augmentation makes of the size is found by tracing it.
        traced = tf.function(self._augmented).get_concrete_function(
            tf.TensorSpec(source.image_shape), tf.TensorSpec([], tf.int64)
        )
        self.image_shape = tuple(traced.structured_outputs.shape.as_list())

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return self._augmented(self.source.load(index), index)

    def _augmented(self, image: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        seed = tf.stack([tf.constant(self._seed, tf.int32), tf.cast(index, tf.int32)])
        return augment(image, self.augmentation, seed)

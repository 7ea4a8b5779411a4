"""A segmentation source whose images and masks are loaded once and then kept in memory."""

import numpy as np
import tensorflow as tf

from rtml_tf.data import image_decoding
from rtml_tf.data.image_check import plain_message
from rtml_tf.data.segmentation_source import SegmentationSource


class CachedSegmentation(SegmentationSource):
    """Keeps every image and mask of another source in memory, one byte a value.

    Everything is loaded when the cache is built, and comes back bit for bit. Take the part of a
    source that is needed before caching it.

    Attributes:
        source: The other source.
        num_bytes: Size of what is kept.
    """

    def __init__(self, *, source: SegmentationSource):
        """Loads all of `source`.

        Raises:
            ValueError: If an example cannot be loaded (with the reason), or its image is no
                multiple of 1/255.
        """
        self.source = source
        self.label_set = source.label_set
        self.keys = source.keys
        self.image_shape = source.image_shape
        self.mask_size = source.mask_size
        self._images = np.empty((len(source), *source.image_shape), np.uint8)
        self._masks = np.empty((len(source), *source.mask_size), np.uint8)
        self.num_bytes = self._images.nbytes + self._masks.nbytes
        loaded = tf.data.Dataset.range(len(source)).map(source.load, tf.data.AUTOTUNE)
        try:
            for number, (image, mask) in enumerate(loaded.as_numpy_iterator()):
                self._images[number] = np.rint(image * 255.0)
                if not np.array_equal(image_decoding.unit_range(self._images[number]), image):
                    raise ValueError(
                        f"the image {source.keys[number]} has pixels that are no multiples of "
                        "1/255."
                    )
                self._masks[number] = mask
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(f"{plain_message(error)}.") from error

    def load(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mask = tf.numpy_function(lambda i: self._masks[i], [index], tf.uint8, stateful=False)
        return self.load_image(index), tf.cast(tf.ensure_shape(mask, self.mask_size), tf.int32)

    def load_image(self, index: tf.Tensor) -> tf.Tensor:
        image = tf.numpy_function(lambda i: self._images[i], [index], tf.uint8, stateful=False)
        return image_decoding.unit_range(tf.ensure_shape(image, self.image_shape))

"""What objectives share that compare an image with a whole gallery."""

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.objective import Objective
from rtml_tf.losses.pairs import euclidean_distances


class GalleryObjective(Objective):
    """An objective that compares embeddings with those of a whole gallery.

    The gallery is data of one network and not a part of the configuration: such an objective
    cannot be restored from one. A graph holds a reference to it, not a copy.

    Attributes:
        gallery: float32 `[N, D]`, the embeddings of the gallery.
    """

    def __init__(self, *, gallery: np.ndarray | tf.Tensor):
        """Takes the gallery.

        Args:
            gallery: `[N, D]`, embeddings as the network gives them.

        Raises:
            ValueError: If it is not a matrix with a row at least.
        """
        self.gallery = tf.convert_to_tensor(gallery, tf.float32)
        if self.gallery.shape.rank != 2 or self.gallery.shape[0] == 0:
            raise ValueError(
                "gallery must be a matrix [N, D] with a row for each image, got the shape "
                f"{self.gallery.shape}."
            )

    def _distances(self, embeddings: tf.Tensor) -> tf.Tensor:
        """To every image of the gallery: `[B, D]` -> `[B, N]`."""
        return euclidean_distances(embeddings, self.gallery)

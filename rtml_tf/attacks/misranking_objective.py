"""The objective that turns a ranking upside down: learning to mis-rank."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from rtml_tf.attacks.gallery_objective import GalleryObjective
from rtml_tf.attacks.objective import ObjectiveFunction
from rtml_tf.losses.pairs import masked_max


class MisrankingObjective(GalleryObjective):
    """Brings the farthest image of another class nearer than the nearest one of its own (LTM).

    With the query `q = f(x + d)`, the value that rises is
    `-[max_{other class} |q - x| - min_{same class} |q - x|]_+`: 0 where all images of other classes
    stand before all of its own. The query's own image in the gallery is left out.

    Source: Wang et al., CVPR 2020 ("Transferable, controllable, and inconspicuous adversarial
    attacks on person re-identification with deep mis-ranking"), eq. 1 without margin, as RobRank
    (Zhou et al., TPAMI 2024) uses it. A query that is the only image of its class has nothing to
    be moved away from: its value is 0.

    Reads `batch["own"]`, int `[B]`: the place of each image in the gallery.

    Attributes:
        gallery_labels: int32 `[N]`, the classes of the gallery.
    """

    def __init__(self, *, gallery: np.ndarray | tf.Tensor, gallery_labels: np.ndarray | tf.Tensor):
        """Takes the gallery.

        Args:
            gallery: `[N, D]`, embeddings as the network gives them.
            gallery_labels: int `[N]`. Labels in a batch are not read: they may be numbered in
                another way.

        Raises:
            ValueError: If the gallery is not a matrix, or the labels are not one a row.
        """
        super().__init__(gallery=gallery)
        self.gallery_labels = tf.cast(tf.convert_to_tensor(gallery_labels), tf.int32)
        if self.gallery_labels.shape != self.gallery.shape[:1]:
            raise ValueError(
                f"gallery_labels must have one entry for each of {self.gallery.shape[0]} images, "
                f"got the shape {self.gallery_labels.shape}."
            )

    def prepare(
        self,
        network: Callable[[tf.Tensor], tf.Tensor],
        batch: Mapping[str, tf.Tensor],
        *,
        seed: tf.Tensor,
    ) -> ObjectiveFunction:
        own = tf.cast(self._entry(batch, "own"), tf.int32)
        labels = tf.gather(self.gallery_labels, own)
        same_class = labels[:, tf.newaxis] == self.gallery_labels  # [B, N]
        places = tf.range(tf.size(self.gallery_labels))
        same = same_class & (own[:, tf.newaxis] != places)

        def value(embeddings: tf.Tensor) -> tf.Tensor:
            distances = self._distances(embeddings)
            farthest_other = masked_max(distances, ~same_class)
            nearest_same = -masked_max(-distances, same)
            return -tf.nn.relu(farthest_other - nearest_same)

        return value

"""The signature of a network that segments images."""

import tensorflow as tf

from rtml_tf.deployment.endpoints import Endpoints
from rtml_tf.layers.bilinear import resize_bilinear
from rtml_tf.networks.segmentation_network import check_segmentation_network


class SegmentationEndpoints(Endpoints):
    """Segments images: `segment(image)` gives `logits` and `mask`; `serving_default` is the same.

    `image` is float32 `[B, H, W, C]` in [0, 1]; `logits`, the sum of both heads at the size of the
    image, are float32 `[B, H, W, K]`, and `mask`, the class of the largest, int32 `[B, H, W]`.
    """

    signature = "segment"
    output = "logits"

    def __init__(self, *, network: tf.keras.Model, aligned_corners: bool = False):
        """Takes the network.

        Args:
            network: Images to `{"p1", "p2"}`.
            aligned_corners: How logits are resized, as in training; see `resize_bilinear`.

        Raises:
            ValueError: If it is no segmentation network.
        """
        check_segmentation_network(network)
        super().__init__(network=network)
        self._aligned_corners = aligned_corners

    def outputs(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        heads = self._compute(image)
        logits = resize_bilinear(
            heads["p1"] + heads["p2"],
            self.image_shape[:2],
            aligned_corners=self._aligned_corners,
        )
        return {"logits": logits, "mask": tf.argmax(logits, axis=-1, output_type=tf.int32)}

"""The signatures of a network that embeds images."""

import tensorflow as tf

from rtml_tf.data import image_decoding
from rtml_tf.data.image_files import checked_resize
from rtml_tf.deployment.endpoints import Endpoint, Endpoints
from rtml_tf.deployment.image_checks import checked_images
from rtml_tf.networks.checking import check_network


class EmbeddingEndpoints(Endpoints):
    """Embeds images, given as pixels or as files, and compares them.

    * `embed(image)` gives `embedding`;
    * `embed_bytes(image_bytes)` gives `embedding`: JPEG and PNG files, decoded and resized as in
      training; only for networks of grey or colour images. Files of more pixels than
      `data.image_header` allows at the export are refused before they are decoded;
    * `similarity(image_a, image_b)` gives `similarity`, the cosine of each pair;
    * `serving_default` is `embed`.

    `image`, `image_a` and `image_b` are float32 `[B, H, W, C]` in [0, 1], `image_bytes` strings
    `[B]`, `embedding` float32 `[B, D]` and `similarity` float32 `[B]`.
    """

    signature = "embed"
    output = "embedding"

    def __init__(self, *, network: tf.keras.Model, resize_to: int | tuple[int, int] | None = None):
        """Takes the network.

        Args:
            network: From `deployable.deployable_network`.
            resize_to: How files are resized before the centre is cut out, as the images of the
                training were (see `data.image_files.ImageFiles`); None is to the size of the
                network's images.

        Raises:
            ValueError: If the network does not embed, or `resize_to` leaves too little.
        """
        check_network(network)
        super().__init__(network=network)
        self._image_size = self.image_shape[:2]
        self._resize_to = checked_resize(resize_to, self._image_size)

    def outputs(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"embedding": self._compute(image)}

    def signatures(self, *, batch_size: int | None) -> dict[str, Endpoint]:
        signatures = super().signatures(batch_size=batch_size)

        def similarity(image_a: tf.Tensor, image_b: tf.Tensor) -> dict[str, tf.Tensor]:
            first, second = (
                tf.math.l2_normalize(self._compute(checked_images(images, name)), axis=-1)
                for name, images in (("image_a", image_a), ("image_b", image_b))
            )
            return {"similarity": tf.reduce_sum(first * second, axis=-1)}

        pair = {name: self._images(batch_size, name) for name in ("image_a", "image_b")}
        signatures["similarity"] = self._traced(similarity, pair)
        if self.image_shape[-1] in (1, 3):

            def embed_bytes(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
                return self.outputs(self._decoded(image_bytes))

            contents = tf.TensorSpec([batch_size], tf.string, "image_bytes")
            signatures["embed_bytes"] = self._traced(embed_bytes, {"image_bytes": contents})
        return signatures

    def _decoded(self, contents: tf.Tensor) -> tf.Tensor:
        """Decodes strings `[B]` as `data.image_files.ImageFiles` does, to `[B, *image_shape]`."""

        def decoded(content: tf.Tensor) -> tf.Tensor:
            image = image_decoding.decode_jpeg_or_png(content, self.image_shape[-1])
            image = image_decoding.fit_image(image, self._resize_to, self._image_size)
            return image_decoding.unit_range(image)

        signature = tf.TensorSpec(self.image_shape, tf.float32)
        return tf.map_fn(decoded, contents, fn_output_signature=signature)

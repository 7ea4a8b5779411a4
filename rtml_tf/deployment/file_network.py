"""An exported file that evaluations can take for a network."""

import abc

import numpy as np
import tensorflow as tf


class FileNetwork(abc.ABC):
    """Images in, outputs out, computed by a file.

    It has what evaluations need of a network: it is called with a batch of any size, eagerly or in
    a graph, and knows its input shape. It has no gradient; attacks need a surrogate.

    Attributes:
        name: The name of the file.
        input_shape: `(None, height, width, channels)`.
        output_shape: `(None, ...)`, for embeddings `(None, D)`.
        batch_size: The only number of images that the file takes at once; None for any.
    """

    name: str
    input_shape: tuple[int | None, ...]
    output_shape: tuple[int | None, ...]
    batch_size: int | None

    @abc.abstractmethod
    def run(self, images: np.ndarray) -> np.ndarray:
        """Runs the file once.

        Args:
            images: float32 `[B, H, W, C]` in [0, 1]; `batch_size` of them, if that is set.

        Returns:
            float32 `[B, ...]`.
        """

    def __call__(self, images: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Embeds images, batch by batch.

        Args:
            images: float32 `[N, H, W, C]` in [0, 1], `N` at least 1.
            training: A file has no training mode.

        Returns:
            float32 `[N, ...]`.

        Raises:
            ValueError: If `training` is true, or the images have another shape, another type, or
                pixels outside of [0, 1]; a `tf.errors.InvalidArgumentError` in a graph.
        """
        if training:
            raise ValueError(f"{self.name} cannot be trained, got training=True.")
        if isinstance(images, np.ndarray) or tf.executing_eagerly():
            return tf.constant(self._run_all(np.asarray(images)))
        return tf.ensure_shape(self.in_graph(images), self.output_shape)

    def in_graph(self, images: tf.Tensor) -> tf.Tensor:
        """What a call becomes in a graph: float32 `[N, H, W, C]` to `[N, ...]`."""
        return tf.numpy_function(self._run_all, [images], tf.float32)

    def _run_all(self, images: np.ndarray) -> np.ndarray:
        self._check(images)
        size = self.batch_size or len(images)
        # The last batch is filled up with copies of the last image.
        missing = -len(images) % size
        filled = np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])
        outputs = [self.run(filled[i : i + size]) for i in range(0, len(filled), size)]
        return np.concatenate(outputs)[: len(images)]

    def _check(self, images: np.ndarray) -> None:
        if (
            images.shape[1:] != self.input_shape[1:]
            or images.dtype != np.float32
            or not len(images)
        ):
            raise ValueError(
                f"{self.name} takes float32 images [N, {', '.join(map(str, self.input_shape[1:]))}]"
                f", got {images.dtype} {list(images.shape)}."
            )
        if not (images.min() >= 0.0 and images.max() <= 1.0):
            raise ValueError(
                f"{self.name} takes images in [0, 1], got values from {images.min():g} to "
                f"{images.max():g}."
            )

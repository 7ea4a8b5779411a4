"""A SavedModel that evaluations can take for a network."""

import os
import pathlib

import numpy as np
import tensorflow as tf

from rtml_tf.deployment.file_network import FileNetwork


class SavedModelNetwork(FileNetwork):
    """Runs one signature of a SavedModel of one's own.

    A SavedModel is code: load none that you do not trust.

    Attributes:
        signature: The name of the signature.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        signature: str = "embed",
        output: str = "embedding",
    ):
        """Loads the folder.

        Args:
            path: The folder.
            signature: A signature of one input, "image".
            output: The output that counts.

        Raises:
            ValueError: If there is no SavedModel, or it has no such signature or output.
        """
        self.name = pathlib.Path(path).name
        self.signature, self._output = signature, output
        try:
            self._saved_model = tf.saved_model.load(str(path))
        except OSError as error:
            raise ValueError(f"{str(path)!r} is no SavedModel: {error}") from error
        signatures = self._saved_model.signatures
        if signature not in signatures or output not in signatures[signature].structured_outputs:
            raise ValueError(
                f"{str(path)!r} must have a signature {signature!r} with an output {output!r}, got "
                f"{ {name: list(s.structured_outputs) for name, s in signatures.items()} }."
            )
        self._function = signatures[signature]
        batch_size, *shape = self._function.structured_input_signature[1]["image"].shape
        self.batch_size = batch_size
        self.input_shape = (None, *shape)
        self.output_shape = (None, *self._function.structured_outputs[output].shape[1:])

    def run(self, images: np.ndarray) -> np.ndarray:
        return self._function(image=tf.constant(images))[self._output].numpy()

    def in_graph(self, images: tf.Tensor) -> tf.Tensor:
        # Called through Python, as other files are, a function of TensorFlow would wait for a
        # thread that waits for it, where there is only one.
        if self.batch_size is None:
            return self._function(image=images)[self._output]
        number = tf.shape(images)[0]
        filling = tf.repeat(images[-1:], -number % self.batch_size, axis=0)
        batches = tf.reshape(
            tf.concat([images, filling], axis=0), [-1, self.batch_size, *self.input_shape[1:]]
        )
        outputs = tf.map_fn(
            lambda batch: self._function(image=batch)[self._output],
            batches,
            fn_output_signature=tf.TensorSpec([self.batch_size, *self.output_shape[1:]]),
        )
        return tf.reshape(outputs, [-1, *self.output_shape[1:]])[:number]

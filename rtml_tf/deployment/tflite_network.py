"""A TFLite file that evaluations can take for a network."""

import os
import pathlib
import struct

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from rtml_tf.deployment.file_network import FileNetwork


class TFLiteNetwork(FileNetwork):
    """Runs a file by the TFLite interpreter.

    Files with integer inputs and outputs are handed quantised images, and their outputs are turned
    back into real numbers, as an application on a phone does it. What a file calls an embedding
    then has length 1 up to rounding only.

    Attributes:
        signature: The name of the file's signature.
        output: The name of the output that counts.
        input_details: What the interpreter says of the input: "dtype", "quantization", ...
        output_details: The same of `output`.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, output: str = "embedding", threads: int | None = None
    ):
        """Loads the file.

        Args:
            path: The file, with one signature of one input.
            output: The output that counts.
            threads: Threads of the interpreter; None leaves the choice to it.

        Raises:
            ValueError: If it is no TFLite file, or has no such output.
        """
        self.name = pathlib.Path(path).name
        try:
            content = pathlib.Path(path).read_bytes()
            _check_whole(content)
            self._interpreter = tf.lite.Interpreter(model_content=content, num_threads=threads)
        except (OSError, ValueError) as error:
            raise ValueError(f"{str(path)!r} is no TFLite file: {error}") from error
        signatures = self._interpreter.get_signature_list()
        outputs = {name: s["outputs"] for name, s in signatures.items()}
        if len(signatures) != 1 or output not in next(iter(outputs.values())):
            raise ValueError(
                f"{str(path)!r} must have one signature with an output {output!r}, got {outputs}."
            )
        (self.signature,) = signatures
        (input_name,) = signatures[self.signature]["inputs"]
        self._runner = self._interpreter.get_signature_runner(self.signature)
        self._input_name, self.output = input_name, output
        self.input_details = self._runner.get_input_details()[input_name]
        self.output_details = self._runner.get_output_details()[output]
        batch_size, *shape = self.input_details["shape_signature"].tolist()
        self.batch_size = None if batch_size == -1 else batch_size
        self.input_shape = (None, *shape)
        self.output_shape = (None, *self.output_details["shape_signature"].tolist()[1:])

    def run(self, images: np.ndarray) -> np.ndarray:
        outputs = self._runner(**{self._input_name: self._quantized(images)})
        return self._real(outputs[self.output])

    def _quantized(self, images: np.ndarray) -> np.ndarray:
        scale, zero_point = self.input_details["quantization"]
        dtype = self.input_details["dtype"]
        if dtype == np.float32:
            return images
        limits = np.iinfo(dtype)
        levels = np.rint(images / np.float32(scale)) + zero_point
        return np.clip(levels, limits.min, limits.max).astype(dtype)

    def _real(self, outputs: np.ndarray) -> np.ndarray:
        if outputs.dtype == np.float32:
            return outputs
        scale, zero_point = self.output_details["quantization"]
        return (outputs.astype(np.float32) - zero_point) * np.float32(scale)


def _check_whole(content: bytes) -> None:
    """Refuses a file that lacks something it refers to, with a `ValueError`.

    The interpreter does not look where the file ends: a truncated one ends the whole process.
    """
    if len(content) < 8 or not schema.Model.ModelBufferHasIdentifier(content, 0):
        raise ValueError("it does not begin as one.")
    try:
        schema.ModelT.InitFromPackedBuf(content, 0)
    except (IndexError, TypeError, ValueError, struct.error) as error:
        raise ValueError(f"it is truncated or damaged ({error}).") from error

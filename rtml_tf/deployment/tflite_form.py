"""Networks as TFLite files, for phones."""

import abc
import pathlib
import re
import tempfile
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf

from rtml_tf.deployment.checked_batch_size import checked_batch_size
from rtml_tf.deployment.endpoints import Endpoints, operations
from rtml_tf.deployment.form import Form
from rtml_tf.deployment.model_metadata import FIGURES_FILE, LABELS_FILE
from rtml_tf.deployment.network_description import NetworkDescription
from rtml_tf.deployment.packed_metadata import append_files, described
from rtml_tf.deployment.quiet import quiet
from rtml_tf.deployment.tflite_network import TFLiteNetwork
from rtml_tf.runs.run_folder import json_text


class TFLiteForm(Form):
    """A file for the TFLite (LiteRT) interpreter with one signature, of images.

    The file checks nothing: pixels outside of [0, 1] give an embedding like any others.

    A subclass says how numbers are stored and computed with.

    Attributes:
        impossible: Kinds of operations of TensorFlow that are converted, but do not run.
    """

    suffix = ".tflite"
    threads = True
    impossible: frozenset[str] = frozenset()

    def __init__(self, *, batch_size: int | None = 1, select_ops: bool = False):
        """Sets what every file has.

        Args:
            batch_size: Images at once; None for any number, which is slower.
            select_ops: Whether operations that TFLite does not have may come from TensorFlow
                (Select TF ops). An application must then be built with that library, which is many
                times as large as the interpreter.

        Raises:
            ValueError: If `batch_size` is below 1.
        """
        self._batch_size = checked_batch_size(batch_size)
        self._select_ops = select_ops

    def write(self, endpoints: Endpoints, path: pathlib.Path, examples: np.ndarray) -> None:
        endpoint = endpoints.for_images(self._batch_size)
        impossible = operations(endpoint, self.impossible)
        if impossible:
            raise ValueError(
                f"The network cannot be computed in the integers of {path.name}, because of "
                f"{', '.join(impossible)}. Choose another form, such as DynamicRange."
            )
        with tempfile.TemporaryDirectory() as folder, quiet():
            # By way of a SavedModel, because only so a signature keeps its name.
            tf.saved_model.save(endpoints, folder, signatures={endpoints.signature: endpoint})
            converter = tf.lite.TFLiteConverter.from_saved_model(
                folder, signature_keys=[endpoints.signature]
            )
            self.configure(converter, _Representative(examples, self._batch_size or 1))
            if self._select_ops:
                allowed = {*converter.target_spec.supported_ops, tf.lite.OpsSet.SELECT_TF_OPS}
                converter.target_spec.supported_ops = allowed
            try:
                content = converter.convert()
            except Exception as error:  # The converter has no common class of its errors.
                raise ValueError(
                    f"The network cannot be converted to {path.name}: {_reason(str(error))}"
                ) from error
        path.write_bytes(content)

    @abc.abstractmethod
    def configure(
        self, converter: tf.lite.TFLiteConverter, representative: "_Representative"
    ) -> None:
        """Sets up a conversion.

        Args:
            converter: Has the defaults of TensorFlow: float32.
            representative: Gives example inputs when called, as `representative_dataset`.
        """

    def add_description(self, path: pathlib.Path, description: NetworkDescription) -> None:
        """In the way of TensorFlow Lite Support, see `model_metadata`."""
        path.write_bytes(described(path.read_bytes(), description))

    def add_metadata(self, path: pathlib.Path, metadata: Mapping) -> None:
        """As files that the description names, behind what the interpreter reads."""
        files = {FIGURES_FILE: json_text(metadata)}
        if metadata["labels"]:
            files[LABELS_FILE] = "\n".join(metadata["labels"]) + "\n"
        append_files(path, files)

    def load(
        self, endpoints: Endpoints | type[Endpoints], path: pathlib.Path, threads: int | None = None
    ) -> TFLiteNetwork:
        return TFLiteNetwork(path, output=endpoints.output, threads=threads)

    def describe(self, network: TFLiteNetwork) -> dict:
        """Also the types of input and output, and how their integers stand for real numbers."""
        description = super().describe(network)
        description["input"] |= _numbers(network.input_details)
        description["output"] = {
            "name": network.output,
            "shape": list(network.output_shape[1:]),
            **_numbers(network.output_details),
        }
        return description


class _Representative:
    """Batches of examples by the name of the input, as the converter asks for them."""

    def __init__(self, examples: np.ndarray, batch_size: int):
        self._examples, self._batch_size = examples, batch_size

    def __call__(self) -> Iterator[dict[str, np.ndarray]]:
        size = self._batch_size
        for start in range(0, len(self._examples) - size + 1, size):
            yield {"image": self._examples[start : start + size]}


def _numbers(details: dict) -> dict:
    description = {"dtype": np.dtype(details["dtype"]).name}
    if description["dtype"] != "float32":
        scale, zero_point = details["quantization"]
        description["quantization"] = {"scale": float(scale), "zero_point": int(zero_point)}
    return description


def _reason(message: str) -> str:
    """The operations that the converter's message is about, or its first line."""
    missing = {
        kind: re.findall(rf"^{kind} ops: (.*)$", message, re.MULTILINE)
        for kind in ("TF Select", "Custom")
    }
    if missing["Custom"]:
        return (
            f"TFLite has {', '.join(missing['Custom'])} neither built in nor from TensorFlow. "
            "Replace the layer that uses it."
        )
    if missing["TF Select"]:
        return (
            f"TFLite has no built-in operation for {', '.join(missing['TF Select'])}. Replace the "
            "layer that uses it, or allow select_ops=True."
        )
    return message.strip().splitlines()[0] if message.strip() else "the converter does not say why."

"""One endpoint of a SavedModel as a layer."""

import os
from typing import Any

import tensorflow as tf


class SavedModelEndpoint(tf.keras.layers.Layer):
    """Calls a signature of a SavedModel that has one input and one output.

    The layer is not trained, and it is not one that a network file may hold: it names a folder
    whose content is code. A SavedModel can do whatever TensorFlow can, such as reading and writing
    files; use none that you do not trust.

    Attributes:
        path: The folder.
        endpoint: The name of the signature.
        input_spec_of_endpoint: `tf.TensorSpec` of the input, batch dimension included.
    """

    def __init__(
        self,
        *,
        path: str | os.PathLike[str],
        endpoint: str = "serving_default",
        name: str | None = None,
    ):
        """Loads the SavedModel.

        Raises:
            ValueError: If there is none, or no such endpoint with one input and one output.
        """
        super().__init__(name=name, trainable=False, dtype="float32")
        self.path, self.endpoint = str(path), endpoint
        try:
            self._saved_model = tf.saved_model.load(self.path)
        except OSError as error:
            raise ValueError(f"path must be the folder of a SavedModel, got {path!r}.") from error
        signatures = self._saved_model.signatures
        if endpoint not in signatures:
            raise ValueError(
                f"The SavedModel {self.path} has no endpoint {endpoint!r}. It has: "
                f"{', '.join(sorted(signatures)) or 'none'}."
            )
        self._signature = signatures[endpoint]
        # Keras counts the variables that it finds in attributes as the layer's weights.
        self._variables = list(self._signature.variables)
        inputs = self._signature.structured_input_signature[1]
        outputs = self._signature.structured_outputs
        if len(inputs) != 1 or len(outputs) != 1:
            raise ValueError(
                f"The endpoint {endpoint!r} of the SavedModel {self.path} must have one input and "
                f"one output, got inputs {sorted(inputs)} and outputs {sorted(outputs)}."
            )
        ((self._input_name, self.input_spec_of_endpoint),) = inputs.items()

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        (outputs,) = self._signature(**{self._input_name: inputs}).values()
        return outputs

    def get_config(self) -> dict[str, Any]:
        return {"path": self.path, "endpoint": self.endpoint, "name": self.name}

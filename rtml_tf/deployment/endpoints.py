"""What an exported network can be called as."""

import abc
from collections.abc import Callable, Collection, Mapping

import tensorflow as tf

from rtml_tf.deployment.image_checks import checked_images

Endpoint = tf.types.experimental.ConcreteFunction
# They call Python code of this process, which no file holds.
_PYTHON_OPERATIONS = {"EagerPyFunc", "PyFunc", "PyFuncStateless"}


class Endpoints(tf.Module, abc.ABC):
    """The signatures of a network, as graphs that need nothing but TensorFlow.

    The module tracks the weights and not the layers of the network: a SavedModel of it holds no
    Keras object.

    Attributes:
        signature: Name of the signature of images, the only one that a TFLite file has.
        output: Name of its first output.
        image_shape: `(height, width, channels)`.
    """

    signature: str
    output: str

    def __init__(self, *, network: tf.keras.Model):
        """Takes the network.

        Args:
            network: From `deployable.deployable_network`.
        """
        super().__init__(name="endpoints")
        self.image_shape = tuple(network.input_shape[1:])
        self._weights = network.weights
        # Captured by the graphs, and not an attribute: it would be saved as a Keras object.
        self._compute = lambda images: network(images, training=False)

    @abc.abstractmethod
    def outputs(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """The outputs of `signature`, by name.

        Args:
            image: float32 `[B, *image_shape]` in [0, 1].
        """

    def for_images(self, batch_size: int | None) -> Endpoint:
        """The signature of images alone, without checks.

        Args:
            batch_size: `B` of the input "image"; None for any.
        """
        return self._traced(self.outputs, {"image": self._images(batch_size, "image")})

    def signatures(self, *, batch_size: int | None) -> dict[str, Endpoint]:
        """All signatures, each of which checks what it is given.

        `serving_default`, what servers call where no name is given, is the one of images.

        Args:
            batch_size: `B` of every input; None for any.
        """

        def checked(image: tf.Tensor) -> dict[str, tf.Tensor]:
            return self.outputs(checked_images(image, "image"))

        traced = self._traced(checked, {"image": self._images(batch_size, "image")})
        return {self.signature: traced, "serving_default": traced}

    def _images(self, batch_size: int | None, name: str) -> tf.TensorSpec:
        return tf.TensorSpec([batch_size, *self.image_shape], tf.float32, name)

    def _traced(
        self, function: Callable[..., Mapping], inputs: Mapping[str, tf.TensorSpec]
    ) -> Endpoint:
        """Traces a function of tensors, called by name.

        Raises:
            ValueError: If its graph calls Python.
        """
        traced = tf.function(function, autograph=False).get_concrete_function(**inputs)
        calls = operations(traced, _PYTHON_OPERATIONS)
        if calls:
            raise ValueError(
                f"The network calls Python functions, which cannot be exported: {', '.join(calls)}."
            )
        return traced


def operations(endpoint: Endpoint, kinds: Collection[str]) -> list[str]:
    """Names of the operations of some kinds in a graph and in all functions that it calls."""
    definition = endpoint.graph.as_graph_def()
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    return sorted({node.name for node in nodes if node.op in kinds})

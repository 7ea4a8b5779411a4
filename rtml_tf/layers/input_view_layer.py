"""A view of images as the first layer of a network."""

from typing import Any

import tensorflow as tf

from rtml_tf.data.image_view import ImageView
from rtml_tf.data.input_view import InputView
from rtml_tf.data.local_binary_patterns import LocalBinaryPatterns

# The views of this package: known by being imported when a network is loaded.
_VIEWS = (ImageView, LocalBinaryPatterns)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class InputViewLayer(tf.keras.layers.Layer):
    """Takes a view of images inside of a network, so that the network reads pixels.

    The layer has no weights and is float32 whatever the global dtype policy says.

    Call arguments:
        images: `[B, H, W, C]`, values in [0, 1].

    Call returns:
        float32, the view: `[B, H', W', C']` or `[B, F]`.

    Attributes:
        view: The view.
    """

    def __init__(self, *, view: InputView, dtype: Any = "float32", **kwargs: Any):
        """Creates the layer.

        Args:
            view: What is taken.
            dtype: The dtype or policy of the layer.
            **kwargs: Arguments of `tf.keras.layers.Layer`.

        Raises:
            ValueError: If `view` is not an `InputView`; when built, if it does not fit the images.
        """
        super().__init__(dtype=dtype, **kwargs)
        if not isinstance(view, InputView):
            raise ValueError(f"view must be an InputView, got {view!r}.")
        self.view = view

    def call(self, images: tf.Tensor) -> tf.Tensor:
        return self.view(images)

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        batch, *image_shape = tf.TensorShape(input_shape)
        return tf.TensorShape([batch, *self.view.output_shape(tuple(image_shape))])

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"view": tf.keras.utils.serialize_keras_object(self.view)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "InputViewLayer":
        view = tf.keras.utils.deserialize_keras_object(config["view"])
        return cls(**(config | {"view": view}))

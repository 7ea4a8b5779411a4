"""Keras preprocessing layers as a step of a pipeline."""

from typing import Any

import tensorflow as tf

from rtml_tf.data.augmentation_base import Augmentation

# What to use in place of a layer that draws its own random numbers.
_EQUIVALENTS = {
    "RandomBrightness": "RandomBrightness",
    "RandomContrast": "RandomContrast",
    "RandomCrop": "RandomCrop",
    "RandomFlip": "RandomFlip",
    "RandomHeight": "RandomResizedCrop",
    "RandomRotation": "RandomRotation",
    "RandomTranslation": "RandomTranslation",
    "RandomWidth": "RandomResizedCrop",
    "RandomZoom": "RandomResizedCrop",
}
# Interpolation may overshoot by rounding errors; anything more is a mistake in the configuration.
_TOLERANCE = 1e-3


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class KerasPreprocessing(Augmentation):
    """Applies a deterministic Keras layer, such as `Resizing`, `CenterCrop` or `Rescaling`.

    Attributes:
        layer: The layer.
    """

    def __init__(self, *, layer: tf.keras.layers.Layer):
        """Takes the layer.

        Args:
            layer: A layer, or a `tf.keras.Sequential` of layers, from images `[1, H, W, C]` in
                [0, 1] to images `[1, H', W', C']` in [0, 1]. When values leave [0, 1], the pipeline
                stops with `tf.errors.InvalidArgumentError`.

        Raises:
            ValueError: If the layer, or a layer within it, has a random state of its own: what it
                draws depends on what it drew before, so that a resumed run could not repeat it. Or
                if it computes in another type than float32, which would round the pixels: a layer
                takes the global policy, unless its `dtype` says otherwise.
        """
        if not isinstance(layer, tf.keras.layers.Layer):
            raise ValueError(f"layer must be a tf.keras layer, got {layer!r}.")
        for part in (layer, *layer.submodules):
            if isinstance(part, tf.keras.__internal__.layers.BaseRandomLayer):
                name = type(part).__name__
                equivalent = _EQUIVALENTS.get(name)
                advice = (
                    f"Use rtml_tf.data.augmentation.{equivalent} instead"
                    if equivalent
                    else "Write an rtml_tf.data.augmentation.Augmentation instead"
                )
                raise ValueError(
                    f"layer must be deterministic, got {name}, which draws random numbers from a "
                    f"state of its own that a resumed run cannot repeat. {advice}."
                )
            # A sequence hands its input on as it is and takes no dtype.
            computes = isinstance(part, tf.keras.layers.Layer)
            computes = computes and not isinstance(part, tf.keras.Sequential)
            if computes and part.compute_dtype != "float32":
                raise ValueError(
                    f"layer must compute in float32, got {type(part).__name__}, which computes in "
                    f"{part.compute_dtype}. Give it dtype='float32'."
                )
        self.layer = layer

    def __call__(self, image: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        image = self.layer(image[tf.newaxis], training=False)[0]
        inside = (tf.reduce_min(image) >= -_TOLERANCE) & (tf.reduce_max(image) <= 1 + _TOLERANCE)
        message = [f"The layer {self.layer.name} must keep images in [0, 1], but left it:"]
        extremes = [tf.reduce_min(image), tf.reduce_max(image)]
        with tf.control_dependencies([tf.debugging.Assert(inside, message + extremes)]):
            return tf.clip_by_value(image, 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        return {"layer": tf.keras.layers.serialize(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "KerasPreprocessing":
        return cls(layer=tf.keras.layers.deserialize(config["layer"]))

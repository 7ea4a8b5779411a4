"""How the configuration of a model holds the objects that the model is made of."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf


def serialized(value: Any) -> Any:
    """What a configuration holds for a number, None, or an object that Keras serialises."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return tf.keras.utils.serialize_keras_object(value)


def arguments_from(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The constructor's arguments that a configuration holds.

    Args:
        config: Values as they are, objects `serialized`, alone or in a dict by name.
        custom_objects: As for Keras's `deserialize_keras_object`.
    """
    deserialize = tf.keras.utils.deserialize_keras_object
    return {
        name: deserialize(value, custom_objects=custom_objects)
        if isinstance(value, dict)
        else value
        for name, value in config.items()
    }

"""What a saved network may be made of, checked before anything of it is built."""

import importlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

# "keras", or "tf_keras" where that is what `tf.keras` stands for.
_KERAS = tf.keras.layers.Layer.__module__.split(".")[0]
_APPLICATIONS = f"{_KERAS}.src.applications"
_MODULES = (
    "keras",
    "keras.constraints",
    "keras.initializers",
    "keras.layers",
    "keras.mixed_precision",
    "keras.regularizers",
    f"{_KERAS}.src.engine",
    f"{_KERAS}.src.layers",
    _APPLICATIONS,
)
# They hold Python code, or name something outside the file that does.
_REFUSED_CLASSES = {"Lambda", "__lambda__", "ClassMethod", "TFSMLayer"}
# What `tf.` functions applied to Keras tensors may be: no files, no Python callbacks.
_FUNCTIONS = ("__operators__.", "math.", "nn.", "linalg.")


def check_config(config: Any) -> dict[str, type]:
    """Checks the configuration of a saved network without building anything.

    Keras imports whatever module a file names, in its safe mode too. So every object in the file
    must be a class of Keras or one that is registered with
    `tf.keras.utils.register_keras_serializable` in this process.

    Args:
        config: The parsed `config.json` of a `.keras` file.

    Returns:
        The classes of `tf.keras.applications` in it, by name, which Keras must be handed as
        custom objects (it does not find the layers of ConvNeXt by itself).

    Raises:
        ValueError: If the file contains a Lambda layer or something else that could run code from
            it, or an unknown class.
    """
    application_classes = {}
    for entry in _objects(config):
        name, module = entry["class_name"], entry.get("module")
        names = {name, entry.get("registered_name")}
        refused = names & _REFUSED_CLASSES
        if refused:
            raise ValueError(
                f"it contains a {refused.pop().strip('_')}, which could run code from the file."
            )
        if name == "function":
            _check_activation(entry)
            continue
        registered = tf.keras.utils.get_registered_object(entry.get("registered_name") or name)
        if registered is None and not _of_keras(module):
            raise ValueError(
                f"it contains the unknown class {module}.{name}; import the module that registers "
                "it before loading, if you trust it."
            )
        if "TFOpLambda" in names and not str(entry["config"]["function"]).startswith(_FUNCTIONS):
            raise ValueError(
                f"it calls tf.{entry['config']['function']}, which a saved network may not."
            )
        if module and module.startswith(_APPLICATIONS):
            application_classes[name] = getattr(importlib.import_module(module), name)
    return application_classes


def _check_activation(entry: dict[str, Any]) -> None:
    """Raises an error unless a serialised function is one of Keras's activations."""
    known = entry.get("module") in (None, "builtins", "keras.activations")
    if not known or not hasattr(tf.keras.activations, str(entry["config"])):
        raise ValueError(
            f"it refers to the function {entry.get('module')}.{entry['config']}, which is not an "
            "activation of Keras."
        )


def _of_keras(module: str | None) -> bool:
    """Says whether a module is one of Keras's with harmless classes (None: Keras looks it up)."""
    return module is None or any(
        module == allowed or (".src." in allowed and module.startswith(allowed + "."))
        for allowed in _MODULES
    )


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Yields every serialised object in a nested configuration."""
    if isinstance(config, dict):
        if "class_name" in config and "config" in config:
            yield config
        config = list(config.values())
    if isinstance(config, list):
        for value in config:
            yield from _objects(value)

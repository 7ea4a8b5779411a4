"""An environment of NumPy, Pillow and a TFLite interpreter, without TensorFlow."""

import os
import pathlib

import numpy as np
import PIL
import tensorflow as tf

# The package tflite-runtime is these two files of TensorFlow ...
_RUNTIME = (
    "interpreter.py",
    "interpreter_wrapper/_pywrap_tensorflow_interpreter_wrapper.so",
)
# ... and one that counts uses, in place of which stands this.
_METRICS = """
class TFLiteMetrics:
    def increase_counter_interpreter_creation(self):
        pass
"""


def clean_environment(folder: pathlib.Path) -> tuple[list[str], dict[str, str]]:
    """Makes the environment.

    Args:
        folder: Is made.

    Returns:
        The options of a Python that runs in it, and its environment variables.
    """
    runtime = folder / "tflite_runtime"
    runtime.mkdir(parents=True)
    (runtime / "__init__.py").touch()
    (runtime / "metrics_portable.py").write_text(_METRICS, encoding="ascii")
    tensorflow = pathlib.Path(tf.__file__).parent
    for file in _RUNTIME:
        (runtime / pathlib.Path(file).name).symlink_to(tensorflow / "lite" / "python" / file)
    for name, package in (("numpy", np), ("pillow", PIL)):
        installed = pathlib.Path(package.__file__).parent
        (folder / installed.name).symlink_to(installed)
        libraries = installed.with_name(f"{name}.libs")
        if libraries.exists():
            (folder / libraries.name).symlink_to(libraries)
    # -S: without the packages that are installed; -P: without the folder of the script.
    return ["-S", "-P"], {"PYTHONPATH": str(folder), "LD_LIBRARY_PATH": os.fspath(tensorflow)}

"""Finding a network that was trained before, to learn from it or to go on from it."""

import os
import pathlib

import tensorflow as tf

from rtml_tf.layers.saved_model_endpoint import SavedModelEndpoint
from rtml_tf.networks.checking import check_network
from rtml_tf.networks.saving import load_network

# In a run folder; a run that has begun has a configuration, one that is finished has figures.
_IN_RUN_FOLDER, _CONFIG, _FIGURES = "network.keras", "config.gin", "metrics.json"


def load_teacher(
    *, path: str | os.PathLike[str], endpoint: str = "serving_default"
) -> tf.keras.Model:
    """Loads a finished network from wherever it was left.

    Args:
        path: A run folder, a `.keras` file, or the folder of a SavedModel (of one that you trust,
            see `SavedModelEndpoint`). A leading `~` is the home folder.
        endpoint: The signature of a SavedModel that embeds; not used otherwise.

    Returns:
        The network: images or descriptors in, float32 embeddings `[B, D]` out. Of a SavedModel
        no weight can be trained.

    Raises:
        ValueError: If there is no network at `path`, it is none that embeds, or its run is not
            finished.
    """
    path = pathlib.Path(path).expanduser()
    if (path / _IN_RUN_FOLDER).is_file():
        _check_finished(path)
        network = load_network(path / _IN_RUN_FOLDER)
    elif (path / "saved_model.pb").is_file():
        network = _saved_model_network(path, endpoint)
    elif path.is_file():
        network = load_network(path)
    else:
        raise ValueError(
            "path must be the folder of a finished run, a .keras file or the folder of a "
            f"SavedModel, {_what_is_there(path)}"
        )
    check_network(network)
    return network


def _check_finished(path: pathlib.Path) -> None:
    if (path / _CONFIG).exists() and not (path / _FIGURES).exists():
        raise ValueError(
            f"the run in {str(path)!r} is not finished: its network is the best one so far. Finish "
            f"it, or give {str(path / _IN_RUN_FOLDER)!r} to take the network as it is now."
        )


def _saved_model_network(path: pathlib.Path, endpoint: str) -> tf.keras.Model:
    layer = SavedModelEndpoint(path=path, endpoint=endpoint, name="saved_model")
    batch_size, *shape = layer.input_spec_of_endpoint.shape
    image = tf.keras.Input(
        shape, batch_size=batch_size, dtype=layer.input_spec_of_endpoint.dtype, name="image"
    )
    return tf.keras.Model(image, layer(image), name="saved_model_network")


def _what_is_there(path: pathlib.Path) -> str:
    """The end of a sentence about a path where no network is."""
    if not path.exists():
        return f"but {str(path)!r} does not exist."
    stages = sorted(file.parent.name for file in path.glob(f"*/{_IN_RUN_FOLDER}"))
    if stages:
        return f"but {str(path)!r} has stages; choose the folder of one: {', '.join(stages)}."
    return f"but {str(path)!r} holds none of these."

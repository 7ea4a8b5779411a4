"""Saving a network as a file, and loading it, without surprises."""

import json
import os
import pathlib
import zipfile

import tensorflow as tf

from rtml_tf.layers.channel_shuffle import ChannelShuffle
from rtml_tf.layers.channel_split import ChannelSplit
from rtml_tf.layers.frozen_batch_norm import (
    FrozenAffineBatchNormalization,
    FrozenStatisticsBatchNormalization,
)
from rtml_tf.layers.generalized_mean_pooling import GeneralizedMeanPooling
from rtml_tf.layers.gradient_reversal import GradientReversal
from rtml_tf.layers.grouped_convolution import GroupedConv2D
from rtml_tf.layers.input_view_layer import InputViewLayer
from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.layers.multi_batch_norm import MultiBatchNormalization
from rtml_tf.layers.pixel_normalization import PixelNormalization
from rtml_tf.layers.standardization import Standardization
from rtml_tf.networks.saved_config import check_config
from rtml_tf.whole_file import whole_file

# The layers that networks of this package are made of: known by being imported.
_LAYERS = (
    ChannelShuffle,
    ChannelSplit,
    FrozenAffineBatchNormalization,
    FrozenStatisticsBatchNormalization,
    GeneralizedMeanPooling,
    GradientReversal,
    GroupedConv2D,
    InputViewLayer,
    L2Normalization,
    MultiBatchNormalization,
    PixelNormalization,
    Standardization,
)
_MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}
# Keras packs without compression; what swells more than this many times was made to fill memory.
_MOST_COMPRESSION = 20


def save_network(network: tf.keras.Model, path: str | os.PathLike) -> None:
    """Writes a network to a `.keras` file (Keras v3 format), whole or not at all.

    Whoever reads `path`, at any moment, finds the old file or the new one (see `whole_file`).

    Args:
        network: A functional Keras network.
        path: The file; its folder is made if it does not exist.

    Raises:
        ValueError: If `path` does not end in `.keras`.
    """
    path = pathlib.Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"path must end in .keras, got {str(path)!r}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as aside:
        network.save(aside, save_format="keras")


def check_loadable(network: tf.keras.Model) -> None:
    """Refuses a network that `save_network` would write but `load_network` not read again.

    Raises:
        ValueError: If it consists of something that `check_config` refuses; names it.
    """
    try:
        check_config(json.loads(json.dumps(tf.keras.saving.serialize_keras_object(network))))
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"The network {network.name!r} could be saved but not loaded again: {error} Own layers "
            "take the place of what is not allowed, registered with "
            "tf.keras.utils.register_keras_serializable."
        ) from error


def load_network(path: str | os.PathLike) -> tf.keras.Model:
    """Loads a network from a `.keras` file, not compiled.

    Nothing in the file is run: what it consists of is checked first (`check_config`), and it is
    loaded in the safe mode of Keras. Own layers outside this package must be imported by the
    caller, registered with `tf.keras.utils.register_keras_serializable`.

    Args:
        path: The file.

    Returns:
        The network, with the dtype policies that it was saved with.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not a Keras v3 file, is damaged, or contains a Lambda layer or
            an unknown class.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no network file {str(path)!r}.")
    config = _read_config(path)
    try:
        with tf.keras.utils.custom_object_scope(check_config(config)):
            return tf.keras.models.load_model(path, compile=False, safe_mode=True)
    except (AttributeError, IndexError, KeyError, OSError, TypeError, ValueError) as error:
        raise ValueError(f"The network file {str(path)!r} cannot be loaded: {error}") from error


def _read_config(path: pathlib.Path) -> dict:
    """Returns the configuration of a network file whose every byte is as it was written."""
    try:
        with zipfile.ZipFile(path) as archive:
            missing = _MEMBERS - set(archive.namelist())
            if missing:
                raise ValueError(
                    f"The file {str(path)!r} is not a Keras v3 network: it has no "
                    f"{', '.join(sorted(missing))}."
                )
            _check_members(path, archive)
            damaged = archive.testzip()
            if damaged:
                raise ValueError(f"The network file {str(path)!r} is damaged in {damaged}.")
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, json.JSONDecodeError) as error:
        raise ValueError(
            f"The file {str(path)!r} is not a Keras v3 network, or is truncated: {error}"
        ) from error
    # How the network was compiled is not loaded, so it need not be known here.
    return {key: value for key, value in config.items() if key != "compile_config"}


def _check_members(path: pathlib.Path, archive: zipfile.ZipFile) -> None:
    """Refuses an archive that would be written elsewhere, or would fill the disk, when unpacked."""
    others = sorted(set(archive.namelist()) - _MEMBERS)
    if others:
        raise ValueError(
            f"The file {str(path)!r} is not a Keras v3 network: it holds {', '.join(others[:5])}, "
            f"expected nothing but {', '.join(sorted(_MEMBERS))}."
        )
    unpacked, packed = sum(m.file_size for m in archive.infolist()), path.stat().st_size
    if unpacked > _MOST_COMPRESSION * packed:
        raise ValueError(
            f"The network file {str(path)!r} of {packed} bytes unpacks to {unpacked} bytes, more "
            f"than {_MOST_COMPRESSION} times as many, which no network does."
        )

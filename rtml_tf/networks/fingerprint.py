"""What tells two networks apart: everything that their outputs depend on, as one short text."""

import hashlib

import numpy as np
import tensorflow as tf


def network_fingerprint(network: tf.keras.Model) -> str:
    """SHA-256, in hexadecimal digits, of a network's configuration and weights.

    Equal in every process that loads the same file. A SavedModel's code counts by its path only.

    Args:
        network: A built functional network.
    """
    digest = hashlib.sha256(network.to_json().encode())
    for weight in network.weights:
        value = np.ascontiguousarray(weight.numpy())
        digest.update(f"{value.dtype.str} {value.shape} ".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()

"""The smallest networks that are worth exporting."""

import numpy as np
import tensorflow as tf

from rtml_tf.layers.l2_normalization import L2Normalization
from rtml_tf.layers.pixel_normalization import PixelNormalization


def embedding_network(*layers, image_shape=(8, 6, 3), seed=0):
    """One convolution, batch norm and `layers`, to 4 dimensions; the weights are random."""
    image = tf.keras.Input(image_shape, name="image")
    x = PixelNormalization()(image)
    x = tf.keras.layers.Conv2D(8, 3)(x)
    x = tf.keras.layers.BatchNormalization()(x)
    for layer in layers:
        x = layer(x)
    x = tf.keras.layers.ReLU()(x)
    x = tf.keras.layers.Flatten()(x)
    x = tf.keras.layers.Dense(4)(x)
    network = tf.keras.Model(image, L2Normalization()(x), name="tiny")
    generator = np.random.default_rng(seed)
    # Positive, as the variances of batch norms must be.
    network.set_weights([generator.uniform(0.1, 1.0, w.shape) for w in network.weights])
    dense = network.layers[-2]
    dense.set_weights([generator.normal(size=w.shape) for w in dense.weights])
    return network


def images(count, shape=(8, 6, 3), seed=0):
    """float32 `[count, *shape]` in [0, 1]."""
    return np.random.default_rng(seed).uniform(size=(count, *shape)).astype(np.float32)

"""Batch normalisation of which a part is frozen: its statistics, or its scale and shift.

Keras's own `layer.trainable = False` freezes both at once, because it also puts the layer into
inference mode. Adapting a pretrained network with batches of one or two images wants either half.
"""

from typing import Any

import tensorflow as tf


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class FrozenStatisticsBatchNormalization(tf.keras.layers.BatchNormalization):
    """Normalises by the running statistics in training too; scale and shift are trained.

    The output for one image does not depend on the others of its batch, so images of two domains
    may share a batch.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None, **kwargs: Any) -> tf.Tensor:
        del training
        return super().call(inputs, training=False, **kwargs)


@tf.keras.utils.register_keras_serializable(package="rtml_tf")
class FrozenAffineBatchNormalization(tf.keras.layers.BatchNormalization):
    """Normalises by the batch and moves the running statistics; scale and shift stay as they are.

    The mode in which DeepLab-v2 is trained in AdaptSegNet's and CLAN's published code.
    """

    def add_weight(self, *args: Any, **kwargs: Any) -> tf.Variable:
        return super().add_weight(*args, **{**kwargs, "trainable": False})

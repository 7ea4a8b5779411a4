"""How the numbers of a TFLite file are stored and computed with."""

from collections.abc import Callable

import tensorflow as tf

from rtml_tf.deployment.tflite_form import TFLiteForm

_OPS = tf.lite.OpsSet
# Counts of local binary patterns: the interpreter ends the whole process when it meets a quantised
# index.
_COUNTING = frozenset({"UnsortedSegmentSum"})


class Float32(TFLiteForm):
    """The network as it is: 4 bytes a weight."""

    def configure(self, converter: tf.lite.TFLiteConverter, representative: Callable) -> None:
        del converter, representative


class Float16(TFLiteForm):
    """Weights in float16, 2 bytes each; computed in float32, on GPUs in float16."""

    def configure(self, converter: tf.lite.TFLiteConverter, representative: Callable) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]


class DynamicRange(TFLiteForm):
    """Weights of larger layers in int8; activations float32, quantised anew for each image.

    Needs no examples. The form for networks that cannot be computed in integers, such as those
    that read local binary patterns.
    """

    def configure(self, converter: tf.lite.TFLiteConverter, representative: Callable) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]


class Int8(TFLiteForm):
    """Weights and activations in int8; the ranges of the activations are those of the examples.

    An operation that TFLite cannot compute in int8 is an error.
    """

    impossible = _COUNTING

    def __init__(
        self, *, batch_size: int | None = 1, select_ops: bool = False, float_io: bool = True
    ):
        """Sets the types.

        Args:
            batch_size: As in `TFLiteForm`.
            select_ops: As in `TFLiteForm`.
            float_io: Whether images and outputs are float32; otherwise int8, whose scale and zero
                point are in the metadata.

        Raises:
            ValueError: If `batch_size` is below 1.
        """
        super().__init__(batch_size=batch_size, select_ops=select_ops)
        self._float_io = float_io

    def configure(self, converter: tf.lite.TFLiteConverter, representative: Callable) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [_OPS.TFLITE_BUILTINS_INT8]
        if not self._float_io:
            converter.inference_input_type = tf.int8
            converter.inference_output_type = tf.int8


class Int16x8(TFLiteForm):
    """Weights in int8 and activations in int16, for networks that lose too much in int8.

    Operations that TFLite cannot compute so, such as the L2 normalisation, stay float32. Images and
    outputs are float32.
    """

    impossible = _COUNTING

    def configure(self, converter: tf.lite.TFLiteConverter, representative: Callable) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [
            _OPS.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            _OPS.TFLITE_BUILTINS,
        ]

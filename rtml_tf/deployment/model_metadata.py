"""What TFLite tools show of a file, and generate code from: the table `ModelMetadata`.

The schema is `metadata_schema.fbs` of TensorFlow Lite Support, which has no package for every
platform that TensorFlow has one for. Tables are tuples of their fields in its order, see
`flat_tables`.
"""

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from rtml_tf.deployment.flat_tables import flatbuffer
from rtml_tf.deployment.network_description import NetworkDescription

# The files that lie in the file.
FIGURES_FILE, LABELS_FILE = "rtml_tf.json", "labels.txt"

_IDENTIFIER = b"M001"
# Nothing here is newer than the first version of the schema.
_MIN_PARSER_VERSION = "1.0.0"
# AssociatedFileType
_DESCRIPTIONS, _AXIS_LABELS, _VALUE_LABELS = np.uint8(1), np.uint8(2), np.uint8(3)
# ColorSpaceType
_UNKNOWN, _RGB, _GRAYSCALE = np.uint8(0), np.uint8(1), np.uint8(2)
# ContentProperties and ProcessUnitOptions
_FEATURE, _IMAGE, _NORMALIZATION = np.uint8(1), np.uint8(2), np.uint8(1)


def model_metadata(model: schema.ModelT, description: NetworkDescription) -> bytes:
    """Describes a file with one signature of one image.

    Args:
        model: The file.
        description: What the file itself does not tell.

    Returns:
        A flatbuffer. It names the files that are to lie in the file: `FIGURES_FILE` and, if there
        are labels, `LABELS_FILE`.
    """
    (signature,), graph = model.signatureDefs, model.subgraphs[0]
    names = {x.tensorIndex: x.name.decode() for x in (*signature.inputs, *signature.outputs)}
    inputs = [_image(names[index], graph.tensors[index]) for index in graph.inputs]
    outputs = [
        _output(names[index], graph.tensors[index], description.labels) for index in graph.outputs
    ]
    figures = (FIGURES_FILE, "Preprocessing, thresholds, figures and provenance.", _DESCRIPTIONS)
    metadata = (
        description.name,
        description.text,
        description.version,
        [(signature.signatureKey.decode(), None, inputs, outputs)],
        None,  # The author.
        description.licence,
        [figures],
        _MIN_PARSER_VERSION,
    )
    return flatbuffer(metadata, _IDENTIFIER)


def _image(name: str, tensor: schema.TensorT) -> tuple:
    """The `TensorMetadata` of the input."""
    _, height, width, channels = tensor.shape
    colours = {1: _GRAYSCALE, 3: _RGB}.get(channels, _UNKNOWN)
    size = (np.uint32(width), np.uint32(height))
    # Tools start from pixels in 0..255: (pixel - mean) / standard deviation.
    normalization = (np.float32([0.0]), np.float32([255.0]))
    return (
        name,
        "Pixels in [0, 1], before they are quantised.",
        None,  # The names of the dimensions.
        (_IMAGE, (colours, size)),
        [(_NORMALIZATION, normalization)],
        _range(tensor, 0.0, 1.0),
    )


def _output(name: str, tensor: schema.TensorT, labels: tuple[str, ...]) -> tuple:
    """The `TensorMetadata` of an output, as of `EmbeddingEndpoints` or `SegmentationEndpoints`."""
    if name == "mask":
        text, content = "The class of each pixel.", (_IMAGE, (_GRAYSCALE,))
        labels_of, limits = _VALUE_LABELS, None
    elif name == "logits":
        # An image for each class: dimensions 1 to 2 are one image.
        content = (_IMAGE, (_GRAYSCALE,), (np.int32(1), np.int32(2)))
        text, labels_of, limits = "The logit of each class at each pixel.", _AXIS_LABELS, None
    else:
        text, content = "Of length 1: compare two by their scalar product.", (_FEATURE, ())
        labels_of, limits = None, _range(tensor, -1.0, 1.0)
    files = None
    if labels and labels_of is not None:
        files = [(LABELS_FILE, "The name of a class a line.", labels_of)]
    return (name, text, None, content, None, limits, files)


def _range(tensor: schema.TensorT, lowest: float, highest: float) -> tuple:
    """The `Stats` of a tensor, in the numbers that it holds."""
    limits = np.float32([lowest, highest])
    if tensor.type == schema.TensorType.INT8:
        numbers = tensor.quantization
        limits = np.rint(limits / numbers.scale[0]) + numbers.zeroPoint[0]
        limits = np.clip(limits, -128, 127).astype(np.float32)
    return (limits[1:], limits[:1])

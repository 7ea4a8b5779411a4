"""Metadata in a TFLite file, where the tools of TensorFlow Lite Support look for them.

What the interpreter reads is followed by a ZIP archive of files, which every unpacker opens:

    unzip -p int8.tflite rtml_tf.json
"""

import pathlib
import zipfile
from collections.abc import Mapping

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from rtml_tf.deployment.model_metadata import model_metadata
from rtml_tf.deployment.network_description import NetworkDescription

_NAME, _IDENTIFIER = b"TFLITE_METADATA", b"TFL3"
# `force_align` of the schema, which the generated code of Python does not know of.
_ALIGNMENT = 16


def described(content: bytes, description: NetworkDescription) -> bytes:
    """A file with metadata, as another file.

    Args:
        content: A file with one signature and without such metadata.
        description: Of the network.

    Returns:
        The content of a file that computes the same.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    entry = schema.MetadataT()
    entry.name, entry.buffer = _NAME, len(model.buffers)
    model.metadata = [*(model.metadata or []), entry]
    metadata = np.frombuffer(model_metadata(model, description), np.uint8)
    model.buffers = [_AlignedBuffer(data) for data in (*(b.data for b in model.buffers), metadata)]
    builder = flatbuffers.Builder(len(content) + len(metadata))
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def append_files(path: pathlib.Path, files: Mapping[str, str]) -> None:
    """Appends files to a TFLite file, which stays as it is up to there.

    Equal files make equal bytes: they carry no date. They are not compressed, because readers on
    phones map them into memory.

    Args:
        path: The TFLite file, without such files.
        files: Texts, by the name of the file.
    """
    with path.open("r+b") as file:
        file.seek(0, 2)
        with zipfile.ZipFile(file, "w") as archive:
            for name, text in files.items():
                archive.writestr(zipfile.ZipInfo(name), text)


class _AlignedBuffer(schema.BufferT):
    """Data that begin at a multiple of 16 bytes."""

    def __init__(self, data: np.ndarray | None):
        super().__init__()
        self.data = data

    def Pack(self, builder: flatbuffers.Builder) -> int:
        if self.data is not None:
            builder.Prep(_ALIGNMENT, len(self.data))
        return super().Pack(builder)

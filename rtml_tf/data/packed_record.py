"""One packed image: a record of a TFRecord file, which any reader of such files can take."""

import os

import tensorflow as tf
from google.protobuf.message import DecodeError

_IMAGE, _KEY, _LABEL = "image/encoded", "image/key", "image/class/label"


def record_of(image: bytes, *, key: str, label: int) -> bytes:
    """The `tf.train.Example` of an image, serialized; the same bytes in every process.

    Args:
        image: The image file as it is: `image/encoded`.
        key: Its name: `image/key`.
        label: Its class: `image/class/label`.
    """
    features = {
        _IMAGE: tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        _KEY: tf.train.Feature(bytes_list=tf.train.BytesList(value=[os.fsencode(key)])),
        _LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def image_of(record: bytes) -> bytes:
    """The image file in a record.

    Raises:
        ValueError: If it holds none.
    """
    try:
        features = tf.train.Example.FromString(record).features.feature
    except DecodeError as error:
        raise ValueError("it is no tf.train.Example") from error
    images = features[_IMAGE].bytes_list.value
    if len(images) != 1:
        raise ValueError(f"it must have one {_IMAGE}, got {len(images)}")
    return images[0]

"""What a student reads of an image, as a network that can stand in front of it."""

from collections.abc import Sequence

import tensorflow as tf

from rtml_tf.data.input_view import InputView
from rtml_tf.layers.input_view_layer import InputViewLayer
from rtml_tf.networks.checking import check_input_shape
from rtml_tf.networks.image_input import image_input
from rtml_tf.networks.joining import join_networks, part_after


def view_network(*, view: InputView, input_shape: Sequence[int]) -> tf.keras.Model:
    """Returns the network without weights that takes a view of images.

    `join_networks(first=view_network(...), second=student)` is the student as a network of images,
    which all evaluations of images take; `behind_view` gives the student beside it.

    Args:
        view: What is taken.
        input_shape: `(height, width, channels)` of the images.

    Returns:
        The network: "image" `[B, H, W, C]` in [0, 1] to the view, float32; its layer is "view".

    Raises:
        ValueError: If `input_shape` is not three positive integers, or the view does not fit it.
    """
    image = image_input(input_shape=input_shape)
    return tf.keras.Model(image, InputViewLayer(view=view, name="view")(image), name="view_network")


def behind_view(
    *, view: tf.keras.Model, student: tf.keras.Model
) -> tuple[tf.keras.Model, tf.keras.Model]:
    """Puts a view in front of a student that is trained on views and used on images.

    Args:
        view: A network without weights from images to views.
        student: A functional network of views; it stays as it is.

    Returns:
        The student as a network of images, and as a network of views. Both are made of the same
        layers, copies of the student's: what is learned in one is learned in the other.

    Raises:
        ValueError: If the view has weights, or the student does not take what it gives.
    """
    if view.weights:
        raise ValueError(f"view {view.name!r} must have no weights, got {len(view.weights)}.")
    check_input_shape(student, view.output_shape[1:])
    network = join_networks(first=view, second=student)
    return network, part_after(network=network, layer=view.output_names[0])

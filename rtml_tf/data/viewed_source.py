"""A source whose examples are views of the images of another."""

import tensorflow as tf

from rtml_tf.data.input_view import InputView
from rtml_tf.data.source import ImageSource


class ViewedSource(ImageSource):
    """The images of another source, as a network of another domain reads them.

    `TrainingBatches` and `PairedBatches` augment the images, and take the view of whole batches
    afterwards. This needs the view to come last: split a source first (see `splits`), then view
    the parts. Without augmentation views can be computed once, as
    `CachedImages(source=ViewedSource(...))`.

    Attributes:
        source: Where the images come from.
        view: What is taken of them.
    """

    def __init__(self, *, source: ImageSource, view: InputView):
        """Takes the source and the view.

        Raises:
            ValueError: If the view does not fit the images.
        """
        self.source = source
        self.view = view
        self.labels = source.labels
        self.class_names = source.class_names
        self.keys = source.keys
        self.image_shape = view.output_shape(source.image_shape)

    def load(self, index: tf.Tensor) -> tf.Tensor:
        return self.view(self.source.load(index)[tf.newaxis])[0]


def images_and_view(source: ImageSource) -> tuple[ImageSource, InputView | None]:
    """What has to be loaded for a source, and what is then taken of batches of it.

    Args:
        source: Any source.

    Returns:
        The images behind a `ViewedSource` and its view; any other source itself and `None`.
    """
    if isinstance(source, ViewedSource):
        return source.source, source.view
    return source, None


def take_views(batches: tf.data.Dataset, **views: InputView | None) -> tf.data.Dataset:
    """Takes the views of whole batches, which costs less than one by one.

    Args:
        batches: Dicts of tensors `[B, ...]`.
        **views: The view of each part of a batch; `None` leaves it as it is.
    """
    taken = {name: view for name, view in views.items() if view is not None}
    if not taken:
        return batches
    return batches.map(
        lambda batch: batch | {name: view(batch[name]) for name, view in taken.items()},
        tf.data.AUTOTUNE,
        deterministic=True,
    )

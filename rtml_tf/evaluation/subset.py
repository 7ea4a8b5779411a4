"""A smaller set of images to evaluate on, with as many classes as the whole set has."""

import numpy as np

from rtml_tf.data.source import ImageSource, Subset


def balanced_subset(source: ImageSource, limit: int, *, seed: int = 0) -> ImageSource:
    """Draws at most `limit` images, of every class equally many.

    Of each class `limit // C` images are drawn, but at least two (or the one it has), so that
    they can find each other; if that makes more than `limit` images, only as many classes as
    fit, also drawn. The images keep the order they have in `source`.

    Args:
        source: What to draw from.
        limit: The largest number of images.
        seed: Of the choice.

    Returns:
        `source` itself if it has no more than `limit` images.

    Raises:
        ValueError: If `limit` is less than 2.
    """
    if limit < 2:
        raise ValueError(f"limit must be at least 2, got {limit}.")
    if len(source) <= limit:
        return source
    generator = np.random.default_rng(seed)
    images_per_class = max(2, limit // source.num_classes)
    order = generator.permutation(len(source))
    order = order[np.argsort(source.labels[order], kind="stable")]
    first = np.searchsorted(source.labels[order], np.arange(source.num_classes))
    # Place of each drawn image within its class: 0, 1, 2, ...
    place = np.arange(len(order)) - first[source.labels[order]]
    order = order[place < images_per_class]
    class_rank = generator.permutation(source.num_classes)
    order = order[np.argsort(class_rank[source.labels[order]], kind="stable")]
    return Subset(source, np.sort(order[:limit]))

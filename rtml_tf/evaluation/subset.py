"""A smaller set of images to evaluate on, with as many classes as the whole set has."""

import numpy as np

from rtml_tf.data.source import ImageSource, Subset


def balanced_subset(source: ImageSource, limit: int, *, seed: int = 0) -> ImageSource:
    """Draws at most `limit` images, of every class equally many.

    Of each class `limit // C` images are drawn, but at least two (or the one it has), so that
    they can find each other; if that makes more than `limit` images, only as many classes as
    fit whole, also drawn. The images keep the order they have in `source`.

    Args:
        source: What to draw from.
        limit: The largest number of images.
        seed: Of the choice.

    Returns:
        `source` itself if it has no more than `limit` images.

    Raises:
        ValueError: If `limit` is less than 2, or `seed` is negative.
    """
    if limit < 2:
        raise ValueError(f"limit must be at least 2, got {limit}.")
    if seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}.")
    if len(source) <= limit:
        return source
    # Raw bits are promised to stay the same in every version of NumPy.
    bits = np.random.Philox(np.random.SeedSequence(seed))
    images_per_class = max(2, limit // source.num_classes)
    order = np.argsort(bits.random_raw(len(source)))
    order = order[np.argsort(source.labels[order], kind="stable")]
    first = np.searchsorted(source.labels[order], np.arange(source.num_classes))
    # Place of each drawn image within its class: 0, 1, 2, ...
    place = np.arange(len(order)) - first[source.labels[order]]
    order = order[place < images_per_class]
    class_rank = bits.random_raw(source.num_classes)
    order = order[np.argsort(class_rank[source.labels[order]], kind="stable")]
    kept = order[:limit]
    if len(order) > limit:  # The first class that does not fit is left out with all its images.
        kept = kept[source.labels[kept] != source.labels[order[limit]]]
    return Subset(source, np.sort(kept))

"""A source of precomputed features that lie in a file."""

import os

from rtml_tf.data.array_source import ArraySource
from rtml_tf.data.class_names import numbered_classes
from rtml_tf.data.feature_file import read_features


class FeatureTable(ArraySource):
    """Precomputed features, keyed by the names of the files that they were computed from.

    The keys are those of the source that the features stand for: for an `ImageFolder` the path
    below its root, as `class/file`. `PairedSource` matches them with its images. A table without
    labels is of one class, "unknown".

    Attributes:
        file: The file that was read.
    """

    def __init__(self, *, file: str, keys_file: str | None = None):
        """Reads the file into memory.

        Args:
            file: A `.npz`, `.npy`, `.csv` or `.tsv` file, see `feature_file.read_features`. A
                leading `~` is the home folder, here and in `keys_file`.
            keys_file: For a `.npy` file: a text file with one key on each line.

        Raises:
            ValueError: If a file is missing or malformed, a key is there twice, or a feature is not
                a finite number.
        """
        self.file = os.path.expanduser(file)
        keys_file = None if keys_file is None else os.path.expanduser(keys_file)
        rows = read_features(self.file, keys_file=keys_file)
        labels, class_names = None, None
        if rows.classes is not None:
            labels, class_names = numbered_classes(rows.classes)
        if rows.features.ndim != 2:
            raise ValueError(f"{self.file}: features must be [N, F], got {rows.features.shape}.")
        try:
            super().__init__(
                keys=rows.keys, array=rows.features, labels=labels, class_names=class_names
            )
        except ValueError as error:
            raise ValueError(f"{self.file}: {error}") from error

"""The data sets of TensorFlow Datasets, by name, where that package is installed."""

import importlib
from types import ModuleType
from typing import Any

import numpy as np

from rtml_tf.data.encoded_images import EncodedImages


class TensorFlowDataset(EncodedImages):
    """Labelled images of a data set of TensorFlow Datasets, such as "cars196".

    `pip install tensorflow-datasets` is needed; nothing else here needs it. The images are held in
    memory as they were stored, JPEG or PNG. Classes that the split has no image of are left out.

    An example's key is its `tfds_id`: the file that it comes from, and its number there.
    """

    def __init__(
        self,
        *,
        name: str,
        split: str = "train",
        image_size: tuple[int, int],
        channels: int = 3,
        resize_to: int | tuple[int, int] | None = None,
        data_dir: str | None = None,
        download: bool = False,
        image_feature: str = "image",
        label_feature: str = "label",
    ):
        """Reads the whole split and decodes every image once to check it.

        Args:
            name: The data set, as in `tfds.builder`: "cars196", or with configuration and version,
                "name/configuration:1.0.0".
            split: Such as "train", or "train+test" for all, to be split by class afterwards.
            image_size: `(height, width)` in pixels of the images that are handed out.
            channels: 1 (grey) or 3 (colour); images of the other kind are converted.
            resize_to: Size before the centre is cut out; see `ImageFiles`.
            data_dir: Where prepared data sets are; None is the package's own place.
            download: Whether to download and prepare the data set if it is not there.
            image_feature: The feature of the data set that is the image.
            label_feature: The feature that is its class, a `ClassLabel`.

        Raises:
            ValueError: If the package is not installed, there is no such data set, split or
                feature, the split has no labels, or an image cannot be decoded.
        """
        tfds = _package()
        try:
            builder = tfds.builder(name, data_dir=data_dir)
            if download:
                builder.download_and_prepare()
            features = builder.info.features
            names = _class_names(features, label_feature)
            _check_image(tfds, features, image_feature)
            examples = builder.as_dataset(
                split=split,
                shuffle_files=False,
                decoders={image_feature: tfds.decode.SkipDecoding()},
                read_config=tfds.ReadConfig(add_tfds_id=True),
            )
        # What is unknown to the package it reports by errors of its own, all of common kinds.
        except (ValueError, AssertionError, OSError, LookupError) as error:
            reason = str(error).strip().splitlines()[0]  # More lines list every data set.
            raise ValueError(
                f"TensorFlow Datasets cannot give {name!r}, split {split!r}: {reason}"
            ) from error
        contents, labels, keys = [], [], []
        for example in examples.as_numpy_iterator():
            contents.append(example[image_feature])
            labels.append(example[label_feature])
            keys.append(example["tfds_id"].decode())
        super().__init__(
            contents=contents, image_size=image_size, channels=channels, resize_to=resize_to
        )
        if min(labels) < 0:
            raise ValueError(f"{name!r}, split {split!r}, has no labels.")
        kept, dense = np.unique(labels, return_inverse=True)
        self.labels = dense.astype(np.int32)
        self.class_names = tuple(names[label] for label in kept)
        self.keys = tuple(keys)


def _package() -> ModuleType:
    try:
        return importlib.import_module("tensorflow_datasets")
    except ImportError as error:
        raise ValueError(
            "data sets by name need the package tensorflow-datasets, which is not installed "
            f"({error}): pip install tensorflow-datasets."
        ) from error


def _class_names(features: Any, name: str) -> tuple[str, ...]:
    names = getattr(features[name], "names", None) if name in features else None
    if names is None:
        raise ValueError(
            f"label_feature must be a ClassLabel among {', '.join(sorted(features))}, got {name!r}."
        )
    return tuple(names)


def _check_image(tfds: ModuleType, features: Any, name: str) -> None:
    if name not in features or not isinstance(features[name], tfds.features.Image):
        raise ValueError(
            f"image_feature must be an Image among {', '.join(sorted(features))}, got {name!r}."
        )

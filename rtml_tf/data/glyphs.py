"""The data set that needs no download: characters drawn from matplotlib's fonts."""

import os
import unicodedata

import numpy as np
import PIL
import tensorflow as tf
from absl import logging
from PIL import features

from rtml_tf.data import glyph_alphabet, glyph_drawing, glyph_faces
from rtml_tf.data.array_cache import ArrayCache
from rtml_tf.data.source import ImageSource


class Glyphs(ImageSource):
    """Grey images of letters and digits; a class is a character, whatever its face.

    The characters come from 22 faces of DejaVu, STIX and Computer Modern. Face, size, position,
    rotation, shear, stroke width, blur, ink, background and noise vary. Characters that look the
    same are one class (`glyph_alphabet.glyph_classes` says how that is found), precomposed
    accented letters are not drawn; about 730 classes remain. Split them by class for training
    and evaluation, with `splits.class_split`.

    An image is a pure function of the seed, its character and its number: the same arguments give
    the same bytes in every process, and more images or more classes only add to what is there.
    All images are drawn in about ten seconds on one core, kept on disk for the next time, and
    held in memory (15 MB at the default size).

    Attributes:
        class_names: For example "U+0041 LATIN CAPITAL LETTER A".
        keys: For example "U+0041/07".
    """

    def __init__(
        self,
        *,
        images_per_class: int = 20,
        image_size: int = 32,
        num_classes: int | None = None,
        seed: int = 0,
        cache_dir: str | os.PathLike | None = None,
    ):
        """Reads the images from the cache, or draws them.

        Args:
            images_per_class: How many images of each character.
            image_size: Height and width in pixels, at least 16.
            num_classes: Only the first so many classes, basic Latin letters first; None for all.
            seed: Seed of everything random, not negative.
            cache_dir: Where drawn images are kept; None for `$RTML_TF_CACHE`, else
                `$XDG_CACHE_HOME/rtml_tf`, else `~/.cache/rtml_tf`.

        Raises:
            ValueError: If a number is out of range, or there are fewer than `num_classes`
                classes.
            FileNotFoundError: If matplotlib was installed without its fonts.
        """
        _check_at_least("images_per_class", images_per_class, 1)
        _check_at_least("image_size", image_size, 16)
        _check_at_least("seed", seed, 0)
        if num_classes is not None:
            _check_at_least("num_classes", num_classes, 1)
        arrays = ArrayCache(cache_dir).get(
            "glyphs",
            {
                "images_per_class": images_per_class,
                "image_size": image_size,
                "num_classes": num_classes,
                "seed": seed,
                **_drawing_environment(),
            },
            lambda: _draw(images_per_class, image_size, num_classes, seed),
        )
        characters = [chr(code_point) for code_point in arrays["code_points"]]
        self.labels = np.repeat(np.arange(len(characters), dtype=np.int32), images_per_class)
        self.class_names = tuple(f"{_code(c)} {unicodedata.name(c)}" for c in characters)
        self.keys = tuple(
            f"{_code(c)}/{number:02d}" for c in characters for number in range(images_per_class)
        )
        self.image_shape = (image_size, image_size, 1)
        with tf.device("CPU:0"):
            self._images = tf.constant(arrays["images"])  # [N, H, W, 1]

    def load(self, index: tf.Tensor) -> tf.Tensor:
        image = tf.cast(tf.gather(self._images, index), tf.float32) / 255.0
        return tf.ensure_shape(image, self.image_shape)


def _draw(
    images_per_class: int, image_size: int, num_classes: int | None, seed: int
) -> dict[str, np.ndarray]:
    logging.info("Drawing glyphs; this happens once and takes some seconds.")
    classes = glyph_alphabet.glyph_classes(num_classes)
    if num_classes is not None and len(classes) < num_classes:
        raise ValueError(f"num_classes must be at most {len(classes)}, got {num_classes}.")
    images = np.empty((len(classes) * images_per_class, image_size, image_size, 1), np.uint8)
    for i in range(len(images)):
        label, number = divmod(i, images_per_class)
        images[i, :, :, 0] = glyph_drawing.draw(
            classes[label], number=number, image_size=image_size, seed=seed
        )
    code_points = np.array([ord(glyph.character) for glyph in classes], np.int32)
    return {"images": images, "code_points": code_points}


def _drawing_environment() -> dict[str, str | int | None]:
    """What the bytes of a drawing depend on beside the arguments."""
    return {
        "drawing": glyph_drawing.VERSION,
        "fonts": glyph_faces.fingerprint(),
        "freetype": features.version("freetype2"),
        "pillow": PIL.__version__,
        "numpy": np.__version__,
        "unicode": unicodedata.unidata_version,
    }


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"


def _check_at_least(name: str, value: int, minimum: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ValueError(f"{name} must be an integer of at least {minimum}, got {value!r}.")

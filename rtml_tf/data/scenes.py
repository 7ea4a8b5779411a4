"""The segmentation data that needs no download: drawn street scenes in two styles."""

import os

import numpy as np
import PIL
import tensorflow as tf
from absl import logging
from PIL import features

from rtml_tf.data import glyph_faces, image_decoding, scene_drawing
from rtml_tf.data.array_cache import ArrayCache
from rtml_tf.data.image_size import checked_size
from rtml_tf.data.label_set import LabelSet
from rtml_tf.data.scene_styles import RenderedStyle, SceneStyle
from rtml_tf.data.segmentation_source import SegmentationSource

# As Cityscapes shows these classes, and hence many papers.
_PALETTE = (
    (70, 130, 180),
    (70, 70, 70),
    (128, 64, 128),
    (244, 35, 232),
    (107, 142, 35),
    (220, 220, 0),
    (0, 0, 142),
    (220, 20, 60),
)


class Scenes(SegmentationSource):
    """Street scenes of eight classes, drawn from shapes and glyphs, with exact masks.

    Two sets of different seeds and styles make a source and a target domain: what is in the scenes
    comes from the same distribution, how it looks does not.

    A scene is a pure function of the seed and its number: more scenes only add to what is there,
    and another style shows the same things. They are drawn in about two milliseconds each, kept on
    disk for the next time, and held in memory (25 kB each at the default size).
    """

    def __init__(
        self,
        *,
        count: int,
        style: SceneStyle | None = None,
        image_size: tuple[int, int] = (64, 96),
        seed: int = 0,
        cache_dir: str | os.PathLike | None = None,
    ):
        """Reads the scenes from the cache, or draws them.

        Args:
            count: How many scenes.
            style: How they look; `None` is `RenderedStyle()`.
            image_size: `(height, width)` in pixels, at least 32 each.
            seed: Seed of everything random, not negative.
            cache_dir: Where drawn scenes are kept; None for `$RTML_TF_CACHE`, else
                `$XDG_CACHE_HOME/rtml_tf`, else `~/.cache/rtml_tf`.

        Raises:
            ValueError: If an argument is out of range.
            FileNotFoundError: If matplotlib was installed without its fonts.
        """
        if count < 1:
            raise ValueError(f"count must be at least 1, got {count!r}.")
        if seed < 0:
            raise ValueError(f"seed must not be negative, got {seed!r}.")
        size = checked_size("image_size", image_size)
        if min(size) < 32:
            raise ValueError(f"image_size must be at least 32x32, got {image_size!r}.")
        style = RenderedStyle() if style is None else style
        arrays = ArrayCache(cache_dir).get(
            "scenes",
            {
                "count": count,
                "style": type(style).__name__,
                "style_config": style.get_config(),
                "image_size": size,
                "seed": seed,
                "drawing": scene_drawing.VERSION,
                "fonts": glyph_faces.fingerprint(),
                "freetype": features.version("freetype2"),
                "pillow": PIL.__version__,
                "numpy": np.__version__,
            },
            lambda: _draw(count, style, size, seed),
        )
        self.label_set = scene_classes()
        self.keys = tuple(f"scene {number:05d}" for number in range(count))
        self.image_shape = (*size, 3)
        self.mask_size = size
        with tf.device("CPU:0"):
            self._images = tf.constant(arrays["images"])  # [N, H, W, 3]
            self._masks = tf.constant(arrays["masks"])  # [N, H, W]

    def load(self, index: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mask = tf.cast(tf.gather(self._masks, index), tf.int32)
        return self.load_image(index), tf.ensure_shape(mask, self.mask_size)

    def load_image(self, index: tf.Tensor) -> tf.Tensor:
        image = tf.ensure_shape(tf.gather(self._images, index), self.image_shape)
        return image_decoding.unit_range(image)


def scene_classes() -> LabelSet:
    """The classes of the scenes."""
    return LabelSet(
        class_names=scene_drawing.CLASS_NAMES,
        palette=_PALETTE,
        classes_of=dict(enumerate(scene_drawing.CLASS_NAMES)),
        ignored=(scene_drawing.VOID,),
        ignore_value=scene_drawing.VOID,
    )


def _draw(count: int, style: SceneStyle, size: tuple[int, int], seed: int) -> dict[str, np.ndarray]:
    logging.info("Drawing %d street scenes; this happens once and takes some seconds.", count)
    images = np.empty((count, *size, 3), np.uint8)
    masks = np.empty((count, *size), np.uint8)
    for number in range(count):
        # Streams of their own: the style changes nothing of what is drawn.
        scene, look = (
            np.random.Generator(np.random.Philox(sequence))
            for sequence in np.random.SeedSequence(seed, spawn_key=(number,)).spawn(2)
        )
        image, masks[number] = scene_drawing.draw_scene(height=size[0], width=size[1], rng=scene)
        images[number] = style(image, masks[number], look)
    return {"images": images, "masks": masks}

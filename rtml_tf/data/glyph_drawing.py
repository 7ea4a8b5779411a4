"""One image of a character: a face, a pose, a pen, a background and noise, all at random."""

import math

import numpy as np
from PIL import Image, ImageFilter

from rtml_tf.data import glyph_faces
from rtml_tf.data.glyph_alphabet import GlyphClass

# Raise it with every change to the alphabet or the drawing: cached images of other versions are
# not used.
VERSION = 1

# Uniform ranges of the variations. Lengths are shares of the side of the image.
_SIZE = (0.7, 0.9)  # The longest side of the posed character.
_ROTATION = (-10.0, 10.0)  # Degrees.
_SHEAR = (-0.15, 0.15)
_LOG_ASPECT = (-0.12, 0.12)
_SHIFT = (-0.06, 0.06)  # Of the centre; less where the character would leave the image.
_STROKE = (0.0, 0.03)  # How far outlines move outwards, a share of the character's longest side.
_BLUR = (0.0, 0.02)  # Standard deviation.
_CONTRAST = (0.5, 0.9)  # Between the ink and the mean of the background.
_GRADIENT = (-0.15, 0.15)  # Change of the background from one edge to the opposite one.
_CLOUDS = (0.0, 0.06)  # Standard deviation of the background's smooth texture.
_NOISE = (0.0, 0.06)  # Standard deviation of the pixels' noise.

_CLOUD_CELLS = 4


def draw(glyph: GlyphClass, *, number: int, image_size: int, seed: int) -> np.ndarray:
    """Draws one image of a character.

    Everything random follows from (seed, character, number) alone, by a stream of its own: an
    image does not depend on which others are drawn.

    Args:
        glyph: The character and the faces to choose from.
        number: Which image of the character, from 0.
        image_size: Height and width in pixels.
        seed: Not negative.

    Returns:
        uint8 `[image_size, image_size]`.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(ord(glyph.character), number))
    rng = np.random.Generator(np.random.Philox(sequence))
    mask = _posed_mask(glyph, image_size, rng)
    background = _background(image_size, rng)
    contrast = rng.uniform(*_CONTRAST)
    mean = rng.uniform(0.0, 1.0 - contrast)
    if rng.random() < 0.5:  # Light on dark
        paper, pen = mean, mean + contrast
    else:
        paper, pen = mean + contrast, mean
    image = (paper + background) * (1.0 - mask) + pen * mask
    image += rng.uniform(*_NOISE) * rng.standard_normal(image.shape)
    return np.clip(np.rint(255.0 * image), 0, 255).astype(np.uint8)


def _posed_mask(glyph: GlyphClass, size: int, rng: np.random.Generator) -> np.ndarray:
    """How much of each pixel is ink, float64 `[size, size]` in [0, 1]."""
    face = glyph.faces[rng.integers(len(glyph.faces))]
    ink = glyph_faces.ink(
        glyph.character, face, em_size=4 * size, relative_stroke=rng.uniform(*_STROKE)
    )
    angle = math.radians(rng.uniform(*_ROTATION))
    aspect = math.exp(rng.uniform(*_LOG_ASPECT))
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    shear = np.array([[1.0, rng.uniform(*_SHEAR)], [0.0, 1.0]])
    pose = rotation @ shear @ np.diag([aspect, 1.0 / aspect])
    extent = np.abs(pose) @ ink.size  # Width and height of the posed bounding box
    scale = rng.uniform(*_SIZE) / extent.max()
    room = 0.5 * (1.0 - scale * extent)
    centre = 0.5 + np.clip(rng.uniform(*_SHIFT, size=2), -room, room)
    # Twice the resolution, so that the reduction smooths edges.
    fine = 2 * size
    inverse = np.linalg.inv(fine * scale * pose)
    offset = 0.5 * np.array(ink.size) - inverse @ (fine * centre)
    (a, b), (d, e) = inverse
    image = ink.transform(
        (fine, fine),
        Image.Transform.AFFINE,
        (a, b, offset[0], d, e, offset[1]),
        resample=Image.Resampling.BILINEAR,
    )
    image = image.filter(ImageFilter.GaussianBlur(fine * rng.uniform(*_BLUR))).reduce(2)
    return np.asarray(image) / 255.0


def _background(size: int, rng: np.random.Generator) -> np.ndarray:
    """A gradient and smooth clouds around zero, float64 `[size, size]`."""
    position = (np.arange(size) + 0.5) / size - 0.5
    across, down = rng.uniform(*_GRADIENT, size=2)
    gradient = across * position[None, :] + down * position[:, None]
    cells = rng.standard_normal((_CLOUD_CELLS, _CLOUD_CELLS)).astype(np.float32)
    clouds = Image.fromarray(cells).resize((size, size), Image.Resampling.BICUBIC)
    return gradient + rng.uniform(*_CLOUDS) * np.asarray(clouds)

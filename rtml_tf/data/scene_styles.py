"""How drawn street scenes look: as rendered, or textured, in other light and with noise."""

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from rtml_tf.data.scene_drawing import CLASS_NAMES

# Standard deviation of the texture of each class, in the order of `CLASS_NAMES`, at full strength.
_TEXTURE = np.array([0.03, 0.10, 0.06, 0.08, 0.16, 0.05, 0.06, 0.10], np.float32)
_TEXTURE_CELLS = (6, 24)  # Along the height, of a coarse and a fine texture.

# Uniform ranges at full strength.
_GAMMA = (0.5, 0.8)  # Added to an exponent of 1: shadows fall.
_DIMMING = ((0.15, 0.3), (0.3, 0.45), (0.1, 0.25))  # Of red, green and blue.
_SLOPE = (-0.35, 0.35)  # Change of brightness from the left border to the right one.
_NOISE = (0.03, 0.06)  # Standard deviation of the noise of the pixels.


class SceneStyle(abc.ABC):
    """Changes the pixels of a rendered scene, but not what they are of."""

    @abc.abstractmethod
    def __call__(self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Restyles one scene.

        Args:
            image: uint8 `[H, W, 3]`, as rendered.
            mask: uint8 `[H, W]`.
            rng: What everything random is drawn from.

        Returns:
            uint8 `[H, W, 3]`.
        """

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """All that the result depends on beside the arguments of the call."""


class RenderedStyle(SceneStyle):
    """Leaves the scene as it was drawn: flat colours in even light."""

    def __call__(self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        del mask, rng
        return image

    def get_config(self) -> dict[str, Any]:
        return {}


class DuskStyle(SceneStyle):
    """Textured things in dim light from one side, of another colour, seen by a noisy camera.

    Attributes:
        strength: How far everything is from the rendered style, 0 to 1.
        aligned: The classes that keep the rendered style, pixel by pixel: they look the same in
            both domains.
    """

    def __init__(self, *, strength: float = 1.0, aligned: Sequence[str] = ()):
        """Sets the distance.

        Raises:
            ValueError: If `strength` is out of range, or `aligned` names no class of the scenes.
        """
        if not 0.0 <= strength <= 1.0:
            raise ValueError(f"strength must be in [0, 1], got {strength}.")
        unknown = [name for name in aligned if name not in CLASS_NAMES]
        if unknown:
            raise ValueError(
                f"aligned must be some of {', '.join(CLASS_NAMES)}, got {unknown[0]!r}."
            )
        self.strength = float(strength)
        self.aligned = tuple(aligned)

    def __call__(self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        height, width = mask.shape
        amplitude = np.append(_TEXTURE, np.zeros(256 - len(_TEXTURE), np.float32))[mask]
        texture = sum(_clouds(height, width, cells, rng) for cells in _TEXTURE_CELLS)
        pixels = image / np.float32(255.0) + (self.strength * amplitude * texture)[:, :, np.newaxis]
        gamma = 1.0 + self.strength * rng.uniform(*_GAMMA)
        gains = 1.0 - self.strength * np.array([rng.uniform(*part) for part in _DIMMING])
        slope = self.strength * rng.uniform(*_SLOPE) * np.linspace(-0.5, 0.5, width)
        pixels = np.clip(pixels, 0.0, 1.0) ** gamma * gains * (1.0 + slope[:, np.newaxis])
        pixels += self.strength * rng.uniform(*_NOISE) * rng.standard_normal(pixels.shape)
        pixels = np.clip(np.rint(255.0 * pixels), 0, 255).astype(np.uint8)
        kept = np.isin(mask, [CLASS_NAMES.index(name) for name in self.aligned])
        return np.where(kept[:, :, np.newaxis], image, pixels)

    def get_config(self) -> dict[str, Any]:
        return {"strength": self.strength, "aligned": sorted(self.aligned)}


def _clouds(height: int, width: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise, float32 `[H, W]`."""
    noise = rng.standard_normal((cells, round(cells * width / height))).astype(np.float32)
    smooth = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(smooth)

"""Which drawings of characters look the same."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from rtml_tf.data import glyph_faces

# Drawings are compared at the resolution that a glyph has in an image of 32 pixels.
_SIZE = 24
_EM_SIZE = 96

# The share of ink that may lie further than one pixel from the ink of a look-alike.
_MAX_UNCOVERED = 0.02


@dataclasses.dataclass(frozen=True)
class Drawings:
    """Plain drawings of characters, all of one size, side by side.

    Two drawings look the same when each covers the other within one pixel of 24, but for 2 % of
    its ink: a partial Hausdorff distance (Huttenlocher, Klanderman and Rucklidge, "Comparing
    images using the Hausdorff distance", 1993). It forgives the weight of strokes, which varies
    in the images, but no missing stroke. All sums are of small integers and therefore exact:
    the outcome does not depend on the order in which a processor adds.

    Attributes:
        ink: float32 `[N, D]`, whole numbers in [0, 63].
        grown: float32 `[N, D]`, the ink spread by one pixel.
        total: float32 `[N]`, how much of itself each drawing covers.
    """

    ink: np.ndarray
    grown: np.ndarray
    total: np.ndarray

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Drawings":
        """Draws pairs of a character and a face, each as large as fits into one square.

        A face that draws nothing gives an empty drawing, of which `total` is 0.
        """
        ink = np.stack([_draw(character, face) for character, face in pairs])  # [N, H, W]
        grown = _grow(ink).reshape(len(ink), -1)
        ink = ink.reshape(len(ink), -1)
        return cls(ink, grown, (ink * grown).sum(axis=1))

    def __getitem__(self, index: np.ndarray | slice) -> "Drawings":
        return Drawings(self.ink[index], self.grown[index], self.total[index])

    def look_like(self, others: "Drawings") -> np.ndarray:
        """Compares every drawing with every other: bool `[N, M]`."""
        alike = self.ink @ others.grown.T >= (1 - _MAX_UNCOVERED) * self.total[:, None]
        # The other direction matters only where this one holds.
        rest = np.flatnonzero(alike.any(axis=0))
        covered = self.grown @ others.ink[rest].T >= (1 - _MAX_UNCOVERED) * others.total[rest]
        alike[:, rest] &= covered
        return alike


def join(parts: Sequence[Drawings]) -> Drawings:
    """Puts drawings side by side."""
    return Drawings(
        np.concatenate([part.ink for part in parts]),
        np.concatenate([part.grown for part in parts]),
        np.concatenate([part.total for part in parts]),
    )


def _draw(character: str, face: str) -> np.ndarray:
    square = Image.new("L", (_SIZE, _SIZE))
    image = glyph_faces.ink(character, face, em_size=_EM_SIZE)
    if image is not None:
        longest = max(image.size)
        width, height = (max(1, round(_SIZE * side / longest)) for side in image.size)
        square.paste(
            image.resize((width, height), Image.Resampling.BOX),
            ((_SIZE - width) // 2, (_SIZE - height) // 2),
        )
    # 24 * 24 * 63 * 63 < 2^24: products of drawings are summed in float32 without rounding.
    return (np.asarray(square) // 4).astype(np.float32)


def _grow(drawings: np.ndarray) -> np.ndarray:
    """Spreads ink to the eight neighbours of its pixel, `[N, H, W] -> [N, H, W]`."""
    size = drawings.shape[-1]
    padded = np.pad(drawings, ((0, 0), (1, 1), (1, 1)))
    shifts = [padded[:, y : y + size, x : x + size] for y in range(3) for x in range(3)]
    return np.max(shifts, axis=0)

"""An image and its mask that are drawn together, so that the mask is exact."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]


class SceneCanvas:
    """Draws shapes into an image and their class into a mask, at the same pixels.

    Nothing is smoothed: every pixel belongs wholly to what was drawn on it last. Places and lengths
    are shares of the height of the image; x goes to the right, y down.

    Attributes:
        width: Width of the image, in heights.
    """

    def __init__(self, *, height: int, width: int):
        """Makes an empty canvas of this size in pixels."""
        self.width = width / height
        self._height = height
        self._image = Image.new("RGB", (width, height))
        self._mask = Image.new("L", (width, height))
        self._brush = ImageDraw.Draw(self._image)
        self._mask_brush = ImageDraw.Draw(self._mask)

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """The image, uint8 `[H, W, 3]`, and the mask, uint8 `[H, W]`."""
        return np.array(self._image), np.array(self._mask)

    def polygon(self, number: int, points: Sequence[Point], colour: Colour) -> None:
        """Fills a polygon; `number` is its class in the mask, here and below."""
        points = [(x * self._height, y * self._height) for x, y in points]
        self._brush.polygon(points, fill=colour)
        self._mask_brush.polygon(points, fill=number)

    def box(self, number: int, corner: Point, opposite: Point, colour: Colour) -> None:
        """Fills a rectangle between two corners."""
        (left, top), (right, bottom) = corner, opposite
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        self.polygon(number, corners, colour)

    def ellipse(self, number: int, centre: Point, radii: Point, colour: Colour) -> None:
        """Fills an ellipse with horizontal and vertical axes."""
        bounds = [
            self._height * (middle + sign * radius)
            for sign in (-1, 1)
            for middle, radius in zip(centre, radii)
        ]
        self._brush.ellipse(bounds, fill=colour)
        self._mask_brush.ellipse(bounds, fill=number)

    def stamp(self, ink: Image.Image, centre: Point, colour: Colour) -> None:
        """Colours the pixels that are mostly ink; the mask stays."""
        corner = [round(c * self._height) - size // 2 for c, size in zip(centre, ink.size)]
        self._image.paste(colour, tuple(corner), ink.point(lambda level: 255 * (level > 127)))

    def pixels(self, length: float) -> int:
        """A length in whole pixels."""
        return round(length * self._height)

"""What is in a drawn street scene, and where."""

import numpy as np

from rtml_tf.data import glyph_faces
from rtml_tf.data.scene_canvas import Colour, Point, SceneCanvas

# Raise it with every change to the drawing: cached scenes of other versions are not used.
VERSION = 1

CLASS_NAMES = ("sky", "building", "road", "pavement", "tree", "sign", "car", "person")
_SKY, _BUILDING, _ROAD, _PAVEMENT, _TREE, _SIGN, _CAR, _PERSON = range(len(CLASS_NAMES))
VOID = 255

# Each thing varies around one of its colours, by so much a channel.
_COLOURS = {
    _SKY: ((150, 195, 235),),
    _BUILDING: ((190, 150, 120), (165, 120, 105), (205, 190, 165)),
    _ROAD: ((95, 95, 100),),
    _PAVEMENT: ((170, 165, 160),),
    _TREE: ((60, 125, 55), (85, 140, 60)),
    _SIGN: ((235, 200, 40), (225, 225, 230)),
    _CAR: ((190, 40, 40), (45, 80, 170), (225, 225, 225), (50, 55, 60)),
    _PERSON: ((210, 90, 60), (60, 60, 140), (120, 60, 110), (70, 100, 60)),
}
_VARIATION = 14
_GLASS, _LAMP, _TYRE, _BONNET = (95, 115, 135), (240, 120, 60), (30, 30, 30), (60, 60, 65)
_TRUNK, _POLE, _SKIN, _PAINT, _INK = (
    (100, 75, 55),
    (130, 130, 135),
    (225, 180, 150),
    (225, 225, 225),
    (20, 20, 20),
)
_FACE, _GLYPHS = "DejaVuSans-Bold", "PSTX35!"


def draw_scene(
    *, height: int, width: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a street that leads to the horizon, with what stands beside it and drives on it.

    Args:
        height: Of the image, in pixels.
        width: Of the image, in pixels.
        rng: What everything random is drawn from.

    Returns:
        The image, uint8 `[height, width, 3]`, and the mask, uint8 `[height, width]`: places in
        `CLASS_NAMES`, and `VOID`.
    """
    return _Scene(SceneCanvas(height=height, width=width), rng).draw()


class _Scene:
    """One scene. Things are larger the nearer they are: `depth` is 0 at the horizon, 1 below."""

    def __init__(self, canvas: SceneCanvas, rng: np.random.Generator):
        self._canvas = canvas
        self._rng = rng
        self._horizon = rng.uniform(0.42, 0.54)
        self._vanishing = canvas.width * rng.uniform(0.4, 0.6)

    def draw(self) -> tuple[np.ndarray, np.ndarray]:
        rng, canvas = self._rng, self._canvas
        canvas.box(_SKY, (0, 0), (canvas.width, 1), self._colour(_SKY))
        self._buildings()
        self._ground()
        # What is nearer hides what is farther.
        for thing, most in ((self._tree, 3), (self._sign, 2)):
            for depth in np.sort(rng.uniform(0.18, 0.7, rng.integers(1, most + 1))):
                thing(*self._beside_the_road(depth))
        for depth in np.sort(rng.uniform(0.15, 0.8, rng.integers(1, 4))):
            self._car(depth)
        for depth in np.sort(rng.uniform(0.18, 0.7, rng.integers(1, 5))):
            self._person(*self._beside_the_road(depth))
        if rng.random() < 0.5:
            # The front of the car that carries the camera is of no class.
            canvas.ellipse(VOID, (canvas.width / 2, 1.02), (0.45 * canvas.width, 0.08), _BONNET)
        return canvas.arrays()

    def _colour(self, number: int) -> Colour:
        choices = _COLOURS[number]
        colour = np.array(choices[self._rng.integers(len(choices))])
        colour += self._rng.integers(-_VARIATION, _VARIATION + 1, 3)
        return tuple(int(value) for value in np.clip(colour, 0, 255))

    def _on_the_road(self, depth: float, across: float) -> Point:
        """A point of the road: `across` is -1 at its left edge, 0 in the middle, 1 at the right."""
        middle = self._vanishing + depth * (self._canvas.width / 2 - self._vanishing)
        return (
            middle + across * (0.03 + 0.55 * depth),
            self._horizon + depth * (1 - self._horizon),
        )

    def _beside_the_road(self, depth: float) -> tuple[float, float, float]:
        """A place on a pavement, and the size of things there."""
        side = self._rng.choice([-1, 1])
        x, y = self._on_the_road(depth, side)
        return x + side * self._rng.uniform(0.04, 0.25), y, 0.35 + 0.8 * depth

    def _buildings(self) -> None:
        rng, canvas, left = self._rng, self._canvas, 0.0
        while left < canvas.width:
            right, top = left + rng.uniform(0.15, 0.45), self._horizon - rng.uniform(0.1, 0.4)
            if rng.random() < 0.85:
                corners = (left, top), (right, self._horizon + 0.1)
                canvas.box(_BUILDING, *corners, self._colour(_BUILDING))
                step = rng.uniform(0.07, 0.1)
                for y in np.arange(top + 0.03, self._horizon - 0.03, step):
                    for x in np.arange(left + 0.03, right - 0.04, step):
                        canvas.box(_BUILDING, (x, y), (x + 0.035, y + 0.04), _GLASS)
            left = right

    def _ground(self) -> None:
        canvas, top = self._canvas, self._on_the_road(0.06, 0)[1]
        canvas.box(_PAVEMENT, (0, top), (canvas.width, 1), self._colour(_PAVEMENT))
        edges = [self._on_the_road(*end) for end in ((0.06, -1), (0.06, 1), (1, 1), (1, -1))]
        canvas.polygon(_ROAD, edges, self._colour(_ROAD))
        for depth in (0.15, 0.3, 0.5, 0.78):
            (x, y), half = self._on_the_road(depth, 0), 0.012 + 0.03 * depth
            stripe = [(x - half, y), (x + half, y)]
            stripe += [(x + 1.3 * half, y + 2 * half), (x - 1.3 * half, y + 2 * half)]
            canvas.polygon(_ROAD, stripe, _PAINT)

    def _tree(self, x: float, y: float, size: float) -> None:
        top, half, crown = y - 0.45 * size, 0.02 * size, 0.14 * size
        self._canvas.box(_TREE, (x - half, top), (x + half, y), _TRUNK)
        colour = self._colour(_TREE)
        for dx, dy in self._rng.uniform(-0.5, 0.5, (4, 2)) * crown:
            self._canvas.ellipse(_TREE, (x + dx, top + dy), (crown, crown), colour)

    def _sign(self, x: float, y: float, size: float) -> None:
        canvas, top, pole, half = self._canvas, y - 0.42 * size, 0.012 * size, 0.08 * size
        canvas.box(_SIGN, (x - pole, top), (x + pole, y), _POLE)
        canvas.box(_SIGN, (x - half, top - half), (x + half, top + half), self._colour(_SIGN))
        glyph = _GLYPHS[self._rng.integers(len(_GLYPHS))]
        ink = glyph_faces.ink(glyph, _FACE, em_size=max(canvas.pixels(1.6 * half), 6))
        canvas.stamp(ink, (x, top), _INK)

    def _car(self, depth: float) -> None:
        canvas, rng = self._canvas, self._rng
        x, y = self._on_the_road(depth, rng.choice([-1, 1]) * rng.uniform(0.35, 0.55))
        half, body, roof = (share * (0.12 + 0.6 * depth) for share in (0.2, 0.16, 0.28))
        wheels = [x - 0.75 * half, x + 0.75 * half]
        for wheel in wheels:
            canvas.ellipse(_CAR, (wheel, y), (0.22 * half, 0.22 * half), _TYRE)
        cabin = [(x - 0.8 * half, y - body), (x - 0.55 * half, y - roof)]
        cabin += [(x + 0.55 * half, y - roof), (x + 0.8 * half, y - body)]
        canvas.polygon(_CAR, cabin, _GLASS)
        canvas.box(_CAR, (x - half, y - body), (x + half, y), self._colour(_CAR))
        for lamp in wheels:
            canvas.ellipse(_CAR, (lamp, y - 0.6 * body), (0.12 * half, 0.12 * half), _LAMP)

    def _person(self, x: float, y: float, size: float) -> None:
        canvas, height, half = self._canvas, 0.26 * size, 0.04 * size
        hip = y - 0.5 * height
        canvas.box(_PERSON, (x - 0.8 * half, hip), (x + 0.8 * half, y), self._colour(_PERSON))
        coat = (half, 0.28 * height)
        canvas.ellipse(_PERSON, (x, y - 0.6 * height), coat, self._colour(_PERSON))
        canvas.ellipse(_PERSON, (x, y - height), (0.6 * half, 0.7 * half), _SKIN)

"""The classes that pixels can have: their names, their colours, their numbers in mask files."""

from collections.abc import Mapping, Sequence

import numpy as np

Colour = tuple[int, int, int]


class LabelSet:
    """Classes of pixels, and how mask files write them.

    A mask file writes an id in each pixel, or a colour. Several ids may be one class; those of
    `ignored` are none. An id that is neither is an error of the file, and no pixel is ever taken
    for another class in silence.

    Example: `LabelSet(class_names=("road", "car"), palette=((128, 64, 128), (0, 0, 142)),
    classes_of={7: "road", 26: "car", 29: "car"}, ignored=(0, 1))`.

    Attributes:
        class_names: The names of the `K` classes, in the order of their numbers `0..K-1`.
        palette: uint8 `[K, 3]`, the colour (red, green, blue) in which a class is shown.
        classes_of: The class name of every id or colour that is one.
        ignored: The ids or colours that are no class.
        ignore_value: What stands in a mask for no class.
        by_colour: Whether files write colours.
    """

    def __init__(
        self,
        *,
        class_names: Sequence[str],
        palette: Sequence[Colour],
        classes_of: Mapping[int, str] | Mapping[Colour, str],
        ignored: Sequence[int] | Sequence[Colour] = (),
        ignore_value: int = 255,
    ):
        """Takes the classes.

        Args:
            class_names: At least two different names.
            palette: As many colours, of three values in `0..255`.
            classes_of: The class name by id (in `0..65535`), or by colour.
            ignored: Ids or colours, as in `classes_of`, that are no class.
            ignore_value: In `K..255`.

        Raises:
            ValueError: If something does not fit together or is out of range.
        """
        self.class_names = tuple(class_names)
        self.classes_of = dict(classes_of)
        self.ignored = tuple(ignored)
        self.ignore_value = ignore_value
        if len(set(self.class_names)) != len(self.class_names) or len(self.class_names) < 2:
            raise ValueError(
                f"class_names must be at least two different names, got {self.class_names}."
            )
        colours = np.asarray(palette)
        if colours.shape != (self.num_classes, 3) or colours.min() < 0 or colours.max() > 255:
            raise ValueError(
                f"palette must hold {self.num_classes} colours of three values in 0..255, one for "
                f"each class, got {palette!r}."
            )
        self.palette = colours.astype(np.uint8)
        if not self.num_classes <= ignore_value <= 255:
            raise ValueError(
                f"ignore_value must lie in {self.num_classes}..255, beside the numbers of the "
                f"classes, got {ignore_value}."
            )
        self._check_classes()
        written = [*self.classes_of, *self.ignored]
        self.by_colour = _are_colours(written)
        if len(set(written)) != len(written):
            twice = next(value for value in written if written.count(value) > 1)
            raise ValueError(f"{twice} is given twice, in classes_of and ignored.")

    @property
    def num_classes(self) -> int:
        """The number of classes `K`."""
        return len(self.class_names)

    def number_of(self, class_name: str) -> int:
        """The number of a class; a `ValueError` that names the classes if there is none."""
        if class_name not in self.class_names:
            raise ValueError(f"there is no class {class_name!r} in {', '.join(self.class_names)}.")
        return self.class_names.index(class_name)

    def table(self) -> np.ndarray:
        """The class number of whatever a file may have written.

        Returns:
            int16 `[65536]` by id, or `[2**24]` by colour as `65536 red + 256 green + blue`. It is
            `ignore_value` for what is ignored, and -1 for what is unknown.
        """
        table = np.full(1 << 24 if self.by_colour else 1 << 16, -1, np.int16)
        numbers = {value: self.number_of(name) for value, name in self.classes_of.items()}
        numbers |= {value: self.ignore_value for value in self.ignored}
        for value, number in numbers.items():
            if self.by_colour:
                red, green, blue = value
                value = (red << 16) + (green << 8) + blue
            table[value] = number
        return table

    def only(self, class_names: Sequence[str]) -> "LabelSet":
        """These classes alone, in this order; whatever is another class is ignored."""
        rows = [self.number_of(name) for name in class_names]
        left_out = [value for value, name in self.classes_of.items() if name not in class_names]
        return LabelSet(
            class_names=class_names,
            palette=self.palette[rows].tolist(),
            classes_of={v: name for v, name in self.classes_of.items() if name in class_names},
            ignored=(*self.ignored, *left_out),
            ignore_value=self.ignore_value,
        )

    def _check_classes(self) -> None:
        for value, name in self.classes_of.items():
            if name not in self.class_names:
                raise ValueError(f"classes_of names {name!r} for {value}, which is no class.")
        missing = set(self.class_names) - set(self.classes_of.values())
        if missing:
            raise ValueError(f"classes_of has nothing for the class {sorted(missing)[0]!r}.")


def _are_colours(written: list) -> bool:
    """Whether all values are colours; a `ValueError` if they are neither ids nor colours."""
    if all(isinstance(value, int) and 0 <= value < 1 << 16 for value in written):
        return False
    for value in written:
        if not (isinstance(value, tuple) and len(value) == 3):
            raise ValueError(
                f"classes_of and ignored must hold ids in 0..65535, or colours, got {value!r}."
            )
        if not all(isinstance(part, int) and 0 <= part <= 255 for part in value):
            raise ValueError(f"a colour must be three values in 0..255, got {value!r}.")
    return True

"""The font faces that glyphs are drawn from, and the characters that they share."""

import functools
import hashlib
import os
import unicodedata

import matplotlib
from matplotlib import ft2font
from PIL import Image, ImageDraw, ImageFont

# Whole text fonts with a true Unicode character map.
_UNICODE_FACES = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-Oblique",
    "DejaVuSans-BoldOblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-Oblique",
    "DejaVuSansMono-BoldOblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-Italic",
    "DejaVuSerif-BoldItalic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralItalic",
    "STIXGeneralBolIta",
)

# Computer Modern: outside ASCII its character map holds TeX's slots, not Unicode's characters,
# and its two symbol fonts (cmsy10, cmex10) have symbols in the places of ASCII letters.
_ASCII_FACES = ("cmr10", "cmb10", "cmss10", "cmtt10", "cmti10", "cmmi10")

FACES = _UNICODE_FACES + _ASCII_FACES

# Modifier letters (Lm) are missing on purpose: they are small raised copies of other letters.
_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lo", "Nd"})

MIN_FACES = 6


def face_file(face: str) -> str:
    """The path of the font file of a face, among matplotlib's data.

    Raises:
        FileNotFoundError: If this installation of matplotlib comes without the file.
    """
    path = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", f"{face}.ttf")
    if not os.path.isfile(path):
        raise FileNotFoundError(f"matplotlib {matplotlib.__version__} has no font file {path!r}.")
    return path


def fingerprint() -> str:
    """A SHA-256 digest of all font files: other fonts, other drawings."""
    digest = hashlib.sha256()
    for face in FACES:
        with open(face_file(face), "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def candidates() -> list[tuple[str, tuple[str, ...]]]:
    """All letters and digits that at least `MIN_FACES` faces have, with those faces.

    Precomposed characters (those with a canonical decomposition, such as A with an acute accent)
    are left out: they would make up two fifths of the set, and telling the dozen accents of one
    letter apart in a few pixels is another task than telling letters apart.

    Returns:
        Pairs of a character and its faces. Characters with more faces come first, then letters
        before digits, then by code point: the basic Latin alphabet leads.
    """
    faces_of: dict[str, list[str]] = {}
    for face in FACES:
        for code_point in sorted(ft2font.FT2Font(face_file(face)).get_charmap()):
            character = chr(code_point)
            if face in _ASCII_FACES and not character.isascii():
                continue
            if unicodedata.category(character) not in _CATEGORIES:
                continue
            if unicodedata.normalize("NFD", character) != character:
                continue
            faces_of.setdefault(character, []).append(face)
    found = [(c, tuple(faces)) for c, faces in faces_of.items() if len(faces) >= MIN_FACES]
    return sorted(found, key=lambda pair: (-len(pair[1]), pair[0].isdigit(), pair[0]))


@functools.cache
def _font(face: str, em_size: int) -> ImageFont.FreeTypeFont:
    # The basic layout needs no optional library, so it is the same everywhere.
    return ImageFont.truetype(face_file(face), em_size, layout_engine=ImageFont.Layout.BASIC)


def ink(
    character: str, face: str, *, em_size: int, relative_stroke: float = 0.0
) -> Image.Image | None:
    """Draws one character white on black, cropped to its bounding box.

    Args:
        character: One character.
        face: One of `FACES`.
        em_size: The font's size in pixels.
        relative_stroke: How far the outline is moved outwards, as a share of the longest side of
            the character's bounding box.

    Returns:
        A grey image as large as the ink, or None if the face draws nothing.
    """
    font = _font(face, em_size)
    left, top, right, bottom = font.getbbox(character)
    stroke = relative_stroke * max(right - left, bottom - top)
    margin = int(stroke) + 2
    image = Image.new("L", (int(right - left) + 2 * margin, int(bottom - top) + 2 * margin))
    ImageDraw.Draw(image).text(
        (margin - left, margin - top), character, fill=255, font=font, stroke_width=stroke
    )
    box = image.getbbox()
    return None if box is None else image.crop(box)

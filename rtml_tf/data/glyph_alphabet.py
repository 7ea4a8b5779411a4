"""Which characters are classes: one for everything that looks the same."""

import dataclasses

import numpy as np

from rtml_tf.data import glyph_comparison, glyph_faces

# A character looks the same as a class if more than this share of its faces does.
_MAX_ALIKE = 1 / 3

# So many candidates are drawn and compared at once.
_BLOCK = 32


@dataclasses.dataclass(frozen=True)
class GlyphClass:
    """A character that is a class, and the faces in which it can be told from all others.

    Attributes:
        character: One character.
        faces: At least `glyph_faces.MIN_FACES` of `glyph_faces.FACES`.
    """

    character: str
    faces: tuple[str, ...]


def glyph_classes(limit: int | None = None) -> tuple[GlyphClass, ...]:
    """Finds the characters that look different from one another.

    The candidates of `glyph_faces` are taken one after the other, so the first classes do not
    depend on what follows. Each face's drawing is compared with the drawings of all classes so
    far, in all their faces, normalised to one size as in the images (`glyph_comparison`). A
    character of which more than a third of the drawings look like one class is left out (Greek
    Alpha is the Latin A, the small o is the capital O). Of the others, the single drawings that
    look like another class are left out (in a face without serifs the small l is the capital I),
    and a class must keep at least `glyph_faces.MIN_FACES` faces. So any two drawings that are
    used for two classes differ.

    Args:
        limit: Stop after so many classes; None finds all.
    """
    candidates = glyph_faces.candidates()
    classes: list[GlyphClass] = []
    taken: list[glyph_comparison.Drawings] = []  # The drawings of all classes so far, ...
    owner = np.empty(0, np.int64)  # ... and the class of each.
    for start in range(0, len(candidates), _BLOCK):
        block = candidates[start : start + _BLOCK]
        new = glyph_comparison.Drawings.of((c, face) for c, faces in block for face in faces)
        known = glyph_comparison.join([*taken, new])
        owner = np.concatenate([owner, np.full(len(new.ink), -1)])  # -1: of no class (yet).
        alike = new.look_like(known)
        first = len(owner) - len(new.ink)
        stop = 0
        for character, faces in block:
            rows = slice(stop, stop + len(faces))
            stop = rows.stop
            face_number, drawing = np.nonzero(alike[rows] & (owner >= 0))
            like = np.zeros((len(faces), len(classes)), bool)
            like[face_number, owner[drawing]] = True
            unlike = np.flatnonzero(~like.any(axis=1) & (new.total[rows] > 0))
            if (
                like.mean(axis=0).max(initial=0.0) > _MAX_ALIKE
                or len(unlike) < glyph_faces.MIN_FACES
            ):
                continue
            owner[first + rows.start + unlike] = len(classes)
            classes.append(GlyphClass(character, tuple(faces[i] for i in unlike)))
            if len(classes) == limit:
                return tuple(classes)
        taken, owner = [known[owner >= 0]], owner[owner >= 0]
    return tuple(classes)

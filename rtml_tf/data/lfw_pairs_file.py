"""The format of LFW's pairs.txt."""

import dataclasses
import os


@dataclasses.dataclass(frozen=True)
class LfwImage:
    """One image of one person.

    Attributes:
        person: The person's name, as in the name of the folder.
        number: The number of the image, from 1.
    """

    person: str
    number: int

    @property
    def stem(self) -> str:
        """The path of the image without its suffix, `Person_Name/Person_Name_0001`."""
        return f"{self.person}/{self.person}_{self.number:04d}"


@dataclasses.dataclass(frozen=True)
class LfwPair:
    """A line of the file.

    Attributes:
        left: The first image.
        right: The second image.
        fold: The fold, counted from 0.
        line: The number of the line, counted from 1.
    """

    left: LfwImage
    right: LfwImage
    fold: int
    line: int

    @property
    def same(self) -> bool:
        """Whether both images are of the same person."""
        return self.left.person == self.right.person


def read_lfw_pairs(file: str) -> list[LfwPair]:
    """Reads a pairs file.

    The first line says how many folds there are and how many pairs of each kind a fold has
    (`10 300`); one number alone is that of the pairs of the only fold. Each fold then has its
    pairs of the same person (`name number number`), followed by its pairs of different people
    (`name number name number`). Fields are separated by tabs or spaces.

    Raises:
        ValueError: If the file does not exist or a line is malformed, not in UTF-8, missing or too
            much (with its number).
    """
    file = os.path.expanduser(file)
    if not os.path.isfile(file):
        raise ValueError(
            f"file must be an existing pairs file, got {file!r} (looked for "
            f"{os.path.abspath(file)})."
        )
    rows = _rows(file)
    folds, pairs_of_a_kind = _header(rows[0] if rows else [], file)
    expected = 1 + 2 * folds * pairs_of_a_kind
    counted = ""
    if len(rows) != expected:
        counted = (
            f"; the first line asks for {expected} lines ({folds} folds with twice "
            f"{pairs_of_a_kind} pairs), the file has {len(rows)}"
        )
    pairs = []
    for number, fields in enumerate(rows[1:expected]):
        fold, place = divmod(number, 2 * pairs_of_a_kind)
        line = number + 2
        try:
            left, right = _images(fields, same=place < pairs_of_a_kind)
        except ValueError as error:
            raise ValueError(
                f"{file}, line {line}: expected {error}, got {' '.join(fields)!r}{counted}."
            ) from error
        pairs.append(LfwPair(left=left, right=right, fold=fold, line=line))
    if len(rows) < expected:
        raise ValueError(f"{file}, line {len(rows) + 1}: expected a pair, got none{counted}.")
    if len(rows) > expected:
        raise ValueError(
            f"{file}, line {expected + 1}: expected the end of the file, got "
            f"{' '.join(rows[expected])!r}{counted}."
        )
    return pairs


def _rows(file: str) -> list[list[str]]:
    """The fields of every line, but of empty ones at the end."""
    rows = []
    with open(file, encoding="utf-8-sig", errors="surrogateescape") as stream:
        for line, text in enumerate(stream, start=1):
            try:
                text.encode()
            except UnicodeEncodeError as error:
                received = text.strip().encode(errors="surrogateescape")
                raise ValueError(
                    f"{file}, line {line}: expected text in UTF-8, got {received!r:.80}."
                ) from error
            rows.append(text.split())
    while rows and not rows[-1]:
        rows.pop()
    return rows


def _header(fields: list[str], file: str) -> tuple[int, int]:
    numbers = [int(field) for field in fields if field.isdecimal()]
    if len(numbers) != len(fields) or len(numbers) not in (1, 2) or min(numbers) < 1:
        raise ValueError(
            f"{file}, line 1: expected the number of folds and of pairs of a kind in each (such "
            f"as 10 300), got {' '.join(fields)!r}."
        )
    return (1, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])


def _images(fields: list[str], *, same: bool) -> tuple[LfwImage, LfwImage]:
    """The two images of a line; the error says what was expected."""
    if same and len(fields) == 3:
        fields = [fields[0], fields[1], fields[0], fields[2]]
    elif same or len(fields) != 4:
        raise ValueError("'name number number'" if same else "'name number name number'")
    if not (fields[1].isdecimal() and fields[3].isdecimal()):
        raise ValueError("image numbers")
    left = LfwImage(fields[0], int(fields[1]))
    right = LfwImage(fields[2], int(fields[3]))
    if left == right or (left.person == right.person) != same:
        raise ValueError("two images of one person" if same else "two different people")
    return left, right

"""What is wrong with a file, as a part of an error message."""

from collections.abc import Sequence

# Enough to see a pattern in what is wrong, few enough to read.
_NAMED = 5


def listed(problems: Sequence[str]) -> str:
    """The first problems and how many there are: " (7): line 3: ...; line 9: ...; and 5 more"."""
    more = len(problems) - _NAMED
    end = f"; and {more} more" if more > 0 else ""
    return f" ({len(problems)}): {'; '.join(problems[:_NAMED])}{end}"

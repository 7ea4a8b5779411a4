"""The names of examples: unique in a source, and the same in two."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

_NAMED = 5


def check_unique_keys(keys: Sequence[str], *, place: str) -> None:
    """Refuses names that stand for more than one example.

    Args:
        keys: The names.
        place: Where they are, as the error calls it.

    Raises:
        ValueError: If a name is there twice; names the first few and says how many there are.
    """
    repeated = [key for key, count in Counter(keys).items() if count > 1]
    if repeated:
        raise ValueError(f"{place} has duplicated keys{listed(repeated)}.")


def match_keys(
    source: Sequence[str], target: Sequence[str], *, ignore_extra: bool = False
) -> np.ndarray:
    """Finds the examples of one source in another.

    Args:
        source: The names of `N` examples.
        target: The names of the same examples, in any order.
        ignore_extra: Whether `target` may have more.

    Returns:
        int64 `[N]`: `target[result[i]] == source[i]`.

    Raises:
        ValueError: If a name is duplicated, missing in `target`, or extra there; names the first
            few and says how many there are.
    """
    check_unique_keys(source, place="source")
    check_unique_keys(target, place="target")
    number_of = {key: number for number, key in enumerate(target)}
    problems = []
    missing = [key for key in source if key not in number_of]
    if missing:
        problems.append(f"target has no example for keys of source{listed(missing)}")
    known = set(source)
    extra = [] if ignore_extra else [key for key in target if key not in known]
    if extra:
        problems.append(f"target has extra keys{listed(extra)}")
    if problems:
        raise ValueError(f"{'; '.join(problems)}.")
    return np.array([number_of[key] for key in source], np.int64)


def listed(keys: Iterable[str]) -> str:
    """The end of a sentence that is about keys: how many, and the first of them."""
    keys = list(keys)
    more = ", ..." if len(keys) > _NAMED else ""
    return f" ({len(keys)}): {', '.join(keys[:_NAMED])}{more}"

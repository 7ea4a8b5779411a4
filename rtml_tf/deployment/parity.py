"""Whether a file is still the network that it was made from."""

from collections.abc import Collection, Mapping

import numpy as np

Figures = Mapping[str, Mapping[str, float]]


def cosines(outputs: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Cosine between each output of a file and that of the network.

    Args:
        outputs: `[N, ...]`.
        reference: The same shape. Two zero vectors are equal: 1; one is orthogonal to all others.

    Returns:
        float64 `[N]`.

    Raises:
        ValueError: If the shapes differ.
    """
    if outputs.shape != reference.shape:
        raise ValueError(
            f"The file's outputs must have the shape of the network's, {reference.shape}, got "
            f"{outputs.shape}."
        )
    a, b = (x.reshape(len(x), -1).astype(np.float64) for x in (outputs, reference))
    lengths = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    both_zero = (lengths[0] == 0.0) & (lengths[1] == 0.0)
    products = np.maximum(lengths[0] * lengths[1], np.finfo(np.float64).tiny)
    return np.where(both_zero, 1.0, np.einsum("nd,nd->n", a, b) / products)


class ParityLimits:
    """How far a file may be from its network."""

    def __init__(
        self,
        *,
        worst_cosine: float = 0.98,
        largest_drops: Mapping[str, float] | None = None,
        largest_bytes: Mapping[str, int] | None = None,
    ):
        """Sets the limits.

        Args:
            worst_cosine: What every held-out image must reach, in [-1, 1].
            largest_drops: By the name of a figure, such as "recall@1", how much lower it may be
                than that of the network, in every evaluation that has it; at least 0.
            largest_bytes: By the name of a file without suffix, how large it may be.

        Raises:
            ValueError: If a limit is out of range.
        """
        if not -1.0 <= worst_cosine <= 1.0:
            raise ValueError(f"worst_cosine must be in [-1, 1], got {worst_cosine}.")
        self._drops = dict(largest_drops or {})
        for figure, drop in self._drops.items():
            if not drop >= 0.0:
                raise ValueError(f"largest_drops of {figure!r} must be at least 0, got {drop}.")
        self._worst_cosine = worst_cosine
        self._largest_bytes = dict(largest_bytes or {})

    def check_files(self, files: Collection[str]) -> None:
        """Refuses a limit of a file that is not made, with a `ValueError`."""
        unknown = sorted(set(self._largest_bytes) - set(files))
        if unknown:
            raise ValueError(
                f"largest_bytes names {', '.join(unknown)}; the files are {', '.join(files)}."
            )

    def check_figures(self, evaluations: Mapping[str, object]) -> None:
        """Refuses a limit of a figure that no evaluation gives, with a `ValueError`."""
        known = {figure for e in evaluations.values() for figure in e.figure_names}
        unknown = sorted(set(self._drops) - known)
        if unknown:
            raise ValueError(
                f"largest_drops names {', '.join(unknown)}, which no evaluation gives; there are "
                f"{', '.join(sorted(known)) or 'none'}."
            )

    def violations(self, form: str, file: Mapping, reference: Figures) -> list[str]:
        """What a file does not keep, a sentence each.

        Args:
            form: The name of the file without suffix.
            file: The entry of the file in the report: "file", "bytes", "cosine", "figures".
            reference: `{evaluation: {figure: value}}` of the network.
        """
        found = []
        name, worst = file["file"], file["cosine"]["worst"]
        # NaN keeps no limit.
        if not worst >= self._worst_cosine:
            found.append(f"{name}: the worst cosine is {worst:.4f}, below {self._worst_cosine:g}.")
        for evaluation, figures in file["figures"].items():
            for figure, limit in self._drops.items():
                if figure not in figures:
                    continue
                value, whole = figures[figure], reference[evaluation][figure]
                if not whole - value <= limit:
                    found.append(
                        f"{name}: {figure} of {evaluation!r} is {value:.4f}, the network's "
                        f"{whole:.4f}, a drop of more than {limit:g}."
                    )
        largest = self._largest_bytes.get(form)
        if largest is not None and file["bytes"] > largest:
            found.append(f"{name}: {file['bytes']} bytes, more than {largest}.")
        return found

    def describe(self) -> dict:
        """The limits, as JSON can hold them."""
        return {
            "worst_cosine": self._worst_cosine,
            "largest_drops": self._drops,
            "largest_bytes": self._largest_bytes,
        }

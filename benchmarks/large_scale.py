"""What a training run of any size needs, computed from measured constants.

    python benchmarks/large_scale.py --machines=16 --step_seconds=0.4

Prints the Markdown table of docs/large_scale.md. Every row has its formula in the letters of the
first table; constants that another machine measured are given as flags.
"""

from collections.abc import Callable
from typing import Any

from absl import app, flags

# Letter: (flag, default, what it is).
_CONSTANTS: dict[str, tuple[str, float, str]] = {
    "N": ("images", 100_000_000, "images"),
    "C": ("identities", 10_000_000, "identities"),
    "b": ("image_bytes", 3_365, "bytes of an encoded image (a face of 112x112, JPEG)"),
    "M": ("machines", 16, "machines, one process each"),
    "G": ("replicas", 1, "replicas a machine"),
    "B": ("batch_size", 32, "images a replica and step"),
    "D": ("embedding_size", 128, "components of an embedding"),
    "P": ("parameters", 11_200_000, "parameters of the network (ResNet-18)"),
    "t": ("step_seconds", 0.189, "seconds of a step of one replica, alone"),
    "e": ("efficiency", 0.7, "share of the throughput that remains with all replicas"),
    "E": ("epochs", 10, "epochs"),
    "w": ("network_bytes", 1.25e9, "bytes a second between machines (10 Gbit/s)"),
    "p": ("packing_rate", 14_400, "images packed a second"),
    "c": ("checking_rate", 3_500, "images checked a second before they are packed"),
    "r": ("reading_rate", 2_150, "packed images read and decoded a second and core"),
    "l": ("list_bytes", 290, "bytes an image of the list of files that is packed"),
    "o": ("opening_bytes", 278, "bytes an image while a pack is opened"),
    "i": ("index_bytes", 149, "bytes an image of an opened pack (names of 36 letters)"),
    "s": ("sampler_bytes", 50, "bytes an image of a subset, the sampler and two epochs' order"),
    "d": ("drawing_bytes", 81, "bytes an image while an epoch is drawn"),
    "f": ("search_rate", 62e9, "multiply-adds a second of the exact search"),
}

_ROWS: tuple[tuple[str, str, str, Callable[[Any], float], float], ...] = (
    ("packed files", "N b", "GB", lambda v: v.N * v.b, 1e9),
    ("shards of 10,000 images", "N / 10^4", "", lambda v: v.N / 1e4, 1),
    ("memory while packing", "N l", "GB", lambda v: v.N * v.l, 1e9),
    ("checking and packing", "N (1 / c + 1 / p)", "hours", lambda v: v.N / v.c + v.N / v.p, 3600),
    ("memory while a pack is opened", "N o", "GB a process", lambda v: v.N * v.o, 1e9),
    ("memory in training", "N (i + s)", "GB a process", lambda v: v.N * (v.i + v.s), 1e9),
    ("and while an epoch is drawn", "N d", "GB a process", lambda v: v.N * v.d, 1e9),
    ("images needed", "G B / t", "images/s a machine", lambda v: v.G * v.B / v.t, 1),
    ("cores that read them", "G B / (t r)", "cores a machine", lambda v: v.G * v.B / v.t / v.r, 1),
    ("steps an epoch", "N / (M G B)", "", lambda v: v.N / (v.R * v.B), 1),
    (
        "training",
        "E N t / (M G B e)",
        "hours",
        lambda v: v.E * v.N * v.t / (v.R * v.B * v.e),
        3600,
    ),
    (
        "gradients sent by a replica",
        "2 (1 - 1 / M G) 4 P",
        "MB a step",
        lambda v: 2 * (1 - 1 / v.R) * 4 * v.P,
        1e6,
    ),
    (
        "embeddings and labels sent by a replica",
        "(M G - 1) 4 B (D + 1)",
        "MB a step and exchange",
        lambda v: (v.R - 1) * 4 * v.B * (v.D + 1),
        1e6,
    ),
    (
        "time on the network",
        "G (both) / w",
        "seconds a step",
        lambda v: v.G * (2 * (1 - 1 / v.R) * 4 * v.P + (v.R - 1) * 4 * v.B * (v.D + 1)) / v.w,
        1,
    ),
    (
        "similarities of a batch",
        "4 (M G B)^2",
        "MB a replica",
        lambda v: 4 * (v.R * v.B) ** 2,
        1e6,
    ),
    (
        "class weights with Adam, on every replica",
        "3 * 4 C D",
        "GB a replica",
        lambda v: 12 * v.C * v.D,
        1e9,
    ),
    (
        "class weights with momentum, divided among all",
        "2 * 4 C D / (M G)",
        "GB a replica",
        lambda v: 8 * v.C * v.D / v.R,
        1e9,
    ),
    (
        "the same while they are saved",
        "2 * 4 C D",
        "GB a process",
        lambda v: 8 * v.C * v.D,
        1e9,
    ),
    ("embeddings of all images", "4 N D", "GB", lambda v: 4 * v.N * v.D, 1e9),
    (
        "exact search of 10,000 of them among all",
        "10^4 N D / f",
        "hours",
        lambda v: 1e4 * v.N * v.D / v.f,
        3600,
    ),
    (
        "exact search of all of them",
        "N^2 D / f",
        "hours",
        lambda v: v.N**2 * v.D / v.f,
        3600,
    ),
)

for _flag, _default, _meaning in _CONSTANTS.values():
    flags.DEFINE_float(_flag, _default, f"{_meaning[0].upper()}{_meaning[1:]}.", 0.0)


class _Values:
    """The constants by their letters, and `R`, the number of replicas."""

    def __init__(self):
        for letter, (flag, _, _) in _CONSTANTS.items():
            setattr(self, letter, flags.FLAGS[flag].value)
        self.R = self.M * self.G


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main(_: list[str]) -> None:
    values = _Values()
    print("| | constant | value |\n|---|---|---:|")
    for letter, (_, _, meaning) in _CONSTANTS.items():
        print(f"| `{letter}` | {meaning} | {_number(getattr(values, letter))} |")
    print("\n| | formula | value | |\n|---|---|---:|---|")
    for name, formula, unit, value, scale in _ROWS:
        print(f"| {name} | `{formula}` | {_number(value(values) / scale)} | {unit} |")


if __name__ == "__main__":
    app.run(main)

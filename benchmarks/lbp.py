"""What local binary patterns cost, and that scikit-image counts the same.

    ./bazelw run //benchmarks:lbp -- --root=lfw112

Reads grey images from a folder of class folders, prints a table and writes it to
`docs/results/lbp.md`. A pipeline gives batches of descriptors, as for training and evaluation, from
images in memory. Processor time is what is compared, over all threads of the process: a machine
that has other things to do changes it less than the time on the clock. The rounds of all are
interleaved, and ratios are medians of the ratios within a round.
"""

import os
import pathlib
import statistics
import time
from collections.abc import Callable

import numpy as np
from absl import app, flags
from skimage.feature import local_binary_pattern

from benchmarks.sweep import provenance
from rtml_tf import users_folder
from rtml_tf.data import lbp_mappings
from rtml_tf.data.batches import OrderedBatches
from rtml_tf.data.cached_images import CachedImages
from rtml_tf.data.image_folder import ImageFolder
from rtml_tf.data.local_binary_patterns import LocalBinaryPatterns
from rtml_tf.data.source import ImageSource, Subset
from rtml_tf.data.viewed_source import ViewedSource

_ROOT = flags.DEFINE_string("root", None, "Folder with one folder of images per class.")
_OUTPUT = flags.DEFINE_string("output", "docs/results/lbp.md", "Where the page is written.")
_IMAGE_SIZE = flags.DEFINE_integer("image_size", 112, "Height and width in pixels.", 8)
_IMAGES = flags.DEFINE_integer("images", 512, "Images in a round.", 1)
_ROUNDS = flags.DEFINE_integer("rounds", 5, "Timed rounds.", 1)
_GRID = (7, 7)
_BATCH_SIZE = 64
_MAPPINGS = {
    "nri_uniform": lbp_mappings.UniformPatterns(),
    "uniform": lbp_mappings.RotationInvariantUniformPatterns(),
}
_VIEWS = (
    (8, 1.0, "nri_uniform"),
    (8, 2.0, "nri_uniform"),
    (8, 1.0, "uniform"),
    (16, 2.0, "uniform"),
    (24, 3.0, "uniform"),
)


def _view(points: int, radius: float, method: str, dtype: str) -> LocalBinaryPatterns:
    return LocalBinaryPatterns(
        neighbourhoods=((points, radius),),
        mapping=_MAPPINGS[method],
        grid=_GRID,
        hellinger=False,
        dtype=dtype,
    )


def _scikit_image(images: np.ndarray, points: int, radius: float, method: str) -> np.ndarray:
    """The same descriptors of uint8 `[N, H, W]`, float32 `[N, F]`."""
    bins = points * (points - 1) + 3 if method == "nri_uniform" else points + 2
    descriptors = []
    for image in images:
        codes = local_binary_pattern(image, points, radius, method).astype(np.int64)
        rows = (np.array_split(row, _GRID[1], axis=1) for row in np.array_split(codes, _GRID[0]))
        descriptors.append(
            [np.bincount(cell.ravel(), minlength=bins) / cell.size for row in rows for cell in row]
        )
    return np.reshape(descriptors, [len(images), -1]).astype(np.float32)


def _reading(source: ImageSource) -> Callable[[], np.ndarray]:
    """Reads all batches at every call; the pipeline is built once."""
    dataset = OrderedBatches(source=source, batch_size=_BATCH_SIZE).dataset()
    return lambda: np.concatenate([batch["image"] for batch in dataset.as_numpy_iterator()])


def _measure(functions: dict[str, Callable[[], np.ndarray]]) -> dict[str, list[float]]:
    seconds = {name: [] for name in functions}
    for _ in range(_ROUNDS.value):
        for name, function in functions.items():
            begin = time.process_time()
            function()
            seconds[name].append(time.process_time() - begin)
    return seconds


def _row(images: CachedImages, circle: tuple[int, float, str]) -> str:
    levels = np.rint(255 * _reading(images)()[..., 0]).astype(np.uint8)
    viewed = {
        dtype: ViewedSource(source=images, view=_view(*circle, dtype))
        for dtype in ("float64", "float32")
    }
    functions = {dtype: _reading(source) for dtype, source in viewed.items()}
    functions["kept"] = _reading(CachedImages(source=viewed["float64"]))
    functions["scikit-image"] = lambda: _scikit_image(levels, *circle)
    results = {name: function() for name, function in functions.items()}  # This warms up, too.
    # Of two histograms, half of the differences are pixels that are counted elsewhere.
    pixels = _IMAGE_SIZE.value**2 / np.prod(_GRID)
    moved = {
        name: np.rint(np.abs(result - results["scikit-image"]).sum() * pixels / 2) / levels.size
        for name, result in results.items()
    }
    seconds = _measure(functions)
    cost = {name: 1e6 * statistics.median(times) / len(levels) for name, times in seconds.items()}
    ratio = statistics.median(
        theirs / ours for theirs, ours in zip(seconds["scikit-image"], seconds["float64"])
    )
    points, radius, method = circle
    return (
        f"| ({points}, {radius:g}) {method} | {cost['float64']:,.0f} | {cost['float32']:,.0f} | "
        f"{cost['kept']:,.0f} | {cost['scikit-image']:,.0f} | {ratio:.1f} | "
        f"{moved['float64']:.4%} | {moved['float32']:.4%} |"
    )


def _page(rows: list[str]) -> str:
    size = f"{_IMAGE_SIZE.value}x{_IMAGE_SIZE.value}"
    grid = f"{_GRID[0]}x{_GRID[1]}"
    return f"""# Local binary patterns

Microseconds of processor time for the descriptor of a grey image of {size} in {grid} cells:
from the pipeline in float64 and in float32, read again from `CachedImages`, and from
`local_binary_pattern` of scikit-image. 2,000 images a second on two cores are 1,000 microseconds.
*Ratio* is scikit-image against the pipeline in float64; *moved* is the share of pixels that are
counted in another bin than scikit-image's.

| points, radius | float64 | float32 | kept | scikit-image | ratio | moved, float64 | \
moved, float32 |
|---|---:|---:|---:|---:|---:|---:|---:|
{os.linesep.join(rows)}

{_IMAGES.value:,} images, {_ROUNDS.value} rounds, batches of {_BATCH_SIZE}.

    ./bazelw run //benchmarks:lbp -- --root=lfw112

{provenance()}
"""


def main(argv: list[str]) -> None:
    """Measures, prints the page and writes it."""
    del argv
    users_folder.enter()
    size = (_IMAGE_SIZE.value, _IMAGE_SIZE.value)
    folder = ImageFolder(root=_ROOT.value, image_size=size, channels=1, check_images=False)
    images = CachedImages(source=Subset(folder, np.arange(len(folder))[: _IMAGES.value]))
    page = _page([_row(images, circle) for circle in _VIEWS])
    print(page)
    pathlib.Path(_OUTPUT.value).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    flags.mark_flag_as_required("root")
    app.run(main)

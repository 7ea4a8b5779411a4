"""Time and memory of the exact neighbour search, beside scikit-learn's brute force.

    python -m benchmarks.retrieval --images=60000 --dimensions=128

Random unit vectors are searched for the same number of neighbours by `nearest_neighbours` and by
scikit-learn, in turns, each run in a process of its own that has loaded and tried everything
before it is measured. Extra memory is the highest resident memory during the search, less what
was resident before it; the array of results is part of it for both. Prints a Markdown table with
medians, and how many rankings are the same.
"""

import multiprocessing
import os
import pathlib
import statistics
import time
from collections.abc import Callable

import numpy as np
from absl import app, flags

_IMAGES = flags.DEFINE_integer("images", 60_000, "Images, all of them queries and gallery.")
_DIMENSIONS = flags.DEFINE_integer("dimensions", 128, "Width of an embedding.")
_IMAGES_PER_CLASS = flags.DEFINE_integer("images_per_class", 20, "R + 1 of every query.")
_REPEATS = flags.DEFINE_integer("repeats", 3, "Runs of each search; the medians are reported.")

_LARGEST_RECALL_AT = 8


def _blocked_search(embeddings: np.ndarray, count: int) -> np.ndarray:
    from rtml_tf.evaluation import neighbours

    found = np.empty((len(embeddings), count), np.int32)
    for rows, indices in neighbours.nearest_neighbours(
        embeddings,
        embeddings,
        np.full(len(embeddings), count),
        own_index=np.arange(len(embeddings)),
    ):
        found[rows] = indices
    return found


def _scikit_learn(embeddings: np.ndarray, count: int) -> np.ndarray:
    from sklearn import neighbors

    # Without queries, an example is not its own neighbour.
    search = neighbors.NearestNeighbors(n_neighbors=count, algorithm="brute")
    return search.fit(embeddings).kneighbors(return_distance=False)


def _all_figures(embeddings: np.ndarray, count: int) -> None:
    from rtml_tf.evaluation import retrieval

    labels = np.arange(len(embeddings)) // (count + 1)
    retrieval.retrieval_figures(embeddings, labels, nmi=False)


_SEARCHES = {
    "nearest_neighbours": _blocked_search,
    "scikit-learn, brute force": _scikit_learn,
    "retrieval_figures without NMI": _all_figures,
}


def _measure(
    search: Callable, images: int, dimensions: int, count: int
) -> tuple[float, float, np.ndarray | None]:
    """Runs in the child process: seconds, extra MiB, neighbours."""
    generator = np.random.default_rng(0)
    embeddings = generator.standard_normal((images, dimensions), dtype=np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    search(embeddings[: 4 * (count + 1)], count)
    # Makes the highest resident memory so far the present one (Linux, proc_pid_clear_refs).
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    start = time.perf_counter()
    found = search(embeddings, count)
    return time.perf_counter() - start, _memory("VmHWM") - before, found


def _memory(field: str) -> float:
    status = pathlib.Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) / 1024


def main(_) -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    count = max(_IMAGES_PER_CLASS.value - 1, _LARGEST_RECALL_AT)
    arguments = (_IMAGES.value, _DIMENSIONS.value, count)
    runs = {name: [] for name in _SEARCHES}
    for _ in range(_REPEATS.value):
        for name, search in _SEARCHES.items():
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                runs[name].append(pool.apply(_measure, (search, *arguments)))
    print(
        f"{arguments[0]:,} queries x {arguments[0]:,} images x {arguments[1]} dimensions, "
        f"{count} neighbours, {len(os.sched_getaffinity(0))} cores, "
        f"median of {_REPEATS.value} runs\n"
    )
    seconds = {name: statistics.median(run[0] for run in done) for name, done in runs.items()}
    print("| search | seconds | ratio | extra memory, MiB |\n|---|---:|---:|---:|")
    for name, done in runs.items():
        ratio = seconds[name] / seconds["nearest_neighbours"]
        memory = statistics.median(run[1] for run in done)
        print(f"| {name} | {seconds[name]:.1f} | {ratio:.2f} | {memory:.0f} |")
    ours, reference = (runs[name][0][2] for name in list(_SEARCHES)[:2])
    same = (ours == reference).all(axis=1)
    print(f"\n{same.mean():.2%} of the rankings are the same; the others differ by rounding.")


if __name__ == "__main__":
    app.run(main)

"""How long one image takes: the exported student, the Keras network, and MobileNets of equal input.

    ./bazelw run //benchmarks:latency -- --output=docs/results/latency.md

The student is that of the quickstart, which reads a 16x16 grey view of the image; the MobileNets
are embedding networks of `tf.keras.applications`. Latency does not depend on the weights, which
are random; `--network_file` takes another network. All networks and files of one number of threads
run in one process, which does nothing else, and are called in turns, so that a machine whose speed
drifts slows all of them.
"""

import concurrent.futures
import multiprocessing
import os
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from absl import app, flags

from benchmarks.sweep import provenance
from benchmarks.tables import markdown_table
from rtml_tf import users_folder

_SIZE = flags.DEFINE_integer("size", 48, "Height and width of the grey images, in pixels.")
_NETWORK_FILE = flags.DEFINE_string("network_file", None, "A .keras file in place of the student.")
_THREADS = flags.DEFINE_list("threads", ["1", "2"], "Numbers of threads, a process each.")
_ROUNDS = flags.DEFINE_integer("rounds", 10, "How often all of them get their turn.")
_RUNS = flags.DEFINE_integer("runs", 50, "Calls in a turn that are measured.")
_WARM_UP = flags.DEFINE_integer("warm_up", 10, "Calls in a turn before those.")
_NOTE = flags.DEFINE_string("note", "", "A sentence on the machine, for the end of the page.")
_OUTPUT = flags.DEFINE_string("output", None, "The Markdown file to write.", required=True)

_KERAS = "Keras, float32"
Row = tuple[str, str]  # network, form


def _student(shape: tuple[int, int, int]) -> Any:
    from rtml_tf.data.image_view import ImageView
    from rtml_tf.networks.joining import join_networks
    from rtml_tf.networks.resnet import cifar_resnet
    from rtml_tf.networks.view_network import view_network

    view = view_network(view=ImageView(image_size=(16, 16), grey=True), input_shape=shape)
    small = cifar_resnet(input_shape=(16, 16, 1), depth=8, width=0.5, embedding_size=64)
    return join_networks(first=view, second=small)


def _networks(size: int, network_file: str | None) -> dict[str, Any]:
    """The networks, by the name of their rows; the first is the one that it is about."""
    from rtml_tf.networks.applications import application
    from rtml_tf.networks.saving import load_network

    shape = (size, size, 1)
    first = {"student": _student(shape)}
    if network_file is not None:
        first = {pathlib.Path(network_file).parent.name: load_network(network_file)}
        shape = next(iter(first.values())).input_shape[1:]
    return first | {
        "MobileNetV2, 0.35": application(
            name="MobileNetV2", input_shape=shape, backbone_arguments={"alpha": 0.35}
        ),
        "MobileNetV3, small": application(name="MobileNetV3Small", input_shape=shape),
    }


def _calls(
    network: Any, forms: Sequence[str], threads: int, folder: pathlib.Path
) -> dict[str, tuple[Callable[[], Any], int]]:
    """What to call for one image, and the bytes, by form."""
    import tensorflow as tf

    from rtml_tf.deployment import tflite_forms
    from rtml_tf.deployment.embedding_endpoints import EmbeddingEndpoints
    from rtml_tf.networks.summary import summarize

    images = np.random.default_rng(0).uniform(size=(50, *network.input_shape[1:]))
    images = images.astype(np.float32)
    image = tf.constant(images[:1])
    graph = tf.function(lambda images: network(images, training=False))
    graph = graph.get_concrete_function(tf.TensorSpec(image.shape, image.dtype))
    calls = {_KERAS: (lambda: graph(image).numpy(), summarize(network).bytes)}
    endpoints = EmbeddingEndpoints(network=network)
    for name in forms:
        form, path = getattr(tflite_forms, name)(), folder / f"{name}.tflite"
        form.write(endpoints, path, images)
        file = form.load(endpoints, path, threads)
        calls[f"TFLite, {name}"] = (lambda file=file: file.run(images[:1]), path.stat().st_size)
    return calls


def _measure(
    threads: int, size: int, network_file: str | None, rounds: int, warm_up: int, runs: int
) -> dict[Row, tuple[list[float], int]]:
    """The milliseconds of every call, and the bytes, by row; for a process of its own."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    from rtml_tf.deployment.latency import call_times

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    calls = {}
    forms = ("Float32", "Float16", "DynamicRange", "Int8", "Int16x8")
    for name, network in _networks(size, network_file).items():
        with tempfile.TemporaryDirectory() as folder:
            given = _calls(network, forms, threads, pathlib.Path(folder))
        calls |= {(name, form): call for form, call in given.items()}
        forms = ("Int8",)
    times: dict[Row, list[float]] = {row: [] for row in calls}
    for _ in range(rounds):
        for row, (call, _) in calls.items():
            times[row] += call_times(call, warm_up=warm_up, runs=runs)
    return {row: (times[row], size) for row, (_, size) in calls.items()}


def _table(measured: dict[str, dict[Row, tuple[list[float], int]]]) -> str:
    columns = ["network", "form", "kB"]
    for threads in measured:
        columns += [f"ms, {threads} thread{'s' * (threads != '1')}", "95 %", "images/s"]
    rows = []
    for row, (_, size) in next(iter(measured.values())).items():
        cells = [*row, f"{size / 1e3:.0f}"]
        for of_threads in measured.values():
            times = of_threads[row][0]
            median = np.median(times)
            cells += [f"{median:.3f}", f"{np.percentile(times, 95):.3f}", f"{1e3 / median:,.0f}"]
        rows.append(cells)
    return markdown_table(columns, rows, words=2)


def _ratios(measured: dict[str, dict[Row, tuple[list[float], int]]]) -> str:
    """Images a second of the first network in int8, by those of the Keras networks and files."""
    threads, rows = next(iter(measured.items()))
    medians = {row: np.median(times) for row, (times, _) in rows.items()}
    network = next(iter(medians))[0]
    int8 = medians[network, "TFLite, Int8"]
    lines = [
        f"- {median / int8:.1f} times those of the {row[0]} ({row[1]})"
        for row, median in medians.items()
        if row[1] == _KERAS or (row[0] != network and row[1] == "TFLite, Int8")
    ]
    number = "one thread" if threads == "1" else f"{threads} threads"
    return "\n".join([f"Images a second of the {network} in int8, on {number}:", "", *lines])


def main(argv: list[str]) -> None:
    """Measures and writes the page."""
    del argv
    users_folder.enter()
    measured = {}
    for threads in _THREADS.value:
        with concurrent.futures.ProcessPoolExecutor(
            1, mp_context=multiprocessing.get_context("spawn")
        ) as process:
            measured[threads] = process.submit(
                _measure,
                int(threads),
                _SIZE.value,
                _NETWORK_FILE.value,
                _ROUNDS.value,
                _WARM_UP.value,
                _RUNS.value,
            ).result()
    output, calls = pathlib.Path(_OUTPUT.value), f"{_ROUNDS.value * _RUNS.value:,}"
    output.write_text(
        f"""# How long one image takes

One image of {_SIZE.value}x{_SIZE.value} grey pixels: median and 95th percentile of {calls} calls
after warm-up. The student reads a 16x16 view of it; the Keras networks are called as graphs. Bytes
are those of the weights, or of the file. All rows of one number of threads were measured in one
process, in turns.

{_table(measured)}

{_ratios(measured)}

    ./bazelw run //benchmarks:latency -- --size={_SIZE.value} --output={output}

{" ".join(filter(None, (provenance(), _NOTE.value)))}
""",
        encoding="utf-8",
    )
    print(f"Written to {output}.")


if __name__ == "__main__":
    app.run(main)

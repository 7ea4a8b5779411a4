"""What a second process brings: throughput, efficiency, and bytes that are exchanged.

    ./bazelw run //benchmarks:scaling -- --rounds=7

For each of three ways to train (metric, joint adversarial with FGSM, MDProp) one process and two
processes with `MultiWorkerMirroredStrategy` over loopback, each process on a core of its own, take
steps in turns. Every process has the same batch size, so two of them train on twice as many images
a step, with the negatives of both; efficiency is the throughput of two divided by twice that of
one. Figures are medians over rounds. Cores of one machine share caches and memory: efficiency below
1 is that as well as the exchange.

Bytes are those that one process sends in a step. They are computed: a ring all-reduce of the
gradients of `G` bytes sends `2 (R - 1) / R G` with `R` processes, a gathering of `E` bytes of
embeddings and labels `(R - 1) E`. Beside them stands what the loopback device carried, as the
kernel counts it for the whole machine, divided by the processes.
"""

import contextlib
import dataclasses
import math
import multiprocessing
import os
import pathlib
import statistics
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from unittest import mock

from absl import app, flags

from benchmarks.free_addresses import free_addresses

_ROUNDS = flags.DEFINE_integer("rounds", 7, "Rounds that are measured.", 1)
_STEPS = flags.DEFINE_integer("steps", 3, "Steps in a round.", 1)
_CLASSES = flags.DEFINE_integer("classes", 8, "Classes in the batch of a process, of 4 images.", 2)
_PROCESSES = (1, 2)
_MODELS = ("metric", "joint, FGSM", "MDProp, FGSM")


@dataclasses.dataclass
class Worker:
    """What a process is told when it starts.

    Attributes:
        model: Which of `_MODELS` it trains.
        addresses: Of all processes that train together.
        index: Which of them it is.
        core: The core that it may use.
        classes: Classes in its batch.
    """

    model: str
    addresses: Sequence[str]
    index: int
    core: int
    classes: int


def _model(name: str):
    import tensorflow as tf

    from rtml_tf.attacks.fast_gradient import FastGradientMethod
    from rtml_tf.losses.multi_similarity import MultiSimilarityLoss
    from rtml_tf.models.adversarial_branch import targeted_branches
    from rtml_tf.models.joint_adversarial import JointAdversarialModel
    from rtml_tf.models.mdprop import MDPropModel
    from rtml_tf.models.metric_model import MetricModel
    from rtml_tf.networks.resnet import cifar_resnet

    parts = {"network": cifar_resnet(input_shape=(32, 32, 1)), "loss": MultiSimilarityLoss()}
    attack = FastGradientMethod(epsilon=4 / 255)
    if name == "metric":
        model = MetricModel(**parts)
    elif name == "joint, FGSM":
        model = JointAdversarialModel(**parts, attack=attack)
    else:
        model = MDPropModel(**parts, branches=targeted_branches(attack=attack))
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-3))
    model.prepare(num_classes=100)
    return model


@contextlib.contextmanager
def _gathered_bytes(model) -> Iterator[list[int]]:
    """The bytes of every tensor of this process that one step of a model gathers."""
    import tensorflow as tf

    recorded: list[int] = []
    gather, step = tf.distribute.ReplicaContext.all_gather, model.train_step

    def recording_gather(context, value, *args, **kwargs):
        recorded.append(math.prod(value.shape) * value.dtype.size)
        return gather(context, value, *args, **kwargs)

    def recording_step(batch):
        recorded.clear()  # Only the last tracing counts.
        return step(batch)

    model.train_step = recording_step
    with mock.patch.object(tf.distribute.ReplicaContext, "all_gather", recording_gather):
        yield recorded


def _serve(connection: Connection, worker: Worker) -> None:
    """Answers a number of steps with their seconds, and first of all with the bytes of a step."""
    os.sched_setaffinity(0, {worker.core})
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np
    import tensorflow as tf

    from rtml_tf.runs.strategies import MultiWorkerMirrored, join_cluster

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.keras.utils.set_random_seed(0)
    with contextlib.ExitStack() as stack:
        replicas = len(worker.addresses)
        if replicas > 1:
            join_cluster(workers=worker.addresses, index=worker.index)
            stack.enter_context(MultiWorkerMirrored().start().scope())
        model = _model(worker.model)
        labels = np.repeat(np.arange(worker.classes) + worker.index * worker.classes, 4)
        images = np.random.default_rng(worker.index).uniform(size=(len(labels), 32, 32, 1))
        batch = {"image": tf.constant(images, tf.float32), "label": tf.constant(labels, tf.int32)}
        batches = own = tf.data.Dataset.from_tensors(batch).repeat()
        if replicas > 1:
            strategy = tf.distribute.get_strategy()
            batches = strategy.distribute_datasets_from_function(lambda _: own)
        batches = iter(batches)
        function = model.make_train_function()
        with _gathered_bytes(model) as gathered:
            function(batches)
        variables = [v for _, group in model.optimizers_and_variables() for v in group]
        gradients = sum(v.shape.num_elements() * v.dtype.size for v in variables)
        sent = 2 * (replicas - 1) / replicas * gradients + (replicas - 1) * sum(gathered)
        connection.send((len(labels), sent))
        while steps := connection.recv():
            started = time.perf_counter()
            for _ in range(steps):
                loss = function(batches)["loss"]
            float(loss)
            connection.send(time.perf_counter() - started)


def _start(model: str, processes: int) -> list[Connection]:
    addresses = free_addresses(processes)
    cores = sorted(os.sched_getaffinity(0))
    context = multiprocessing.get_context("spawn")
    connections = []
    for index in range(processes):
        ours, theirs = context.Pipe()
        worker = Worker(model, addresses, index, cores[index % len(cores)], _CLASSES.value)
        context.Process(target=_serve, args=(theirs, worker), daemon=True).start()
        connections.append(ours)
    return connections


def _steps(connections: list[Connection], steps: int) -> float:
    """Lets processes take steps together; the seconds of one step."""
    for connection in connections:
        connection.send(steps)
    return max(connection.recv() for connection in connections) / steps


def _loopback_bytes() -> int:
    return int(pathlib.Path("/sys/class/net/lo/statistics/tx_bytes").read_text())


def _measure(model: str) -> list[str]:
    running = {processes: _start(model, processes) for processes in _PROCESSES}
    known = {n: [connection.recv() for connection in group] for n, group in running.items()}
    seconds = {processes: [] for processes in _PROCESSES}
    carried = {processes: [] for processes in _PROCESSES}
    for round_number in range(_ROUNDS.value + 1):
        for processes, group in running.items():
            before = _loopback_bytes()
            taken = _steps(group, _STEPS.value)
            if round_number:  # The first round warms up.
                seconds[processes].append(taken)
                exchanged = (_loopback_bytes() - before) / _STEPS.value / processes
                carried[processes].append(exchanged)
    for group in running.values():
        for connection in group:
            connection.send(0)
    rows = []
    images = {n: sum(images for images, _ in known[n]) for n in _PROCESSES}
    for processes in _PROCESSES:
        step = statistics.median(seconds[processes])
        efficiency = statistics.median(
            images[processes] / several / (processes * images[1] / one)
            for several, one in zip(seconds[processes], seconds[1])
        )
        rows.append(
            f"| {model} | {processes} | {step:.3f} | {images[processes] / step:,.1f} | "
            f"{efficiency:.0%} | {known[processes][0][1]:,.0f} | "
            f"{statistics.median(carried[processes]):,.0f} |"
        )
    return rows


def main(_: list[str]) -> None:
    print(
        "| model | processes | step, s | images/s | efficiency | bytes sent by a process, computed "
        "| on the loopback device |\n|---|---:|---:|---:|---:|---:|---:|"
    )
    for model in _MODELS:
        print("\n".join(_measure(model)), flush=True)
    print(
        f"\nCIFAR ResNet at 32x32x1, {4 * _CLASSES.value} images a process, float32, one core a "
        f"process of {len(os.sched_getaffinity(0))}; {_ROUNDS.value} rounds of {_STEPS.value} "
        "steps."
    )


if __name__ == "__main__":
    app.run(main)

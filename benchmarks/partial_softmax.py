"""Memory of class weights that are divided among replicas and sampled, beside the formula.

    python -m benchmarks.partial_softmax

Trains class weights for random embeddings, each row in a process of its own that has as many CPU
devices as there are replicas. Variables are counted; the memory of a step is the highest resident
memory of the process in training, less that of one with 1,000 classes and less the variables. Both
are divided by the number of replicas. The formula counts, for C classes on R replicas, embeddings
of size D, B of them on all replicas together and K = rate C / R classes in a step, float32:

    variables    2 D C / R            weights and momentum
    a step       4 K D + 5 K B        the weights normalised, their gradients; logits, theirs
                 + 2 K D              where classes are sampled: the sample and its momentum

Prints a Markdown table.
"""

import multiprocessing
import os
import pathlib
import sys
import time

from absl import app, flags

from benchmarks.sweep import provenance
from benchmarks.tables import markdown_table
from rtml_tf import users_folder

_CLASSES = flags.DEFINE_multi_integer("classes", [100_000, 1_000_000], "Classes.")
_SIZE = flags.DEFINE_integer("size", 128, "Size of an embedding.")
_BATCH = flags.DEFINE_integer("batch", 64, "Embeddings of all replicas in a step.")
_REPLICAS = flags.DEFINE_multi_integer("replicas", [1, 2], "Replicas.")
_RATES = flags.DEFINE_multi_float("rates", [1.0, 0.1], "Share of the classes in a step.")

_FEW_CLASSES = 1_000
_MIB = 2**20


def _measure(
    classes: int, size: int, batch: int, replicas: int, rate: float
) -> tuple[float, float, float]:
    """Runs in a process of its own: MiB of variables on a replica, peak MiB, seconds a step."""
    import numpy as np
    import tensorflow as tf

    from rtml_tf.layers.l2_normalization import L2Normalization
    from rtml_tf.losses.margin_softmax import ArcFaceLoss
    from rtml_tf.losses.partial_softmax import PartialSoftmaxLoss
    from rtml_tf.models.metric_model import MetricModel

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * replicas,
    )
    strategy = tf.distribute.MirroredStrategy(
        [f"CPU:{i}" for i in range(replicas)],
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    rng = np.random.default_rng(0)
    images = tf.constant(rng.normal(size=(batch, 1, 1, size)), tf.float32)
    labels = tf.constant(rng.integers(classes, size=batch), tf.int32)
    with strategy.scope():
        image = tf.keras.Input((1, 1, size), name="image")
        embedding = tf.keras.layers.Dense(size)(tf.keras.layers.Flatten()(image))
        model = MetricModel(
            network=tf.keras.Model(image, L2Normalization()(embedding)),
            loss=PartialSoftmaxLoss(loss=ArcFaceLoss(), sample_rate=rate),
        )
        model.compile(optimizer=tf.keras.optimizers.SGD(0.1))
        model.prepare(num_classes=classes)
        data = tf.data.Dataset.from_tensors({"image": images, "label": labels}).repeat()
        data = data.unbatch().batch(batch, drop_remainder=True)
        batches = iter(strategy.experimental_distribute_dataset(data))
        train_function = model.make_train_function()
        rows = model.sharded_rows[0]
        variables = [shards.variables[0] for shards in (rows.shards, rows.momenta)]
        seconds = []
        for _ in range(4):
            started = time.perf_counter()
            train_function(batches)["loss"].numpy()
            seconds.append(time.perf_counter() - started)
    status = pathlib.Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    counted = sum(v.shape.num_elements() * v.dtype.size for v in variables)
    return counted / _MIB, int(peak.split()[1]) / 2**10, min(seconds)


def main(_) -> None:
    """Prints the table."""
    users_folder.enter()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    size, batch = _SIZE.value, _BATCH.value
    context = multiprocessing.get_context("spawn")

    def measured(*arguments) -> tuple[float, float, float]:
        with context.Pool(1) as pool:
            return pool.apply(_measure, arguments)

    lines = []
    for replicas in _REPLICAS.value:
        _, empty, _ = measured(_FEW_CLASSES, size, batch, replicas, 1.0)
        for classes in _CLASSES.value:
            for rate in _RATES.value:
                variables, peak, seconds = measured(classes, size, batch, replicas, rate)
                sampled = rate * classes / replicas
                formula = 4 * 2 * size * classes / replicas / _MIB
                matrices = 4 if rate == 1.0 else 6
                of_step = 4 * sampled * (matrices * size + 5 * batch) / _MIB
                step = (peak - empty) / replicas - variables
                lines.append(
                    [f"{x:,}" for x in (classes, replicas, rate)]
                    + [f"{x:,.0f}" for x in (variables, formula, step, of_step)]
                    + [f"{seconds:.2f}"]
                )
                print(" ".join(lines[-1]), file=sys.stderr, flush=True)
    columns = ["classes", "replicas", "rate", "variables, MiB", "formula", "a step, MiB", "formula"]
    print(markdown_table([*columns, "seconds a step"], lines, words=0))
    print(
        f"\nOn each replica; embeddings of size {size}, {batch} of all replicas in a step, one "
        f"thread for all. {provenance()}"
    )


if __name__ == "__main__":
    app.run(main)

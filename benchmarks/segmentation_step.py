"""What a step of adapting a segmentation network costs: gradient reversal beside alternation.

    ./bazelw run //benchmarks:segmentation_step

The small network at 96x128 with the discriminator of the paper. Each form lives in a process of its
own; the processes take steps in turns, so that a machine whose speed drifts slows all of them. A
table gives the median seconds of a step, its ratio to the reversal form in the same turn, the ratio
that counting passes gives (F for a pass of the generator over the images of one domain and D for
one of the discriminator, each weighted by its multiply-adds; a backward pass is one pass to the
weights and one to the inputs), and the peak memory of the process.
"""

import dataclasses
import multiprocessing
import os
import resource
import statistics
import time

from absl import app, flags

_TURNS = flags.DEFINE_integer("turns", 15, "Steps of each form that are measured.")
_THREADS = flags.DEFINE_integer("threads", 1, "Threads of each process.")

_IMAGES = flags.DEFINE_integer("images", 4, "Images of each domain in a batch.")

_SIZE, _CLASSES = (96, 128), 11


@dataclasses.dataclass(frozen=True)
class _Form:
    """One way to take a training step.

    Attributes:
        name: Its row in the table.
        generator: Passes of the generator.
        discriminator: Passes of the discriminator.
        alternating: Whether it is the alternating form.
        frozen: Whether the statistics of batch norms are frozen.
        one_forward: Whether both domains go through the generator in one batch.
    """

    name: str
    generator: int = 6
    discriminator: int = 0
    alternating: bool = False
    frozen: bool = False
    one_forward: bool = False


_FORMS = (
    _Form("reversal", discriminator=5),
    _Form("alternating", discriminator=6, alternating=True),
    _Form("reversal, frozen statistics", discriminator=5, frozen=True),
    _Form("alternating, frozen statistics", discriminator=6, alternating=True, frozen=True),
    _Form("reversal, one forward", discriminator=5, frozen=True, one_forward=True),
    _Form(
        "alternating, one forward",
        discriminator=6,
        alternating=True,
        frozen=True,
        one_forward=True,
    ),
    _Form("source only", generator=3),
)


def _networks(form: _Form):
    from rtml_tf.networks.batch_norm_modes import freeze_batch_norm_statistics
    from rtml_tf.networks.discriminator import map_discriminator
    from rtml_tf.networks.small_deeplab import small_deeplab

    generator = small_deeplab(input_shape=(*_SIZE, 3), num_classes=_CLASSES)
    if form.frozen:
        generator = freeze_batch_norm_statistics(network=generator)
    return generator, map_discriminator(input_shape=(*_SIZE, _CLASSES))


def _model(form: _Form):
    import tensorflow as tf

    from rtml_tf.losses.local_alignment import CategoryWeights
    from rtml_tf.models.alternating_adversarial import AlternatingAdversarialModel
    from rtml_tf.models.category_adversarial import CategoryAdversarialModel
    from rtml_tf.models.segmentation_model import SegmentationModel

    generator, discriminator = _networks(form)
    if not form.discriminator:
        return SegmentationModel(network=generator)
    kind = AlternatingAdversarialModel if form.alternating else CategoryAdversarialModel
    return kind(
        generator=generator,
        discriminator=discriminator,
        discriminator_optimizer=tf.keras.optimizers.Adam(1e-4, beta_2=0.99),
        category_weights=CategoryWeights(),
        one_forward=form.one_forward,
    )


def _serve(connection, form: _Form, threads: int, image_count: int) -> None:
    """Builds the model, then takes a step whenever asked and answers with its seconds."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import numpy as np
    import tensorflow as tf

    from rtml_tf.networks.complexity import multiply_adds

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.keras.utils.set_random_seed(0)
    counts = [multiply_adds(network) for network in _networks(form)]
    model = _model(form)
    model.compile(optimizer=tf.keras.optimizers.SGD(2.5e-4, momentum=0.9))
    model.prepare(num_classes=_CLASSES)
    rng = np.random.default_rng(0)
    images = tf.constant(rng.uniform(size=(2, image_count, *_SIZE, 3)), tf.float32)
    masks = tf.constant(rng.integers(0, _CLASSES, size=(image_count, *_SIZE)), tf.int32)
    batch = {"source": {"image": images[0], "mask": masks}, "target": {"image": images[1]}}
    train_function = model.make_train_function()
    batches = iter(tf.data.Dataset.from_tensors(batch).repeat())
    connection.send(counts)
    while connection.recv():
        started = time.perf_counter()
        train_function(batches)["loss"].numpy()
        seconds = time.perf_counter() - started
        connection.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10))


def _step(connection) -> tuple[float, float]:
    connection.send(True)
    return connection.recv()


def main(argv: list[str]) -> None:
    """Prints the table."""
    del argv
    context = multiprocessing.get_context("spawn")
    connections = []
    for form in _FORMS:
        ours, theirs = context.Pipe()
        arguments = (theirs, form, _THREADS.value, _IMAGES.value)
        context.Process(target=_serve, args=arguments, daemon=True).start()
        connections.append(ours)
    generator, discriminator = [connection.recv() for connection in connections][0]
    for connection in connections * 2:  # Traces, allocates and chooses algorithms.
        _step(connection)
    turns = [[_step(connection) for connection in connections] for _ in range(_TURNS.value)]
    for connection in connections:
        connection.send(False)

    counted = [f.generator * generator + f.discriminator * discriminator for f in _FORMS]
    print("| step | seconds | ratio to reversal | passes | by counting | peak memory, MiB |")
    print("|---|---:|---:|---:|---:|---:|")
    for i, form in enumerate(_FORMS):
        seconds = statistics.median(turn[i][0] for turn in turns)
        ratio = statistics.median(turn[i][0] / turn[0][0] for turn in turns)
        print(
            f"| {form.name} | {seconds:.3f} | {ratio:.2f} | {form.generator}F + "
            f"{form.discriminator}D | {counted[i] / counted[0]:.2f} | {turns[-1][i][1]:.0f} |"
        )
    print(
        f"\n{_IMAGES.value} images of each domain; for one, F is {generator / 1e6:.0f} and D "
        f"{discriminator / 1e6:.0f} million multiply-adds. {_THREADS.value} thread a process, "
        f"{_TURNS.value} turns."
    )


if __name__ == "__main__":
    app.run(main)

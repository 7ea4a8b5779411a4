"""Settings of the whole process, made before anything is built."""

import contextlib
import logging
import os
from collections.abc import Iterator

import tensorflow as tf

from rtml_tf.data import image_header
from rtml_tf.runs.lost_worker import lost_workers_named
from rtml_tf.runs.strategies import Strategy
from rtml_tf.runs.workers import Workers

_PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def configure(
    *,
    seed: int = 0,
    precision: str = "float32",
    tensor_float_32: bool = False,
    deterministic: bool = True,
    threads: int | None = None,
    max_image_pixels: int = 100_000_000,
) -> None:
    """Sets the seeds, the precision, the threads and the limits of this process.

    Called before networks are built: initial weights come from `seed`, and layers take the
    precision policy that is in force when they are made.

    Args:
        seed: Seed of Python, NumPy and TensorFlow.
        precision: "float32", or "mixed_bfloat16" / "mixed_float16" (weights and losses stay
            float32; float16 scales the loss).
        tensor_float_32: Whether recent GPUs may keep 10 bits of the mantissa in float32 products,
            as TensorFlow lets them by default. Convolutions are then several times faster; equal
            embeddings have cosines between 0.9997 and 1.0003, which losses and attacks that tell
            the same image from a near one are not made for.
        deterministic: Whether every operation gives the same bits each time it runs. Without it
            two runs of one seed differ a little; with it some GPU operations are slower, and an
            operation that has no repeatable form is an error.
        threads: Number of threads for each of TensorFlow's two pools; `None` leaves the choice
            to TensorFlow.
        max_image_pixels: Larger image files (height times width) are refused before they are
            decoded, and narrow ones that would become larger before they are resized.

    Raises:
        ValueError: If a value is out of its range.
    """
    if precision not in _PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(_PRECISIONS)}, got {precision!r}.")
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1 or None, got {threads}.")
    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.config.experimental.enable_tensor_float_32_execution(tensor_float_32)
    image_header.limit_pixels(max_image_pixels)
    tf.keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    # Random layers then draw from a generator whose state is a variable that can be saved.
    tf.keras.backend.experimental.enable_tf_random_generator()
    tf.keras.mixed_precision.set_global_policy(precision)


@contextlib.contextmanager
def distributed(*, strategy: Strategy | None = None) -> Iterator[None]:
    """Runs a block on the replicas of a strategy; whatever is built in it is built on each.

    Called after `configure`, and before anything else. Of several workers only the first prints to
    standard output, since all of them would print the same.

    Args:
        strategy: `Mirrored()` or `MultiWorkerMirrored()`; `None`: one device.

    Raises:
        ValueError: If the strategy's devices or its cluster are not there.
        WorkerLostError: If another worker ends in the middle of the block.
    """
    if strategy is None:
        yield
        return
    # TensorFlow would tell of every exchange between replicas.
    tf.get_logger().setLevel(logging.WARNING)
    with contextlib.ExitStack() as stack:
        stack.enter_context(strategy.start().scope())
        stack.enter_context(lost_workers_named())
        if not Workers().is_chief:
            nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(contextlib.redirect_stdout(nowhere))
        yield

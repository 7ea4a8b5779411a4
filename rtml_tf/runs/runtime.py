"""Settings of the whole process, made before anything is built."""

import tensorflow as tf

_PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


def configure(
    *,
    seed: int = 0,
    precision: str = "float32",
    deterministic: bool = True,
    threads: int | None = None,
) -> None:
    """Sets the seeds, the precision and the threads of this process.

    Called before networks are built: initial weights come from `seed`, and layers take the
    precision policy that is in force when they are made.

    Args:
        seed: Seed of Python, NumPy and TensorFlow.
        precision: "float32", or "mixed_bfloat16" / "mixed_float16" (weights and losses stay
            float32; float16 scales the loss).
        deterministic: Whether every operation gives the same bits each time it runs. Without it
            two runs of one seed differ a little; with it some GPU operations are slower, and an
            operation that has no repeatable form is an error.
        threads: Number of threads for each of TensorFlow's two pools; `None` leaves the choice
            to TensorFlow.

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
    tf.keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    # Random layers then draw from a generator whose state is a variable that can be saved.
    tf.keras.backend.experimental.enable_tf_random_generator()
    tf.keras.mixed_precision.set_global_policy(precision)

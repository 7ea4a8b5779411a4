"""Two CPU devices to put replicas on, for tests of distributed training."""

import tensorflow as tf


def start() -> None:
    """Splits the CPU into two devices; to be called before TensorFlow computes anything."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    # In one process that runs many test files only the first call may set them.
    if tf.config.get_logical_device_configuration(cpu) is None:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )


def mirrored_strategy() -> tf.distribute.MirroredStrategy:
    """One replica on each of the two devices."""
    # Collective operations of several strategies in one process get in each other's way.
    return tf.distribute.MirroredStrategy(
        ["CPU:0", "CPU:1"], cross_device_ops=tf.distribute.ReductionToOneDevice()
    )


def fit_on_each_replica(
    model: tf.keras.Model, strategy: tf.distribute.Strategy, batch: object, *, steps: int = 1
) -> None:
    """Takes steps in which each replica of a strategy sees the same batch."""
    dataset = tf.data.Dataset.from_tensors(batch).repeat()
    distributed = strategy.distribute_datasets_from_function(lambda _: dataset)
    model.fit(distributed, steps_per_epoch=steps, verbose=0)

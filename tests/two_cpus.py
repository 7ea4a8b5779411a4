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

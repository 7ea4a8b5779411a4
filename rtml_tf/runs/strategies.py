"""The distribution strategies of TensorFlow that a run can train on, as things to configure.

A strategy takes hold of the devices when it is made. What is configured is therefore made first,
and started once seed, precision and threads are set, before anything else is built.
"""

import abc
import json
import os
from collections.abc import Sequence

import tensorflow as tf
from absl import logging

from rtml_tf.runs.workers import Workers


class Strategy(abc.ABC):
    """A strategy that has not started yet."""

    @abc.abstractmethod
    def start(self) -> tf.distribute.Strategy:
        """Starts it; to be called once.

        Raises:
            ValueError: If its devices or its cluster are not there.
        """


class Mirrored(Strategy):
    """Every device of this machine trains its share of each batch (`MirroredStrategy`).

    Attributes:
        devices: Names of the devices, or None for every GPU (the CPU if there is none).
    """

    def __init__(
        self,
        *,
        devices: Sequence[str] | None = None,
        cross_device_ops: tf.distribute.CrossDeviceOps | None = None,
    ):
        """Names the devices.

        Args:
            devices: Such as `("GPU:0", "GPU:1")`; None: every GPU.
            cross_device_ops: How gradients are summed, such as
                `tf.distribute.HierarchicalCopyAllReduce()`; None leaves it to TensorFlow.

        Raises:
            ValueError: If `devices` names none, or one twice.
        """
        if devices is not None and (not devices or len(set(devices)) < len(devices)):
            raise ValueError(f"devices must be different names of devices, got {devices}.")
        self.devices = None if devices is None else tuple(devices)
        self._cross_device_ops = cross_device_ops

    def start(self) -> tf.distribute.Strategy:
        there = [x.name.removeprefix("/device:") for x in tf.config.list_logical_devices()]
        absent = sorted(set(self.devices or ()) - set(there))
        if absent:
            raise ValueError(
                f"there is no device {', '.join(absent)}; this machine has {', '.join(there)}."
            )
        return tf.distribute.MirroredStrategy(self.devices, self._cross_device_ops)


class MultiWorkerMirrored(Strategy):
    """All devices of several machines train together (`MultiWorkerMirroredStrategy`).

    The same program runs on every machine. The environment variable `TF_CONFIG` tells it where the
    others are (`join_cluster` writes it); it waits for them when it starts. Worker 0 writes the run
    folder.
    """

    def start(self) -> tf.distribute.Strategy:
        _check_cluster(os.environ.get("TF_CONFIG"))
        return tf.distribute.MultiWorkerMirroredStrategy()


def join_cluster(*, workers: Sequence[str], index: int) -> None:
    """Makes this program one of a cluster's workers, by the environment variable `TF_CONFIG`.

    Args:
        workers: `host:port` of every worker, the same list in the same order everywhere.
        index: Which of them this program is, from 0.

    Raises:
        ValueError: If an address is no `host:port`, two are the same, or there is no such worker.
    """
    task = {"type": "worker", "index": index}
    config = json.dumps({"cluster": {"worker": list(workers)}, "task": task})
    _check_cluster(config)
    os.environ["TF_CONFIG"] = config


def check_cluster_is_used(*, workers: Sequence[str] | None) -> None:
    """Refuses to do alone, on each of several machines, what they were to do together.

    Called in the scope of the strategy in force.

    Args:
        workers: The machines that were asked for. `None`: none were, and a `TF_CONFIG` that is
            not used is worth a warning only, as schedulers may set it for every program.

    Raises:
        ValueError: If they are more than the strategy in force has.
    """
    count = Workers().count
    if workers is not None and len(workers) > count:
        raise ValueError(
            f"--workers names {len(workers)} machines, but the strategy in force has {count} "
            "worker: each of them would train alone. Add "
            "--gin_file=gin_configs/distribution/multi_worker.gin."
        )
    strategy = tf.distribute.get_strategy()
    used = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    if workers is None and os.environ.get("TF_CONFIG") and not used:
        logging.warning(
            "TF_CONFIG is set, but the strategy in force does not use it: this machine works alone."
        )


def _check_cluster(config: str | None) -> None:
    if not config:
        raise ValueError(
            "there is no cluster: give --workers=host:port,host:port,... and --worker_index, or "
            "set TF_CONFIG."
        )
    try:
        tasks = json.loads(config)
        workers, task = tasks["cluster"]["worker"], tasks["task"]
        kind, index = task["type"], int(task["index"])
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            'TF_CONFIG must be {"cluster": {"worker": ["host:port", ...]}, "task": {"type": '
            f'"worker", "index": ...}}}}, got {config}.'
        ) from error
    for worker in workers:
        host, _, port = str(worker).rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError(f"workers must be addresses host:port, got {worker!r}.")
    if len(set(workers)) < len(workers):
        raise ValueError(f"workers must differ, got {', '.join(workers)}.")
    if kind != "worker" or set(tasks["cluster"]) != {"worker"}:
        raise ValueError(f'every task of the cluster must be a "worker", got {config}.')
    if not 0 <= index < len(workers):
        raise ValueError(
            f"the index of a worker must be in [0, {len(workers)}), as there are {len(workers)} "
            f"workers, got {index}."
        )

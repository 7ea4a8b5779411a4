"""Measures files beside the network that they were made from."""

import functools
import itertools
import pathlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from rtml_tf.deployment.endpoints import Endpoints
from rtml_tf.deployment.example_images import first_images, resize_of
from rtml_tf.deployment.form import Form
from rtml_tf.deployment.latency import LatencyMeasurement
from rtml_tf.deployment.parity import ParityLimits, cosines
from rtml_tf.deployment.peak_memory import peak_memory
from rtml_tf.networks.checking import check_input_shape
from rtml_tf.runs.selection import Evaluation

_IMAGES_AT_ONCE = 64
# Where the number of threads cannot be chosen any more.
_HERE = "this process"


class Proof:
    """What is measured of a network and of each of its files.

    * the cosine between the outputs of both, and between those of each two files, on images that
      were not trained on;
    * the figures of evaluations, for which a file is a network like any other;
    * those of attacks that see the network, and whose images are shown to the file: a file has no
      gradient, and without one an attack would find less and the file seem robust;
    * the latency of one image, and the memory that it takes.

    Attributes:
        limits: What a file must keep.
    """

    def __init__(
        self,
        *,
        held_out: Any,
        num_images: int = 500,
        evaluations: Mapping[str, Evaluation] | None = None,
        attacks: Mapping[str, Callable[..., Evaluation]] | None = None,
        attacked_files: Sequence[str] | None = None,
        surrogate: tf.keras.Model | None = None,
        latency: LatencyMeasurement | None = None,
        memory: bool = False,
        limits: ParityLimits | None = None,
    ):
        """Sets what is measured.

        Args:
            held_out: Gives the images that outputs are compared on: an `OrderedBatches`, or any
                object whose `dataset()` gives dicts with "image".
            num_images: At most this many of them.
            evaluations: By name.
            attacks: By name, evaluations that are not built yet: called with `surrogate=...`.
            attacked_files: The files that the attacks are made for, by name. None: all.
            surrogate: The network that the attacks see. None: the exported one; another one, such
                as its teacher, where that has no gradient (local binary patterns).
            latency: How it is measured. None: it is not.
            memory: Whether the peak memory of each file is measured, in a process of its own.
            limits: None: `ParityLimits()`.

        Raises:
            ValueError: If `num_images` is below 1.
        """
        if num_images < 1:
            raise ValueError(f"num_images must be at least 1, got {num_images}.")
        self.limits = ParityLimits() if limits is None else limits
        self._held_out, self._num_images = held_out, num_images
        self._evaluations = dict(evaluations or {})
        self._attacks = dict(attacks or {})
        self._attacked_files = attacked_files
        self._surrogate = surrogate
        self._latency, self._memory = latency, memory

    @property
    def resize_to(self) -> int | tuple[int, int] | None:
        """What the images that the files are measured on were resized to, see `resize_of`."""
        return resize_of(self._held_out)

    def start(
        self, network: tf.keras.Model, endpoints: Endpoints, files: Collection[str]
    ) -> "StartedProof":
        """Takes the network, and builds the attacks on it.

        Args:
            network: As it was trained.
            endpoints: Of the network as it was trained, which gives the outputs to compare with.
            files: The names of all files.

        Raises:
            ValueError: If the network does not take the images, a file that is to be attacked, or
                has a limit, is not made, or a limit is set of a figure that is not measured.
        """
        unknown = sorted(set(self._attacked_files or ()) - set(files))
        if unknown:
            raise ValueError(
                f"attacked_files names {', '.join(unknown)}; the files are {', '.join(files)}."
            )
        self.limits.check_files(files)
        images = first_images(self._held_out, self._num_images)
        check_input_shape(network, images.shape[1:])
        surrogate = network if self._surrogate is None else self._surrogate
        attacks = {name: attack(surrogate=surrogate) for name, attack in self._attacks.items()}
        self.limits.check_figures({**self._evaluations, **attacks})
        return StartedProof(
            network=network,
            endpoints=endpoints,
            images=images,
            evaluations=self._evaluations,
            attacks=attacks,
            attacked_files=self._attacked_files,
            latency=self._latency,
            memory=self._memory,
        )

    def latency_of(self, network: tf.keras.Model) -> dict[str, dict[str, float]]:
        """The "latency" of a network of images, as that of the exported one is measured."""
        if self._latency is None:
            return {}
        image = tf.zeros([1, *network.input_shape[1:]])
        graph = tf.function(lambda images: network(images, training=False))
        graph = graph.get_concrete_function(tf.TensorSpec(image.shape, image.dtype))

        def call() -> None:
            for output in tf.nest.flatten(graph(image)):
                output.numpy()

        return {_HERE: self._latency.measure(call)}


class StartedProof:
    """The measurements of one network, see `Proof`.

    Attributes:
        images: float32 `[N, H, W, C]`, those that outputs are compared on.
    """

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        endpoints: Endpoints,
        images: np.ndarray,
        evaluations: Mapping[str, Evaluation],
        attacks: Mapping[str, Evaluation],
        attacked_files: Sequence[str] | None,
        latency: LatencyMeasurement | None,
        memory: bool,
    ):
        self.images = images
        self._network = network
        self._output = endpoints.output
        self._function = endpoints.for_images(None)
        self._evaluations, self._attacks = evaluations, attacks
        self._attacked_files, self._latency, self._memory = attacked_files, latency, memory
        self._file_outputs: dict[str, np.ndarray] = {}
        parts = range(0, len(images), _IMAGES_AT_ONCE)
        self._reference = np.concatenate(
            [self._outputs(images[start : start + _IMAGES_AT_ONCE]) for start in parts]
        )

    def describe(self) -> dict[str, dict]:
        """What the evaluations say of themselves, by name."""
        all_of_them = {**self._evaluations, **self._attacks}
        return {
            name: evaluation.describe()
            for name, evaluation in all_of_them.items()
            if hasattr(evaluation, "describe")
        }

    def of_network(self) -> dict:
        """The "figures" and the "latency" of the network itself."""
        image = self.images[:1]
        return {
            "figures": self._figures(self._network, attacked=True),
            "latency": self._latencies({_HERE: lambda: self._outputs(image)}),
        }

    def of_file(self, name: str, form: Form, endpoints: Endpoints, path: pathlib.Path) -> dict:
        """The "cosine", the "figures", the "latency" and the "peak_memory" of a file.

        Args:
            name: Of the file among others.
            form: How it was written.
            endpoints: What was written.
            path: Where it lies.
        """
        file = form.load(endpoints, path)
        outputs = file(self.images).numpy()
        cosine = cosines(outputs, self._reference)
        self._file_outputs[name] = outputs
        attacked = self._attacked_files is None or name in self._attacked_files
        return {
            "cosine": {"mean": float(cosine.mean()), "worst": float(cosine.min())},
            "figures": self._figures(file, attacked=attacked),
            "latency": self._file_latencies(form, endpoints, path),
            "peak_memory": self._peak_memory(form, endpoints, path),
        }

    def between_files(self) -> dict[str, float]:
        """The worst cosine between the outputs of each two of the files that were measured."""
        return {
            f"{first}, {second}": float(cosines(*outputs).min())
            for (first, second), outputs in zip(
                itertools.combinations(self._file_outputs, 2),
                itertools.combinations(self._file_outputs.values(), 2),
            )
        }

    def _outputs(self, images: np.ndarray) -> np.ndarray:
        return self._function(image=tf.constant(images))[self._output].numpy()

    def _figures(self, network: Any, *, attacked: bool) -> dict[str, dict[str, float]]:
        evaluations = {**self._evaluations, **(self._attacks if attacked else {})}
        return {name: evaluation.evaluate(network) for name, evaluation in evaluations.items()}

    def _file_latencies(
        self, form: Form, endpoints: Endpoints, path: pathlib.Path
    ) -> dict[str, dict[str, float]]:
        if self._latency is None:
            return {}
        numbers = {_HERE: None}
        if form.threads:
            numbers = {f"{n} thread{'s' * (n > 1)}": n for n in self._latency.threads}
        latencies = {}
        for name, threads in numbers.items():
            file = form.load(endpoints, path, threads)
            at_once = file.batch_size or 1
            batch = np.repeat(self.images[:1], at_once, axis=0)
            of_batch = self._latency.measure(functools.partial(file.run, batch))
            latencies[name] = {key: time / at_once for key, time in of_batch.items()}
        return latencies

    def _peak_memory(self, form: Form, endpoints: Endpoints, path: pathlib.Path) -> int | None:
        if not self._memory:
            return None
        threads = 1 if form.threads else None
        load = functools.partial(form.load, type(endpoints), path, threads)
        return peak_memory(load, self.images[:1])

    def _latencies(self, calls: Mapping[str, Callable[[], Any]]) -> dict[str, dict[str, float]]:
        if self._latency is None:
            return {}
        return {name: self._latency.measure(call) for name, call in calls.items()}

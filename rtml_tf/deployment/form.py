"""What a network can be exported as."""

import abc
import pathlib
from collections.abc import Mapping

import numpy as np

from rtml_tf.deployment.endpoints import Endpoints
from rtml_tf.deployment.file_network import FileNetwork
from rtml_tf.deployment.network_description import NetworkDescription


class Form(abc.ABC):
    """One kind of file: how it is written, and how it is run.

    Attributes:
        suffix: The end of the file's name.
        threads: Whether a file can be run with a chosen number of threads.
    """

    suffix: str
    threads: bool

    @abc.abstractmethod
    def write(self, endpoints: Endpoints, path: pathlib.Path, examples: np.ndarray) -> None:
        """Exports a network.

        Args:
            endpoints: The network.
            path: The file, or the folder, to make.
            examples: float32 `[N, H, W, C]` in [0, 1], images like those that will be seen.

        Raises:
            ValueError: If the network cannot be exported so.
        """

    def add_description(self, path: pathlib.Path, description: NetworkDescription) -> None:
        """Puts into a file what its network is, for tools that read it there.

        Files that have no place for it stay as they are.

        Args:
            path: A file that `write` has written.
            description: Of the network.
        """
        del path, description

    def add_metadata(self, path: pathlib.Path, metadata: Mapping) -> None:
        """Puts into a file what was measured with it; what computes stays as it was measured.

        Files that have no place for it stay as they are.

        Args:
            path: A file that has its description.
            metadata: What JSON can hold, with the "labels" of the description.
        """
        del path, metadata

    @abc.abstractmethod
    def load(
        self, endpoints: Endpoints | type[Endpoints], path: pathlib.Path, threads: int | None = None
    ) -> FileNetwork:
        """Loads what `write` has written.

        Args:
            endpoints: The network that was exported, or its class: says what the signature and its
                output are called.
            path: The file.
            threads: To run it with; None leaves the choice to the runtime.
        """

    def describe(self, network: FileNetwork) -> dict:
        """What a caller of the file must know of its input and output, as JSON can hold it."""
        return {
            "signature": network.signature,
            "batch_size": network.batch_size,
            "input": {
                "name": "image",
                "shape": list(network.input_shape[1:]),
                "dtype": "float32",
                "range": [0, 1],
            },
        }

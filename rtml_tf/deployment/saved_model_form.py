"""Networks as SavedModels, for servers."""

import pathlib

import numpy as np
import tensorflow as tf

from rtml_tf.deployment.checked_batch_size import checked_batch_size
from rtml_tf.deployment.endpoints import Endpoints
from rtml_tf.deployment.form import Form
from rtml_tf.deployment.quiet import quiet
from rtml_tf.deployment.saved_model_network import SavedModelNetwork


class SavedModelForm(Form):
    """A folder that TensorFlow and TensorFlow Serving load without this package.

    Its signatures are those of `EmbeddingEndpoints` or `SegmentationEndpoints`.
    """

    suffix = ""
    threads = False

    def __init__(self, *, batch_size: int | None = None):
        """Sets how it is called.

        Args:
            batch_size: Images at once, in every signature; None for any number.

        Raises:
            ValueError: If `batch_size` is below 1.
        """
        self._batch_size = checked_batch_size(batch_size)

    def write(self, endpoints: Endpoints, path: pathlib.Path, examples: np.ndarray) -> None:
        del examples
        signatures = endpoints.signatures(batch_size=self._batch_size)
        with quiet():
            tf.saved_model.save(endpoints, str(path), signatures=signatures)

    def load(
        self, endpoints: Endpoints | type[Endpoints], path: pathlib.Path, threads: int | None = None
    ) -> SavedModelNetwork:
        return SavedModelNetwork(path, signature=endpoints.signature, output=endpoints.output)

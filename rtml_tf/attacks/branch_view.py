"""One branch of a branched network, as an attack sees it."""

from collections.abc import Callable

import tensorflow as tf

from rtml_tf.attacks.batch_norm_folding import BatchNormStatistics, keras_batch_norm_statistics
from rtml_tf.attacks.inference_plan import StatisticsReader
from rtml_tf.attacks.inference_view import InferenceView
from rtml_tf.layers import branch_routing
from rtml_tf.layers.multi_batch_norm import MultiBatchNormalization


class BranchView(InferenceView):
    """An `InferenceView` through one branch of all multi batch norms.

    The branch's statistics, scale and shift are folded as those of a plain batch norm are; a multi
    batch norm that cannot be folded runs routed to the branch.

    Attributes:
        branch: The branch.
    """

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        branch: str,
        compute_dtype: str = "float32",
        fold: bool = True,
    ):
        """Plans the view.

        Args:
            network: A network from `with_branches`.
            branch: The branch.
            compute_dtype: "float32", "bfloat16" or "float16".
            fold: Whether to fold; see `InferenceView`.

        Raises:
            ValueError: If there is no such branch, or `compute_dtype` is none of the three.
        """
        super().__init__(
            network=network,
            compute_dtype=compute_dtype,
            statistics=branch_statistics(branch),
            fold=fold,
        )
        self.branch = branch

    def at_current_weights(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """See `InferenceView`."""
        embed = super().at_current_weights()

        def embed_through_branch(images: tf.Tensor) -> tf.Tensor:
            # Where every batch norm is folded, none is left to route.
            with branch_routing.branch(self.branch, required=False):
                return embed(images)

        return embed_through_branch


def branch_statistics(branch: str) -> StatisticsReader:
    """A reader of statistics for `InferenceView`, which sees multi batch norms as one branch."""

    def read(layer: tf.keras.layers.Layer) -> BatchNormStatistics | None:
        if not isinstance(layer, MultiBatchNormalization):
            return keras_batch_norm_statistics(layer)
        statistics = keras_batch_norm_statistics(layer.batch_norm(branch))
        if statistics is None or not layer.shared_affine:
            return statistics
        return statistics._replace(gamma=layer.gamma, beta=layer.beta)

    return read

"""A faster twin of a network in inference mode, for attacks and evaluation."""

from collections.abc import Callable

import tensorflow as tf

from rtml_tf.attacks import batch_norm_folding as folding
from rtml_tf.attacks import functional_graph
from rtml_tf.attacks.inference_plan import InferencePlan, StatisticsReader

# The largest entry of an embedding's gradient where it enters a float16 network. float16 holds
# 0.00006 to 65504 with full precision: there is room for smaller entries, and for growth.
_FLOAT16_GRADIENT = 16.0


class InferenceView:
    """A network in inference mode that shares its variables and computes the same, faster.

    The view walks the graph of a functional network. Each batch norm is folded into the Conv2D,
    GroupedConv2D, DepthwiseConv2D or Dense layer before it, from the values that the variables have
    when the view is used; where that cannot be done it is a scale and a shift. Convolutions, dense
    layers, batch norms and layers without weights compute in the compute type; all other layers run
    as they are, in their own type, and so does a network as a whole that is not functional.
    Networks inside the network are walked as well.

    `view(images)` reads the variables at each call. A loop should read them once:
    `embed = view.at_current_weights()`, then `embed(images)` inside. Attacks do.

    Attributes:
        network: The network that is viewed.
        compute_dtype: The type that layers compute in.
        folded: Names of the batch norms that are folded into the layer before them.
        kept: Names of the layers that run as they are.
    """

    def __init__(
        self,
        *,
        network: tf.keras.Model,
        compute_dtype: str = "float32",
        statistics: StatisticsReader = folding.keras_batch_norm_statistics,
        fold: bool = True,
    ):
        """Plans the view; variables are not read yet.

        Args:
            network: A built Keras network of images `[B, ...]` to embeddings `[B, D]`.
            compute_dtype: `"float32"`, `"bfloat16"` or `"float16"`.
            statistics: Reads a batch-norm layer, and gives None for every other layer. To look at
                one branch of a batch norm that has several, hand over a reader of that branch.
            fold: Whether to fold; otherwise every batch norm is a scale and a shift.

        Raises:
            ValueError: If `compute_dtype` is none of the three.
        """
        self.network = network
        self.compute_dtype = checked_compute_dtype(compute_dtype)
        plan = InferencePlan(dtype=compute_dtype, statistics=statistics, fold=fold)
        if functional_graph.is_functional(network):
            self._bind = plan.network(network)
        else:
            self._bind = plan.unchanged(network)
        self.folded = tuple(plan.folded)
        self.kept = tuple(plan.kept)

    def __call__(self, images: tf.Tensor, *, training: bool = False) -> tf.Tensor:
        """Embeds images, float `[B, ...]` -> float32 `[B, D]`.

        Args:
            images: What the network takes.
            training: Must be False; there so that a view can stand where a network stands.

        Raises:
            ValueError: If `training` is set.
        """
        if training:
            raise ValueError("training must be False for an InferenceView, got True.")
        return self.at_current_weights()(images)

    def at_current_weights(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """The network as a function of images, with the weights read, folded and cast now."""
        embed = self._bind()
        if self.compute_dtype != "float16":
            return lambda images: tf.cast(embed(images), tf.float32)

        def embed_scaled(images: tf.Tensor) -> tf.Tensor:
            images, scale = _restore_gradient(tf.cast(images, tf.float32))
            return _scale_gradient(tf.cast(embed(images), tf.float32), scale)

        return embed_scaled


def checked_compute_dtype(compute_dtype: str) -> str:
    """Returns the compute type of a view; for those that make the view only after a long time.

    Raises:
        ValueError: If it is none of the three.
    """
    if compute_dtype not in ("float32", "bfloat16", "float16"):
        raise ValueError(
            f"compute_dtype must be float32, bfloat16 or float16, got {compute_dtype!r}."
        )
    return compute_dtype


@tf.custom_gradient
def _scale_gradient(embeddings: tf.Tensor, scale: tf.Tensor):
    """`embeddings` themselves, with the gradient of each brought to one size.

    Images do not influence each other in inference mode, so each has a scale of its own. It goes to
    `_restore_gradient` as the gradient of `scale`, whose value plays no part.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        inner = list(range(1, upstream.shape.rank))
        scale = tf.reduce_max(tf.abs(upstream), inner) / _FLOAT16_GRADIENT
        scale = tf.where(scale > 0.0, scale, 1.0)  # Without a gradient there is nothing to scale.
        return upstream / _for_each_row(scale, upstream), scale

    return tf.identity(embeddings), gradient


@tf.custom_gradient
def _restore_gradient(images: tf.Tensor):
    """`images` themselves, whose gradient gets its size back; and what `_scale_gradient` takes."""

    def gradient(upstream: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
        return upstream * _for_each_row(scale, upstream)

    return (tf.identity(images), tf.ones(tf.shape(images)[:1])), gradient


def _for_each_row(scale: tf.Tensor, tensor: tf.Tensor) -> tf.Tensor:
    """`scale` `[B]` in a form that multiplies `tensor` `[B, ...]` row by row."""
    return tf.reshape(scale, [-1, *[1] * (tensor.shape.rank - 1)])

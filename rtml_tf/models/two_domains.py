"""One network on images of two domains, in training mode."""

import contextlib

import tensorflow as tf

from rtml_tf.layers.branch_routing import CLEAN, branch, mixed_batch
from rtml_tf.layers.frozen_batch_norm import FrozenStatisticsBatchNormalization
from rtml_tf.networks.branches import branches_of

# The branch of source images in networks with domain-specific batch norm. Target images go through
# "clean", the branch that is evaluated and exported.
SOURCE_BRANCH = "source"


def outputs_of_both(
    network: tf.keras.Model,
    source: tf.Tensor,
    target: tf.Tensor,
    *,
    one_forward: bool = False,
) -> tuple[tf.Tensor, tf.Tensor]:
    """What a network gives for source and for target images while it is trained.

    Each domain goes through by itself, source first, so that live batch norms normalise each by its
    own batch. In a network from `with_branches(branches=("clean", "source"))` they also keep
    running statistics (and, unless shared, scale and shift) apart.

    Args:
        network: Images in, any structure of outputs out.
        source: `[B, H, W, C]`.
        target: `[B', H', W', C]`; of the same size as `source` with `one_forward`.
        one_forward: Whether all images go through in one batch, which is quicker; for networks
            that `check_domains` lets pass.

    Returns:
        The outputs of the source images, and those of the target images.
    """
    routed = SOURCE_BRANCH in branches_of(network)
    if not one_forward:
        with branch(SOURCE_BRANCH) if routed else contextlib.nullcontext():
            source_outputs = network(source, training=True)
        return source_outputs, network(target, training=True)
    rows = [source.shape[0], target.shape[0]]
    with (
        mixed_batch(dict(zip((SOURCE_BRANCH, CLEAN), rows))) if routed else contextlib.nullcontext()
    ):
        outputs = network(tf.concat([source, target], axis=0), training=True)
    if None in rows:
        rows = [tf.shape(source)[0], tf.shape(target)[0]]
    parts = [tf.split(output, rows) for output in tf.nest.flatten(outputs)]
    return tuple(tf.nest.pack_sequence_as(outputs, [part[i] for part in parts]) for i in (0, 1))


def check_domains(network: tf.keras.Model, *, one_forward: bool) -> None:
    """Refuses networks that would mix what the domains are normalised by.

    Args:
        network: What `outputs_of_both` is to call.
        one_forward: Whether source and target are to go through it in one batch.

    Raises:
        ValueError: If it has branches but none for the source, or, with `one_forward`, live batch
            norms without branches.
    """
    branches = branches_of(network)
    if SOURCE_BRANCH in branches:
        return
    if branches:
        raise ValueError(
            f"the branches of {network.name!r} must be {CLEAN!r}, for the target, and "
            f"{SOURCE_BRANCH!r}, got {branches}."
        )
    live = [
        layer.name
        for layer in network.submodules
        if isinstance(layer, tf.keras.layers.BatchNormalization)
        and layer.trainable
        and not isinstance(layer, FrozenStatisticsBatchNormalization)
    ]
    if live and one_forward:
        raise ValueError(
            f"one_forward would mix the batch statistics of source and target in {live[0]!r} of "
            f"{network.name!r}; freeze the statistics (freeze_batch_norm_statistics) or give the "
            f'source a branch (with_branches(branches=("clean", "{SOURCE_BRANCH}"))).'
        )

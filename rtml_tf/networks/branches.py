"""Networks whose batch norms have branches, made from plain networks, and back."""

from collections.abc import Callable, Sequence

import tensorflow as tf

from rtml_tf.layers.branch_routing import CLEAN
from rtml_tf.layers.multi_batch_norm import MultiBatchNormalization

Layer = tf.keras.layers.Layer


def with_branches(
    *,
    network: tf.keras.Model,
    branches: Sequence[str] = (CLEAN, "single", "multi"),
    shared_affine: bool = False,
    synchronized: bool | None = None,
) -> tf.keras.Model:
    """Returns a network in which every batch norm has branches, all of them full copies.

    Each branch starts with the scale, the shift and the running statistics of the batch norm that
    it replaces, so the network computes the same through each. (The code published with MDProp
    starts further branches with statistics 0 and 1, for which trained weights were not made.)

    Args:
        network: A functional network, in which networks may be nested; it stays as it is.
        branches: Names of the branches, with "clean" among them.
        shared_affine: Whether all branches of a batch norm have one scale and one shift.
        synchronized: Whether batch statistics are those of all replicas; `None`: as each batch
            norm of the network has it.

    Returns:
        The network, its layers named as they were.

    Raises:
        ValueError: If there is no batch norm, or one that cannot be found or replaced.
    """

    def branched(batch_norm: Layer) -> Layer:
        config = batch_norm.get_config() | {"synchronized": batch_norm.synchronized}
        if synchronized is not None:
            config["synchronized"] = synchronized
        return MultiBatchNormalization(branches=branches, shared_affine=shared_affine, **config)

    def copy(batch_norm: Layer, branched: MultiBatchNormalization) -> None:
        for branch in branched.branches:
            branched.set_branch_weights(branch, batch_norm.get_weights())

    _check_replaceable(network)
    return _replaced(network, tf.keras.layers.BatchNormalization, branched, copy)


def one_branch(
    *, network: tf.keras.Model, branch: str = CLEAN, into: tf.keras.Model | None = None
) -> tf.keras.Model:
    """Takes one branch out of a branched network, as a plain network with plain batch norms.

    Its outputs are those of the branch. It is for evaluation, export and whatever else knows batch
    norms of Keras only, and costs what the network cost before it had branches.

    Args:
        network: A network from `with_branches`; it stays as it is.
        branch: The branch.
        into: What an earlier call returned for this network: it gets the weights as they are now
            and is returned, and nothing is built.

    Returns:
        The network, its layers named as they were. It shares no weights with `network`.

    Raises:
        ValueError: If there is no multi batch norm, or not this branch.
    """

    def plain(batch_norm: MultiBatchNormalization) -> Layer:
        return tf.keras.layers.BatchNormalization.from_config(batch_norm.batch_norm_config())

    def copy(batch_norm: MultiBatchNormalization, plain: Layer) -> None:
        plain.set_weights(batch_norm.branch_weights(branch))

    if into is not None:
        _copy_weights(network, into, MultiBatchNormalization, copy)
        return into
    return _replaced(network, MultiBatchNormalization, plain, copy)


def clean_branch_of(network: tf.keras.Model) -> Callable[[], tf.keras.Model]:
    """Returns a function that gives what is evaluated and exported of a network in training.

    Of a network with branches that is "clean" as a plain network, always the same one, with the
    weights of the moment; of any other the network itself. It is a function because Keras would
    take a network that a model holds for a part of the model.
    """
    if not branches_of(network):
        return lambda: network
    plain = one_branch(network=network)
    return lambda: one_branch(network=network, into=plain)


def branches_of(network: tf.keras.Model) -> tuple[str, ...]:
    """The branches of a network; none if it has no multi batch norm.

    Raises:
        ValueError: If its multi batch norms have different branches.
    """
    found = {x.branches for x in network.submodules if isinstance(x, MultiBatchNormalization)}
    if len(found) > 1:
        raise ValueError(
            f"All multi batch norms of {network.name!r} must have the same branches, got "
            f"{sorted(found)}."
        )
    return found.pop() if found else ()


def _replaced(
    network: tf.keras.Model,
    kind: type[Layer],
    replace: Callable[[Layer], Layer],
    copy: Callable[[Layer, Layer], None],
) -> tf.keras.Model:
    """A copy of a network with `replace(layer)` for every layer of type `kind`."""
    count = 0

    def clone(layer: Layer) -> Layer:
        nonlocal count
        if isinstance(layer, tf.keras.Model):
            return tf.keras.models.clone_model(layer, clone_function=clone)
        if type(layer) is not kind:
            return type(layer).from_config(layer.get_config())
        count += 1
        return replace(layer)

    replaced = clone(network)
    if not count:
        raise ValueError(f"The network {network.name!r} has no {kind.__name__}.")
    _copy_weights(network, replaced, kind, copy)
    return replaced


def _copy_weights(
    network: tf.keras.Model,
    other: tf.keras.Model,
    kind: type[Layer],
    copy: Callable[[Layer, Layer], None],
) -> None:
    """Copies all weights, those of layers of type `kind` by `copy`."""
    for layer in network.layers:
        counterpart = other.get_layer(layer.name)
        if isinstance(layer, tf.keras.Model):
            _copy_weights(layer, counterpart, kind, copy)
        elif type(layer) is kind:
            copy(layer, counterpart)
        else:
            counterpart.set_weights(layer.get_weights())


def _check_replaceable(network: tf.keras.Model) -> None:
    """Refuses running statistics that would silently be shared by all branches."""
    for layer in network.layers:
        if isinstance(layer, tf.keras.Model):
            _check_replaceable(layer)
            continue
        if type(layer) is tf.keras.layers.BatchNormalization:
            continue
        for part in (layer, *layer.submodules):
            if hasattr(part, "moving_mean") or isinstance(part, MultiBatchNormalization):
                raise ValueError(
                    f"The layer {layer.name!r} of {network.name!r} is or holds a "
                    f"{type(part).__name__}, which cannot be given branches."
                )

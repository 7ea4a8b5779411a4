"""The parts that a run is given and uses late, checked before it begins."""

from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf

from rtml_tf.networks.checking import check_input_shape


def check_evaluations(
    evaluations: Mapping[str, Any],
    *,
    network: tf.keras.Model | None = None,
    name: str = "evaluations",
) -> None:
    """Refuses what is no evaluation, and evaluations of images that the network does not take.

    Args:
        evaluations: By name; see `selection.Evaluation`.
        network: What will be evaluated, as far as its inputs go; `None`: it is not known yet.
        name: The argument that they are.

    Raises:
        ValueError: If one cannot be used; names it.
    """
    for key, evaluation in evaluations.items():
        place = f"{name}[{key!r}]"
        check_object(place, evaluation, kind="an evaluation", has=("evaluate",))
        if network is not None:
            _check_network(place, evaluation, network)


def check_validation(validation: Any, *, network: tf.keras.Model) -> None:
    """Refuses what cannot choose among networks; see `check_evaluations`."""
    has = ("figure_names", "evaluate")
    check_object("validation", validation, kind="an evaluation", has=has)
    _check_network("validation", validation, network)


def check_artefacts(artefacts: Iterable[Any]) -> None:
    """Refuses what is no `finishing.Artefact` with a `ValueError` that names it."""
    for number, artefact in enumerate(artefacts):
        check_object(f"artefacts[{number}]", artefact, kind="an artefact", has=("write",))


def check_callbacks(callbacks: Iterable[Any]) -> None:
    """Refuses what is no callback of Keras with a `ValueError` that names it."""
    for number, callback in enumerate(callbacks):
        if not isinstance(callback, tf.keras.callbacks.Callback):
            raise ValueError(
                f"callbacks[{number}] must be a tf.keras.callbacks.Callback, got "
                f"{_received(callback)}."
            )


def check_object(name: str, given: Any, *, kind: str, has: Iterable[str]) -> None:
    """Refuses what lacks an attribute, and classes instead of their objects.

    Args:
        name: What it is called in the message.
        given: What was given.
        kind: What it must be.
        has: The names of its attributes.

    Raises:
        ValueError: If it is something else.
    """
    if isinstance(given, type) or not all(hasattr(given, attribute) for attribute in has):
        raise ValueError(
            f"{name} must be {kind}, an object with {' and '.join(has)}, got {_received(given)}."
        )


def _received(given: Any) -> str:
    made_by = getattr(given, "__name__", None)
    if not callable(given) or made_by is None:
        return repr(given)
    return f"{made_by} itself; in a gin file parentheses behind the name, {made_by}(), make one"


def _check_network(place: str, evaluation: Any, network: tf.keras.Model) -> None:
    shape = getattr(evaluation, "image_shape", None)
    try:
        if shape is not None:
            check_input_shape(network, shape)
        if hasattr(evaluation, "check_network"):
            evaluation.check_network(network)
    except ValueError as error:
        raise ValueError(f"{place} does not fit: {error}") from error

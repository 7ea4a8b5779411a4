"""Which branch of the multi batch norms the rows of a batch go through.

    with branch("single"):
        embeddings = network(images)

    with mixed_batch({"clean": 64, "single": 32, "multi": 32}):
        embeddings = network(images, training=True)  # 128 images

Every `MultiBatchNormalization` that runs in the block is routed so. The choice is made while Python
runs, so in a `tf.function` it becomes part of the graph. It holds for the thread that made it:
under `MirroredStrategy` make it inside the function that each replica runs.
"""

import contextlib
import dataclasses
import numbers
import threading
from collections.abc import Iterator, Mapping

import tensorflow as tf

# The branch of everything that is not routed, and the one that evaluation and export use.
CLEAN = "clean"

# Branches with the number of rows each takes, in the order of the rows; None: every row.
Route = tuple[tuple[str, int | None], ...]


# Compared by identity: a block may be nested in one of the same route.
@dataclasses.dataclass(eq=False)
class _Routing:
    route: Route
    graph: tf.Graph | None
    used: bool = False


class _Routings(threading.local):
    def __init__(self):
        self.stack: list[_Routing] = []


_ROUTINGS = _Routings()


@contextlib.contextmanager
def branch(name: str, *, required: bool = True) -> Iterator[None]:
    """Sends every batch in the block through one branch as a whole.

    Args:
        name: The branch.
        required: Whether a block in which no multi batch norm runs is an error.

    Raises:
        ValueError: At the end of the block, if none ran: the network has none, or what was called
            is a graph that was traced before (`network.predict`, a `tf.function`), which keeps
            the branch that it was traced with.
    """
    with _routed(((name, None),), f"branch({name!r})", required):
        yield


@contextlib.contextmanager
def mixed_batch(rows: Mapping[str, int]) -> Iterator[None]:
    """Divides every batch in the block among branches, by rows.

    Args:
        rows: How many rows each branch takes, in the order in which they lie in the batch; each at
            least 1, and together the batch.

    Raises:
        ValueError: If a count is not a positive integer; at the end of the block, if no multi batch
            norm ran (see `branch`).
    """
    counts = list(rows.values())
    if not counts or not all(
        isinstance(n, numbers.Integral) and not isinstance(n, bool) and n >= 1 for n in counts
    ):
        raise ValueError(
            f"rows must give each branch a number of rows of at least 1, got {dict(rows)}."
        )
    route = tuple((name, int(count)) for name, count in rows.items())
    with _routed(route, f"mixed_batch({dict(rows)})", required=True):
        yield


def current_route() -> Route:
    """How the code that runs now is routed; for the layer.

    Raises:
        ValueError: If the choice was made outside of the graph that is being built. The graph
            would keep it, and use it whatever is chosen when it is called again.
    """
    if not _ROUTINGS.stack:
        return ((CLEAN, None),)
    routing = _ROUTINGS.stack[-1]
    if routing.graph is not _current_graph():
        raise ValueError(
            f"The route {dict(routing.route)} was chosen outside of the graph that is being "
            "traced, which would keep it for all later calls. Choose it inside the traced "
            "function, around the call of the network."
        )
    for outer in _ROUTINGS.stack:
        outer.used = True
    return routing.route


@contextlib.contextmanager
def _routed(route: Route, description: str, required: bool) -> Iterator[None]:
    routing = _Routing(route, _current_graph())
    _ROUTINGS.stack.append(routing)
    try:
        yield
    finally:
        _ROUTINGS.stack.remove(routing)
    if required and not routing.used:
        raise ValueError(
            f"No multi batch norm ran in {description}: the network has none, or a graph was "
            "called that was traced before and keeps its own route."
        )


def _current_graph() -> tf.Graph | None:
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()

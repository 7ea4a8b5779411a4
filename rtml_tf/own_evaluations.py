"""The evaluations that a run ended with, as its configuration binds them."""

from collections.abc import Iterator
from typing import Any

from rtml_tf import configuration

_WANTED = "evaluating.evaluate.evaluations"


def bind_own_evaluations(run: str) -> str:
    """Gives `evaluating.evaluate` the evaluations of a run, unless it has some.

    Those of a stage that has none, because all networks are compared in the end, are those of the
    first later stage that has.

    Args:
        run: The name of the run folder, which is that of the stage in a run of stages.

    Returns:
        The scope of gin in which the run builds them.

    Raises:
        ConfigurationError: If there are none.
    """
    if configuration.is_bound(_WANTED):
        return ""
    tried = []
    for scopes, function in _runs(run):
        for depth in range(len(scopes), -1, -1):  # Inner scopes win.
            own = "/".join([*scopes[:depth], f"{function}.evaluations"])
            tried.append(own)
            if configuration.value_of(own):
                statement = "from rtml_tf.runs import evaluating"
                configuration.bind(_WANTED, same_as=own, statement=statement)
                return "/".join(scopes)
            if configuration.is_bound(own):
                break
    raise configuration.ConfigurationError(
        f"there is nothing to evaluate: {_WANTED} is not bound, and {', '.join(tried)} give no "
        "evaluations."
    )


def _runs(run: str) -> Iterator[tuple[list[str], str]]:
    """Scopes and names of the functions that made a run and its later stages."""
    stages: Any = configuration.value_of("pipeline.run.stages")
    by_name = dict(stages or {})
    if run not in by_name:
        yield [], "training.train"
        return
    names = list(by_name)
    for name in names[names.index(run) :]:
        stage = by_name[name]
        yield stage.scopes, stage.configurable.selector

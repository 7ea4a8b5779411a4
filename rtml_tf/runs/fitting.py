"""One run of a classical method, from built objects to a run folder with a finished network."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from rtml_tf.classical.method import ClassicalMethod
from rtml_tf.data.batches import OrderedBatches
from rtml_tf.data.paired import PairedSource
from rtml_tf.data.source import ImageSource
from rtml_tf.networks.joining import join_networks
from rtml_tf.networks.saving import save_network
from rtml_tf.networks.summary import summarize
from rtml_tf.runs.finishing import Artefact, finish, write_baselines
from rtml_tf.runs.given_parts import check_artefacts, check_evaluations
from rtml_tf.runs.run_folder import read_json
from rtml_tf.runs.selection import Evaluation
from rtml_tf.runs.workers import Workers


def fit(
    *,
    run_dir: str,
    method: ClassicalMethod,
    pairs: PairedSource,
    view: tf.keras.Model | None = None,
    evaluations: Mapping[str, Evaluation] | None = None,
    baselines: Mapping[str, tf.keras.Model] | None = None,
    artefacts: Sequence[Artefact] = (),
    describe_config: Callable[[], str] = lambda: "",
    dry_run: bool = False,
) -> dict | None:
    """Fits a classical method to paired examples and leaves a run folder.

    The counterpart of `training.train` for methods in closed form, also as a stage of
    `pipeline.run`. Called again with the same arguments, a finished run is only shown; one that
    was stopped is fitted anew and goes on with its evaluations.

    Args:
        run_dir: The run folder; made if it does not exist.
        method: What is fitted.
        pairs: The examples, all of which are held in memory in float64. Source views are read only
            if the method uses them.
        view: The network without weights from images to target views (see `view_network`) that
            stands in front of the finished network, so that it takes images. `None`: the finished
            network takes target views.
        evaluations: Evaluated once with the network, by name; on data that was not used to choose
            anything.
        baselines: Networks whose figures stand beside it, by name.
        artefacts: What else is written for TensorBoard from the network.
        describe_config: Gives the resolved configuration as text, once everything is built.
        dry_run: Show what would be fitted and the configuration, and stop.

    Returns:
        The content of `metrics.json`, as of `training.train` with 0 steps; `None` after a dry run.

    Raises:
        ValueError: If the examples do not suffice for the method, the view is another one, or the
            folder belongs to another run.
    """
    method.check(
        source_shape=(len(pairs), *pairs.source.image_shape),
        target_shape=(len(pairs), *pairs.target.image_shape),
        labels=pairs.labels,
    )
    if view is not None and view.output_shape[1:] != tuple(pairs.target.image_shape):
        raise ValueError(
            f"view must give what target views are, of shape {tuple(pairs.target.image_shape)}, "
            f"got a network that gives {view.output_shape[1:]}."
        )
    evaluations = dict(evaluations or {})
    check_evaluations(evaluations, network=_inputs(pairs) if view is None else view)
    check_artefacts(artefacts)
    folder, config = Workers().run_folder(run_dir), describe_config()
    print(
        f"{type(method).__name__} on {len(pairs)} examples, {np.count_nonzero(pairs.labels >= 0)} "
        f"of them labelled ({pairs.num_classes} classes), source {pairs.source.image_shape}, "
        f"target {pairs.target.image_shape}"
    )
    if dry_run:
        print(config)
        return None
    folder.claim(config)
    try:
        if folder.finished:
            logging.info("%s holds this run, finished.", folder.path)
        else:
            start = time.monotonic()
            network = method.fit(
                source=_examples(pairs.source) if method.uses_source else None,
                target=_examples(pairs.target),
                labels=pairs.labels,
            )
            if view is not None:
                network = join_networks(first=view, second=network)
            seconds = time.monotonic() - start
            print(summarize(network))
            save_network(network, folder.network)
            # After the fit, which is the shorter part and finds what is wrong with the examples.
            write_baselines(folder, evaluations=evaluations, networks=dict(baselines or {}))
            finish(
                folder,
                evaluations=evaluations,
                artefacts=artefacts,
                training={
                    "steps": 0,
                    "seconds": round(seconds, 2),
                    "network_epoch": "last",
                    "selected_by": None,
                    "best_value": None,
                },
            )
        return read_json(folder.metrics)
    finally:
        folder.release()


def _examples(source: ImageSource) -> np.ndarray:
    """All examples of a source in one array, in order."""
    batches = OrderedBatches(source=source).dataset().as_numpy_iterator()
    return np.concatenate([batch["image"] for batch in batches])


def _inputs(pairs: PairedSource) -> tf.keras.Model:
    """What a network of target views is given, as a network that returns it."""
    inputs = tf.keras.Input(pairs.target.image_shape)
    return tf.keras.Model(inputs, inputs, name="target_views")

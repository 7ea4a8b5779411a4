"""One training run, from built objects to a run folder with a finished network."""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf
from absl import logging

from rtml_tf.data.batches import TrainingBatches
from rtml_tf.models.training_model import TrainingModel
from rtml_tf.networks.saving import check_loadable, save_network
from rtml_tf.networks.summary import summarize
from rtml_tf.runs.averaging import averaged_weights
from rtml_tf.runs.checkpoint import RunCheckpoint, RunState
from rtml_tf.runs.disk_space import check_disk_space
from rtml_tf.runs.finishing import Artefact, finish, write_baselines
from rtml_tf.runs.given_parts import (
    check_artefacts,
    check_callbacks,
    check_evaluations,
    check_validation,
)
from rtml_tf.runs.interruption import Interruption
from rtml_tf.runs.log import EpochLog
from rtml_tf.runs.loop import TrainingLoop
from rtml_tf.runs.not_finite import NotFiniteWatch
from rtml_tf.runs.progress import Progress
from rtml_tf.runs.replicated_batches import ReplicatedBatches
from rtml_tf.runs.run_folder import RunFolder, read_json
from rtml_tf.runs.selection import BestNetwork, Evaluation
from rtml_tf.runs.workers import Workers


class RunInterrupted(Exception):
    """The run was told to stop; it has saved its state.

    Attributes:
        signal: The signal that it received.
    """

    def __init__(self, received, step: int):
        """Tells which signal came and after which step the run was saved."""
        super().__init__(
            f"stopped by {received.name} after step {step}; everything is saved, the same command "
            "goes on from here."
        )
        self.signal = received


def train(
    *,
    run_dir: str,
    model: TrainingModel,
    optimizer: tf.keras.optimizers.Optimizer,
    train_data: TrainingBatches,
    epochs: int,
    negatives: str = "global",
    batch_per_replica: bool = False,
    validation: Evaluation | None = None,
    select_by: str | None = None,
    higher_is_better: bool = True,
    validate_every: int = 1,
    patience: int | None = None,
    evaluations: Mapping[str, Evaluation] | None = None,
    baselines: Mapping[str, tf.keras.Model] | None = None,
    evaluate_untrained: bool = True,
    artefacts: Sequence[Artefact] = (),
    callbacks: Sequence[tf.keras.callbacks.Callback] = (),
    checkpoint_every_steps: int | None = None,
    stop_after_skipped_steps: int | None = 10,
    describe_config: Callable[[], str] = lambda: "",
    dry_run: bool = False,
) -> dict | tf.keras.Model:
    """Trains a model and leaves a run folder.

    Called again with the same arguments, it goes on where the folder stands: it resumes training,
    only evaluates, or only reports. Everything that can be wrong with the arguments is noticed
    before the first step.

    Under a distribution strategy (see `runtime.distributed`) arguments are built and this function
    is called in its scope, by all workers alike.

    Args:
        run_dir: The run folder; made if it does not exist.
        model: The method, with its network and loss.
        optimizer: Optimizer of the network. Learning-rate schedules with warm-up, gradient
            clipping, weight decay and the moving average of the weights (`use_ema`) are
            arguments of Keras's optimizers. Where an average is kept, it is what is validated
            and saved.
        train_data: Training batches.
        epochs: Epochs of `train_data.steps_per_epoch` steps.
        negatives: What losses that compare examples see under a distribution strategy: those of
            all replicas ("global"), or of each replica alone ("local").
        batch_per_replica: Under a distribution strategy, whether each replica gets a batch of
            `train_data` in every step, instead of its part of one. An epoch has fewer steps then,
            and the run can only be resumed on as many replicas.
        validation: Evaluated after epochs to choose the network; `None` keeps the last.
        select_by: The figure of `validation` that chooses the network.
        higher_is_better: Whether a higher figure is a better one.
        validate_every: Epochs between validations; the last epoch is always validated.
        patience: Validations without a better figure after which training stops; `None` never.
        evaluations: Evaluated once with the chosen network, by name; on data that was not used
            to choose anything.
        baselines: Networks whose figures stand beside it, by name.
        evaluate_untrained: Whether the network as it is before training is one of them.
        artefacts: What else is written for TensorBoard from the chosen network.
        callbacks: More Keras callbacks, called after the validation, whose figures are in their
            logs ("validation/<name>"). What they hand to `tf.summary` goes to the run's log. The
            numbers that they count are saved, nothing else of them (see `CallbackNumbers`). One
            that writes files has a method `use_folder(folder)`, which is given the run's, one
            that asks how far the run is `use_state(state)`.
        checkpoint_every_steps: Save within epochs too, after so many steps.
        stop_after_skipped_steps: A step whose loss or gradient is not finite is skipped and
            counted. After so many in a row the run stops and leaves the first of their batches in
            its folder; 1 stops at the first, `None` never.
        describe_config: Gives the resolved configuration as text, once everything is built.
        dry_run: Show the network's size and the configuration, and stop.

    Returns:
        The content of `metrics.json`; after a dry run the network, as it is before training.

    Raises:
        ValueError: If arguments do not fit together, or the folder belongs to another run.
        NotFiniteError: After too many steps in a row that had to be skipped.
        RunInterrupted: After SIGTERM or SIGINT, when the state has been saved.
    """
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs!r}.")
    every = checkpoint_every_steps
    if every is not None and (not isinstance(every, int) or every < 1):
        raise ValueError(f"checkpoint_every_steps must be at least 1 step or None, got {every!r}.")
    if (validation is None) != (select_by is None):
        raise ValueError(
            "validation and select_by go together, got "
            f"validation={validation!r} and select_by={select_by!r}."
        )
    if validation is None and not (higher_is_better and validate_every == 1 and patience is None):
        raise ValueError(
            "higher_is_better, validate_every and patience are about a validation, got none, and "
            f"higher_is_better={higher_is_better}, validate_every={validate_every}, "
            f"patience={patience}."
        )
    check_artefacts(artefacts)
    check_callbacks(callbacks)
    workers = Workers()
    train_data = ReplicatedBatches(train_data, batch_per_replica=batch_per_replica)
    model.check_data(train_data.element_spec)
    evaluations, baselines = dict(evaluations or {}), dict(baselines or {})
    network = model.finished_network
    check_loadable(network)
    if validation is not None:
        check_validation(validation, network=network)
    check_evaluations(evaluations, network=network)
    folder, state = workers.run_folder(run_dir), RunState()
    run_callbacks = []
    for callback in callbacks:
        if hasattr(callback, "use_folder"):
            callback.use_folder(folder)
        if hasattr(callback, "use_state"):
            callback.use_state(state)
    if validation is not None:
        run_callbacks.append(
            BestNetwork(
                evaluation=validation,
                figure=select_by,
                higher_is_better=higher_is_better,
                every_epochs=validate_every,
                patience=patience,
                state=state,
                folder=folder,
                epochs=epochs,
                workers=workers,
            )
        )
    run_callbacks += [
        *callbacks,
        NotFiniteWatch(
            folder=folder,
            state=state,
            train_data=train_data,
            stop_after=stop_after_skipped_steps,
        ),
        EpochLog(
            folder=folder,
            state=state,
            batch_size=train_data.batch_size,
            steps_per_epoch=train_data.steps_per_epoch,
        ),
        Progress(
            state=state,
            steps_per_epoch=train_data.steps_per_epoch,
            epochs=epochs,
            figure=select_by,
        ),
    ]
    model.compile(optimizer=optimizer, negatives=negatives)
    model.prepare(num_classes=train_data.num_classes)
    config = describe_config()
    print(summarize(model.network))
    if dry_run:
        print(config)
        return model.finished_network

    if not folder.finished:
        check_disk_space(folder, model, callbacks)
    folder.claim(config)
    try:
        if folder.finished:
            logging.info("%s holds this run, finished.", folder.path)
        else:
            writer = tf.summary.create_file_writer(str(folder.tensorboard))
            if evaluate_untrained:
                baselines["untrained"] = model.finished_network
            write_baselines(folder, evaluations=evaluations, networks=baselines)
            checkpoint = RunCheckpoint(
                model=model, state=state, folder=folder.checkpoints, callbacks=callbacks
            )
            if checkpoint.restore():
                _check_epochs(state, train_data, folder)
                print(f"Resuming {folder.path} after step {int(state.step.numpy())}.")
            else:
                state.steps_per_epoch.assign(train_data.steps_per_epoch)
                with writer.as_default(step=0):
                    tf.summary.text("config", "\n".join(f"    {x}" for x in config.splitlines()))
            loop = TrainingLoop(
                model=model,
                state=state,
                checkpoint=checkpoint,
                steps_per_epoch=train_data.steps_per_epoch,
                epochs=epochs,
                callbacks=run_callbacks,
                checkpoint_every_steps=checkpoint_every_steps,
            )
            with Interruption(workers) as interruption, writer.as_default():
                batches = train_data.distributed(start_step=int(state.step.numpy()))
                if not loop.run(batches, interruption):
                    raise RunInterrupted(interruption.received, int(state.step.numpy()))
            if validation is None:
                with averaged_weights(model):
                    save_network(model.finished_network, folder.network)
            finish(
                folder,
                evaluations=evaluations,
                artefacts=artefacts,
                training=_summary(state, model, select_by),
            )
        return read_json(folder.metrics)
    finally:
        folder.release()


def _check_epochs(state: RunState, train_data: ReplicatedBatches, folder: RunFolder) -> None:
    """Refuses to go on with epochs of another length, which would be counted wrongly."""
    held = int(state.steps_per_epoch.numpy())
    if train_data.steps_per_epoch != held:
        raise ValueError(
            f"the run in {folder.path} has epochs of {held} steps, got data with epochs of "
            f"{train_data.steps_per_epoch}. Go on with the same data and, with batch_per_replica, "
            "on as many replicas."
        )


def _summary(state: RunState, model: TrainingModel, select_by: str | None) -> dict:
    """How the training went, for `metrics.json`."""
    return {
        "steps": int(state.step.numpy()),
        "skipped_steps": int(model.skipped_steps.count.numpy()),
        "seconds": round(float(state.seconds.numpy()), 2),
        "network_epoch": int(state.best_epoch.numpy()) if select_by else "last",
        "selected_by": select_by,
        "best_value": float(state.best_value.numpy()) if select_by else None,
    }

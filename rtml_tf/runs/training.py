"""One training run, from built objects to a run folder with a finished network."""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf
from absl import logging

from rtml_tf.data.batches import TrainingBatches
from rtml_tf.models.training_model import TrainingModel
from rtml_tf.networks.saving import save_network
from rtml_tf.networks.summary import summarize
from rtml_tf.runs.averaging import averaged_weights
from rtml_tf.runs.checkpoint import RunCheckpoint, RunState
from rtml_tf.runs.finishing import Artefact, finish, write_baselines
from rtml_tf.runs.interruption import Interruption
from rtml_tf.runs.log import EpochLog
from rtml_tf.runs.loop import TrainingLoop
from rtml_tf.runs.progress import Progress
from rtml_tf.runs.run_folder import RunFolder, read_json
from rtml_tf.runs.selection import BestNetwork, Evaluation


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
    describe_config: Callable[[], str] = lambda: "",
    dry_run: bool = False,
) -> dict | None:
    """Trains a model and leaves a run folder.

    Called again with the same arguments, it goes on where the folder stands: it resumes training,
    only evaluates, or only reports. Everything that can be wrong with the arguments is noticed
    before the first step.

    Args:
        run_dir: The run folder; made if it does not exist.
        model: The method, with its network and loss.
        optimizer: Optimizer of the network. Learning-rate schedules with warm-up, gradient
            clipping, weight decay and the moving average of the weights (`use_ema`) are
            arguments of Keras's optimizers. Where an average is kept, it is what is validated
            and saved.
        train_data: Training batches.
        epochs: Epochs of `train_data.steps_per_epoch` steps.
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
        callbacks: More Keras callbacks. What they hand to `tf.summary` goes to the run's log.
            One that writes files has a method `use_folder(folder)`, which is given the run's.
        checkpoint_every_steps: Save within epochs too, after so many steps.
        describe_config: Gives the resolved configuration as text, once everything is built.
        dry_run: Show the network's size and the configuration, and stop.

    Returns:
        The content of `metrics.json`; `None` after a dry run.

    Raises:
        ValueError: If arguments do not fit together, or the folder belongs to another run.
        RunInterrupted: After SIGTERM or SIGINT, when the state has been saved.
    """
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}.")
    if (validation is None) != (select_by is None):
        raise ValueError(
            "validation and select_by go together, got "
            f"validation={validation!r} and select_by={select_by!r}."
        )
    model.check_data(train_data.element_spec)
    evaluations, baselines = dict(evaluations or {}), dict(baselines or {})
    folder, state = RunFolder(run_dir), RunState()
    run_callbacks = list(callbacks)
    for callback in run_callbacks:
        if hasattr(callback, "use_folder"):
            callback.use_folder(folder)
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
            )
        )
    run_callbacks += [
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
    model.compile(optimizer=optimizer)
    model.prepare(num_classes=train_data.num_classes)
    config = describe_config()
    print(summarize(model.network))
    if dry_run:
        print(config)
        return None

    folder.claim(config)
    try:
        if folder.finished:
            logging.info("%s holds this run, finished.", folder.path)
        else:
            writer = tf.summary.create_file_writer(str(folder.tensorboard))
            if evaluate_untrained:
                baselines["untrained"] = model.finished_network
            write_baselines(folder, evaluations=evaluations, networks=baselines)
            checkpoint = RunCheckpoint(model=model, state=state, folder=folder.checkpoints)
            if checkpoint.restore():
                print(f"Resuming {folder.path} after step {int(state.step)}.")
            else:
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
            with Interruption() as interruption, writer.as_default():
                dataset = train_data.dataset(start_step=int(state.step))
                if not loop.run(dataset, interruption):
                    raise RunInterrupted(interruption.received, int(state.step))
            if validation is None:
                with averaged_weights(model):
                    save_network(model.finished_network, folder.network)
            finish(
                folder,
                evaluations=evaluations,
                artefacts=artefacts,
                training=_summary(state, select_by),
            )
        return read_json(folder.metrics)
    finally:
        folder.release()


def _summary(state: RunState, select_by: str | None) -> dict:
    """How the training went, for `metrics.json`."""
    return {
        "steps": int(state.step),
        "seconds": round(float(state.seconds), 2),
        "network_epoch": int(state.best_epoch) if select_by else "last",
        "selected_by": select_by,
        "best_value": float(state.best_value) if select_by else None,
    }

"""The run that evaluation and export read: its configuration, and the flags that they share."""

from absl import flags

from rtml_tf.runs.run_folder import RunFolder

OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "The folder to write. The default of an export is `export` beside the network; that of an "
    "evaluation is, in the folder of the run, `evaluations/<name of the last gin file>`, or "
    "`evaluations/again` without one.",
)


def pipeline_folder(folder: RunFolder) -> RunFolder | None:
    """The folder of the run that a folder is a stage of; `None` if there is none."""
    parent = RunFolder(folder.path.resolve().parent)
    # Another run may lie there as well.
    if not _has_stages(parent) or parent.network.exists():
        return None
    return parent


def configuration_files(folder: RunFolder) -> list[str]:
    """The gin files of a run. A stage's own lacks what only later stages use."""
    pipeline = pipeline_folder(folder)
    above = [] if pipeline is None else [str(pipeline.config)]
    return [*above, str(folder.config)]


def _has_stages(folder: RunFolder) -> bool:
    if not folder.config.is_file():
        return False
    return "pipeline.run.stages" in folder.config.read_text(encoding="utf-8")

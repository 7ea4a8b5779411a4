"""The run that evaluation and export read: the flags that they share."""

from absl import flags

OUTPUT = flags.DEFINE_string(
    "output",
    None,
    "The folder to write. The default of an export is `export` beside the network; that of an "
    "evaluation is, in the folder of the run, `evaluations/<name of the last gin file>`, or "
    "`evaluations/again` without one.",
)

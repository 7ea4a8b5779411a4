"""Tests of what a run shows while it trains."""

import io

from absl.testing import absltest

from rtml_tf.runs.checkpoint import RunState
from rtml_tf.runs.progress import Progress


class ProgressTest(absltest.TestCase):
    def test_a_line_an_epoch_with_the_choosing_figure_and_the_time_left(self):
        stream, state = io.StringIO(), RunState()
        progress = Progress(
            state=state, steps_per_epoch=4, epochs=3, figure="recall@1", stream=stream
        )
        progress.on_train_begin()
        progress.on_epoch_begin(0)
        state.step.assign(4)
        logs = {"loss": 0.25, "validation/recall@1": 0.5, "validation/nmi": 0.75}
        progress.on_epoch_end(0, logs)
        self.assertRegex(
            stream.getvalue(),
            r"^epoch 1/3  loss 0.25  validation/recall@1 0.5  \[0:00 left\]\n$",
        )


if __name__ == "__main__":
    absltest.main()

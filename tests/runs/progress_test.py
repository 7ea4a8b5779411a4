"""Tests of what a run shows while it trains."""

import io
from unittest import mock

import tensorflow as tf
from absl.testing import absltest, parameterized

from rtml_tf.runs import progress
from rtml_tf.runs.checkpoint import RunState


class _Terminal(io.StringIO):
    def isatty(self):
        return True


class ProgressTest(parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.clock = self.enter_context(mock.patch.object(progress, "time")).monotonic
        self.state = RunState()

    def _shown(self, stream, *, first_step=0, seconds, logs):
        """After one of three epochs of four steps that took so many seconds."""
        shown = progress.Progress(
            state=self.state, steps_per_epoch=4, epochs=3, figure="recall@1", stream=stream
        )
        self.state.step.assign(first_step)
        self.clock.return_value = 1000.0
        shown.on_train_begin()
        epoch = first_step // 4
        shown.on_epoch_begin(epoch)
        for batch in range(first_step % 4, 4):
            shown.on_train_batch_end(batch, {"loss": 0.25})
        self.state.step.assign(4 * (epoch + 1))
        self.clock.return_value = 1000.0 + seconds
        shown.on_epoch_end(epoch, logs)
        return stream.getvalue()

    def test_a_line_an_epoch_with_the_choosing_figure_and_the_time_left(self):
        logs = {"loss": 0.25, "validation/recall@1": 0.5, "validation/nmi": 0.75}
        self.assertEqual(
            self._shown(io.StringIO(), seconds=10.0, logs=logs),
            "epoch 1/3  loss 0.25  validation/recall@1 0.5  [0:20 left]\n",
        )

    @parameterized.parameters(
        # Of 12 steps: 4 done, 8 left.
        (0, 32.0, "epoch 1/3  loss 0.25  [1:04 left]"),
        (0, 4000.0, "epoch 1/3  loss 0.25  [2:13:20 left]"),
        # Steps before the run was resumed took no time of this one.
        (4, 10.0, "epoch 2/3  loss 0.25  [0:10 left]"),
        (6, 10.0, "epoch 2/3  loss 0.25  [0:20 left]"),
        (8, 10.0, "epoch 3/3  loss 0.25  [0:00 left]"),
    )
    def test_the_time_left_goes_by_the_steps_since_the_start(self, first_step, seconds, line):
        shown = self._shown(
            io.StringIO(), first_step=first_step, seconds=seconds, logs={"loss": 0.25}
        )
        self.assertEqual(shown, line + "\n")

    def test_a_terminal_has_a_bar_over_the_steps_that_are_left(self):
        with mock.patch.object(tf.keras.utils, "Progbar") as bar:
            shown = self._shown(_Terminal(), first_step=6, seconds=10.0, logs={"loss": 0.25})
        self.assertEqual(bar.call_args.args, (6,))
        self.assertEqual(
            bar.return_value.update.mock_calls,
            [mock.call(done, values=[("loss", 0.25)], finalize=False) for done in (1, 2)],
        )
        self.assertEqual(bar.return_value.stateful_metrics, {"loss"})
        # The line takes the place of the bar.
        self.assertEqual(shown, "\r\x1b[Kepoch 2/3  loss 0.25  [0:20 left]\n")


if __name__ == "__main__":
    absltest.main()

"""Tests of what the binaries share."""

import contextlib
import io
import os
import signal
import time
from unittest import mock

from absl.testing import absltest, parameterized

from rtml_tf import command_line, evaluate, export, pack, train


class MessageTest(absltest.TestCase):
    def test_of_the_objects_on_the_way_the_innermost_is_named(self):
        error = ValueError(
            "root must be an existing folder, got 'nope'.\n"
            "  In call to configurable 'ImageFolder' (<class 'folder.ImageFolder'>) in scope 'a'\n"
            "  In call to configurable 'train' (<function train at 0x7fb51>)"
        )
        self.assertEqual(
            command_line.message_of(error),
            "root must be an existing folder, got 'nope'.\n  In 'ImageFolder' in scope 'a'",
        )

    def test_an_error_without_words_is_named(self):
        self.assertEqual(command_line.message_of(OSError()), "OSError")


class StoppedTest(parameterized.TestCase):
    @parameterized.parameters(
        (True, "what is done is saved, the same command goes on from there."),
        (False, "what was finished is written, the same command begins anew."),
    )
    def test_what_becomes_of_a_program_that_is_told_to_stop(self, goes_on, promise):
        def main(argv):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)

        handler = signal.getsignal(signal.SIGTERM)
        self.addCleanup(signal.signal, signal.SIGTERM, handler)
        self.addCleanup(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        output = io.StringIO()
        with (
            mock.patch.object(command_line.app, "run", lambda main: main(["program"])),
            contextlib.redirect_stdout(output),
        ):
            command_line.run(main, goes_on=goes_on)
        self.assertEqual(output.getvalue(), f"stopped by SIGTERM; {promise}\n")

    @parameterized.parameters((train, True), (pack, True), (evaluate, True), (export, False))
    def test_all_but_exports_go_on(self, program, goes_on):
        with mock.patch.object(command_line, "run") as run:
            program.run_main()
        self.assertEqual(run.call_args.kwargs.get("goes_on", False), goes_on)


if __name__ == "__main__":
    absltest.main()

"""SIGTERM and Ctrl-C: finish the step, save, stop."""

import signal

from rtml_tf.runs.workers import Workers


class Interruption:
    """Notes the first SIGTERM or SIGINT instead of dying of it.

    Use as a context manager around the work. A second signal has its usual effect, so that a run
    that hangs can still be ended from the keyboard.

    Attributes:
        received: The signal, or `None` as long as there was none.
    """

    def __init__(self, workers: Workers | None = None):
        """Prepares to note signals, also those that other workers receive."""
        self._workers = workers
        self.received: signal.Signals | None = None
        self._previous = {}

    def __enter__(self) -> "Interruption":
        for number in (signal.SIGTERM, signal.SIGINT):
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *exception) -> None:
        self._restore()

    def look(self) -> signal.Signals | None:
        """The signal that any worker has received; all workers look at the same places."""
        if self._workers is not None and self._workers.count > 1:
            number = self._workers.largest(self.received or 0)
            # A signal that came in between is for the next look.
            if not number:
                return None
            self.received = signal.Signals(number)
        return self.received

    def _note(self, number, frame) -> None:
        del frame
        self.received = signal.Signals(number)
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

"""Stopping a run so that it can be continued."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ACTING = (signal.SIGINT, signal.SIGTERM)
# A closed terminal; what Slurm is asked to send before the time is over (--signal=USR1@120); a processor time that is
# used up, which the system says once a second. A second one must not end the run before its checkpoint is written.
_ASKING = tuple(getattr(signal, name) for name in ("SIGHUP", "SIGUSR1", "SIGXCPU") if hasattr(signal, name))


class StopRequest:
    """Whether someone asked the run to stop; the loop checks this after every step."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        """Stop after the step that is under way."""
        self.asked = True

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Turn every signal that asks for an end into a request; see `_ASKING` for those that may come again.

        A second Ctrl-C or SIGTERM acts at once, but not under a launcher. A closed terminal (SIGHUP) asks too, unless
        the command was started so as to outlive it, as with nohup.

        Ctrl-C and batch systems signal both a launcher and its processes, and the launcher then signals the processes
        once more. It kills those that take too long by itself (`torchrun --shutdown-timeout`).
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        launched = "LOCAL_RANK" in os.environ
        old = {number: signal.getsignal(number) for number in (*_ACTING, *_ASKING)}
        old = {number: handler for number, handler in old.items() if number in _ACTING or handler != signal.SIG_IGN}

        def handle(number: int, frame: FrameType | None) -> None:
            self.ask()
            if number in _ACTING and not launched:
                signal.signal(number, old[signal.Signals(number)])

        for number in old:
            signal.signal(number, handle)
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

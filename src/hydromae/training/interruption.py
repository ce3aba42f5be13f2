"""Stopping a run so that it can be continued."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopRequest:
    """Whether someone asked the run to stop; the loop checks this after every step."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        """Stop after the step that is under way."""
        self.asked = True

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Turn Ctrl-C and SIGTERM into a request; a second one acts at once, but not under a launcher.

        Ctrl-C and batch systems signal both a launcher and its processes, and the launcher then signals the processes
        once more. It kills those that take too long by itself (`torchrun --shutdown-timeout`).
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        launched = "LOCAL_RANK" in os.environ
        old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def handle(number: int, frame: FrameType | None) -> None:
            self.ask()
            if not launched:
                signal.signal(number, old[signal.Signals(number)])

        for number in old:
            signal.signal(number, handle)
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

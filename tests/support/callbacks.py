"""Callbacks of tests, made of functions."""

from collections.abc import Callable, Mapping
from typing import Any

from hydromae.training.callback import Callback
from hydromae.training.progress import Progress


class OnStep(Callback):
    def __init__(self, act: Callable[[Progress], object]) -> None:
        self.act = act

    def on_step(self, progress: Progress) -> None:
        self.act(progress)


class OnLog(Callback):
    def __init__(self, act: Callable[[Mapping[str, Any]], object]) -> None:
        self.act = act

    def on_log(self, record: Mapping[str, Any]) -> None:
        self.act(record)

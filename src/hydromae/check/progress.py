"""Progress of work on several modalities."""

from collections.abc import Callable

Progress = Callable[[str, float], None]


class Done:
    """Turns the share of one modality into the share of all.

    Args:
        on_progress: called with what is being done and the share that is done, 0 to 1.
        total: modalities.
    """

    def __init__(self, on_progress: Progress | None, total: int) -> None:
        self._report = on_progress or (lambda stage, done: None)
        self._total, self._begun, self._stage = total, -1, ""

    def begin(self, name: str) -> None:
        """Begin the next modality."""
        self._begun += 1
        self._stage = f"looking at {name}"
        self.share(0.0)

    def share(self, share: float) -> None:
        """Report the share of the modality that was looked at."""
        self._report(self._stage, (self._begun + share) / self._total)

    def end(self) -> None:
        """Report that all modalities were looked at."""
        self._report("done", 1.0)

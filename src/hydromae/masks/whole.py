"""Strategies that hide all of a modality, or all that comes after a day."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from hydromae.base.areas import is_flow
from hydromae.masks.hiding import Choice, Hiding, Settings, SlotCounts
from hydromae.masks.strategy import Strategy
from hydromae.tokens.shape import TokenShape


class Modality(Strategy):
    """One whole modality, the others visible."""

    leaves_nothing: ClassVar[bool] = True

    def choose(
        self, name: str, settings: Settings, available: SlotCounts, days: int, shares: Sequence[float]
    ) -> Choice | None:
        """One of those that were observed and may be hidden, if another was observed besides it and its group."""
        present = [modality for modality, samples in available.items() if any(map(any, samples))]
        targets = [
            modality
            for modality in present
            if modality in settings.masking.targets.get(name, present)
            and not set(present) <= set(settings.together(modality))
        ]
        return Choice(name, targets[int(shares[0] * len(targets))]) if targets else None

    def hiding(self, settings: Settings, name: str, choice: Choice, counts: Sequence[int]) -> Hiding:
        """All of the chosen modality and its group, nothing of the others."""
        closed = 0 if choice.modality is not None and choice.modality in settings.together(name) else None
        return Hiding.of(choice.strategy, settings.shapes[name], counts, closed=closed)


class Forecast(Strategy):
    """The days after an issue day, of what is forecast; of the rest they are seen (perfect weather) or ignored."""

    leaves_nothing: ClassVar[bool] = True

    def choose(
        self, name: str, settings: Settings, available: SlotCounts, days: int, shares: Sequence[float]
    ) -> Choice | None:
        """A horizon, and whether the weather of its days is known."""
        horizon = 1 + int(shares[1] * min(settings.masking.horizon, max(days - 1, 1)))
        perfect = shares[2] < settings.masking.forcing
        choice = Choice(name, issue_day=issue_day(settings.token_days, days, horizon), perfect=perfect)
        hidings = [
            self.hiding(settings, modality, choice, counts)
            for modality, samples in available.items()
            for counts in samples
        ]
        possible = choice.issue_day > 0 and any(h.targets for h in hidings) and any(h.visible for h in hidings)
        return choice if possible else None

    def hiding(self, settings: Settings, name: str, choice: Choice, counts: Sequence[int]) -> Hiding:
        """What comes after the issue day, unless it is weather that is known."""
        shape, predicted = settings.shapes[name], name in settings.forecast
        closed = None if choice.perfect and not predicted else choice.issue_day // shape.days
        return Hiding.of(choice.strategy, shape, counts, closed=closed, predicted=predicted)


def issue_day(token_days: int, days: int, horizon: int) -> int:
    """Days of a window that are known if the last `horizon` are not: whole tokens of every modality, at least one.

    It is 0 where the window holds no such part, so that nothing could be known.
    """
    known_days = (days - horizon) // token_days * token_days
    return max(known_days, token_days) if days > token_days else 0


def forecast_modalities(
    units: Mapping[str, str], shapes: Mapping[str, TokenShape], configured: Sequence[str] | None
) -> tuple[str, ...]:
    """What strategy forecast predicts: what is configured, else flow (series in m3/s), else all series, else all."""
    if configured is not None:
        return tuple(configured)
    series = tuple(name for name, shape in shapes.items() if shape.kind == "series")
    flow = tuple(name for name in series if is_flow(units[name]))
    return flow or series or tuple(shapes)

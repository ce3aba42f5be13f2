"""Many windows, each of which predicts its central days: the few that it predicts best.

Central days follow one another without overlap, while their windows overlap. They begin on multiples of their length
since 1970-01-01, so that the same window predicts a day whatever period is asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from hydromae.base.errors import ConfigError
from hydromae.masks.tasks import ValueMask
from hydromae.prediction.choices import excluded_days, limited
from hydromae.prediction.predictor import Answer, Predictor
from hydromae.prediction.several_runs import average

_SHARE_IN_THE_MIDDLE, _SHARE_AT_THE_END = 4, 8  # central days are one in so many days of their window

Values = dict[str, Tensor]
MaskedWindow = Callable[["CentralDays", Values], tuple[Values, ValueMask]]


@dataclass(frozen=True)
class CentralDays:
    """Some days and the window that predicts them, as days since the first day of the data.

    Attributes:
        first: the first of the central days.
        stop: the day after the last of them.
        window: first day of the window.
        length: number of days in the window.
    """

    first: int
    stop: int
    window: int
    length: int

    @property
    def inside(self) -> slice:
        """Position of the central days in their window."""
        return slice(self.first - self.window, self.stop - self.window)


def middle_days(predictor: Predictor, days: slice) -> list[CentralDays]:
    """Spans that cover some days, each in the middle of its window, with most context on both sides.

    A span is a quarter of the run's longest window, in whole tokens. At the ends of the data the window is moved
    inside, so that its central days do not lie in the middle.
    """
    step = _step(predictor, _SHARE_IN_THE_MIDDLE)
    return _central_days(predictor, days, step, lambda central: central.start - (predictor.window - step) // 2)


def last_days(predictor: Predictor, days: slice) -> list[CentralDays]:
    """Spans that cover some days, each at the end of its window, with most days of weather before it.

    A span is an eighth of the run's longest window, in whole tokens. No window can end with the first days of the
    data, so the first window predicts them.
    """
    return _central_days(
        predictor, days, _step(predictor, _SHARE_AT_THE_END), lambda central: central.stop - predictor.window
    )


def answers(
    predictors: Sequence[Predictor],
    spans: Sequence[CentralDays],
    masked: MaskedWindow,
) -> Iterator[tuple[CentralDays, dict[str, Answer]]]:
    """Predict each span of central days from its window, and average the predictions of several runs.

    As in training, no run sees a value on the days that its configuration excludes. Predictions lie within the limits
    of the configuration.

    Args:
        predictors: trained models and data, with windows and modalities alike.
        spans: as above, on the days of the first run's data.
        masked: takes central days and the values of their window (modality -> [T, *place]), and returns the values to
            use and the mask.

    Yields:
        The central days and their predictions, [days, *place]; modalities without a target have none.
    """
    first = predictors[0].store
    wrong = [excluded_days(predictor.config, first) for predictor in predictors]
    later = [int((first.first_day - predictor.store.first_day).astype(int)) for predictor in predictors]
    for central in spans:
        of_runs = [
            _ask(predictor, central, masked, excluded[central.window : central.window + central.length], shift)
            for predictor, excluded, shift in zip(predictors, wrong, later, strict=True)
        ]
        yield central, {name: average([answers[name] for answers in of_runs]) for name in of_runs[0]}


def _ask(
    predictor: Predictor, central: CentralDays, masked: MaskedWindow, excluded: Bool[np.ndarray, "day"], later: int
) -> dict[str, Answer]:
    """Predictions of one run; the first run's data begin `later` days after its own."""
    values, mask = masked(central, predictor.read(central.window + later, central.length))
    target = {name: chosen for name, chosen in mask.target.items() if chosen.any()}
    if not target:
        return {}
    answers = predictor.ask(central.window + later, _hide_days(values, excluded), replace(mask, target=target))
    return {name: limited(_inside(answer, central.inside), predictor.config, name) for name, answer in answers.items()}


def _hide_days(values: Values, days: Bool[np.ndarray, "day"]) -> Values:
    """The values of every modality, missing on some days."""
    if not days.any():
        return values
    out = torch.from_numpy(days)
    return {name: torch.where(_over(out, value), torch.nan, value) for name, value in values.items()}


def _over(days: Tensor, like: Tensor) -> Tensor:
    return days.reshape(-1, *(1 for _ in like.shape[1:]))


def _step(predictor: Predictor, share: int) -> int:
    whole = max(1, predictor.window // share // predictor.token_days) * predictor.token_days
    return min(whole, predictor.window)


def _central_days(predictor: Predictor, days: slice, step: int, begin: Callable[[slice], int]) -> list[CentralDays]:
    data = predictor.span
    if not data.start <= days.start < days.stop <= data.stop:
        shared = predictor.store.days[data]
        raise ConfigError(
            f"{predictor.run}: the data of all runs have {shared[0]} to {shared[-1]} in common; "
            f"ask for days among them, or give one data set for all (--data)"
        )
    length = min(predictor.window, data.stop - data.start)
    offset = int(predictor.store.first_day.astype("datetime64[D]").astype(int))
    spans = []
    for number in range((days.start + offset) // step, (days.stop - 1 + offset) // step + 1):
        first = number * step - offset
        central = slice(max(first, data.start), min(first + step, data.stop))
        window = min(max(begin(slice(first, central.stop)), data.start), data.stop - length)
        spans.append(CentralDays(central.start, central.stop, window, length))
    return spans


def _inside(answer: Answer, days: slice) -> Answer:
    return Answer(answer.mean[days], None if answer.quantiles is None else answer.quantiles[days])

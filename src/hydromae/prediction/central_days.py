"""Many windows, each asked for the few days that it can tell best.

A core is the days that one window is asked for; cores follow one another without overlap, windows overlap. Cores lie
on multiples of their length since 1970-01-01, so that a day is told by the same window whatever period is asked for.
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

_SHARE_IN_THE_MIDDLE, _SHARE_AT_THE_END = 4, 8  # a core is that part of its window

Values = dict[str, Tensor]
Question = Callable[["Core", Values], tuple[Values, ValueMask]]


@dataclass(frozen=True)
class Core:
    """Some days and the window that tells them, as days since the first of the data.

    Attributes:
        first: first day of the core.
        stop: day after its last.
        window: first day of the window.
        length: days in the window.
    """

    first: int
    stop: int
    window: int
    length: int

    @property
    def inside(self) -> slice:
        """The core's days in its window."""
        return slice(self.first - self.window, self.stop - self.window)


def middle_cores(predictor: Predictor, days: slice) -> list[Core]:
    """Cores that cover some days, each in the middle of its window, where it has most context on both sides.

    A core is a quarter of the run's longest window, in whole tokens. At the ends of the data the window is moved into
    them, and holds its core elsewhere than in the middle.
    """
    step = _step(predictor, _SHARE_IN_THE_MIDDLE)
    return _cores(predictor, days, step, lambda core: core.start - (predictor.window - step) // 2)


def last_cores(predictor: Predictor, days: slice) -> list[Core]:
    """Cores that cover some days, each at the end of its window, where the most days of weather lie before it.

    A core is an eighth of the run's longest window, in whole tokens. The first days of the data, which no window can
    end with, are told by the first window.
    """
    return _cores(predictor, days, _step(predictor, _SHARE_AT_THE_END), lambda core: core.stop - predictor.window)


def answers(
    predictors: Sequence[Predictor],
    cores: Sequence[Core],
    question: Question,
) -> Iterator[tuple[Core, dict[str, Answer]]]:
    """Ask each core's window, and average what several runs answer.

    As in training, no run sees a value of the days that its configuration excludes, and answers lie within what it says
    is possible.

    Args:
        predictors: trained models and data, with windows and modalities alike.
        cores: as above, on the days of the first one's data.
        question: of a core and its window's values (modality -> [T, *place]) makes what there is to be seen, and the
            mask.

    Yields:
        The core and its answers, [core days, *place]; no answer of a modality of which nothing was wanted.
    """
    first = predictors[0].store
    wrong = [excluded_days(predictor.config, first) for predictor in predictors]
    later = [int((first.first_day - predictor.store.first_day).astype(int)) for predictor in predictors]
    for core in cores:
        of_runs = [
            _ask(predictor, core, question, excluded[core.window : core.window + core.length], shift)
            for predictor, excluded, shift in zip(predictors, wrong, later, strict=True)
        ]
        yield core, {name: average([answers[name] for answers in of_runs]) for name in of_runs[0]}


def _ask(
    predictor: Predictor, core: Core, question: Question, excluded: Bool[np.ndarray, "day"], later: int
) -> dict[str, Answer]:
    """One run's answers; `later` is by how many days the data that the core is counted in begin later than its own."""
    values, mask = question(core, predictor.read(core.window + later, core.length))
    target = {name: chosen for name, chosen in mask.target.items() if chosen.any()}
    if not target:
        return {}
    answers = predictor.ask(core.window + later, _hide_days(values, excluded), replace(mask, target=target))
    return {name: limited(_inside(answer, core.inside), predictor.config, name) for name, answer in answers.items()}


def _hide_days(values: Values, days: Bool[np.ndarray, "day"]) -> Values:
    """Every modality without some days."""
    if not days.any():
        return values
    out = torch.from_numpy(days)
    return {name: torch.where(_over(out, value), torch.nan, value) for name, value in values.items()}


def _over(days: Tensor, like: Tensor) -> Tensor:
    return days.reshape(-1, *(1 for _ in like.shape[1:]))


def _step(predictor: Predictor, share: int) -> int:
    whole = max(1, predictor.window // share // predictor.token_days) * predictor.token_days
    return min(whole, predictor.window)


def _cores(predictor: Predictor, days: slice, step: int, begin: Callable[[slice], int]) -> list[Core]:
    data = predictor.span
    if not data.start <= days.start < days.stop <= data.stop:
        known = predictor.store.days[data]
        raise ConfigError(
            f"{predictor.run.path}: the data of all runs have {known[0]} to {known[-1]} in common; "
            f"ask for days among them, or give one data set for all (--data)"
        )
    length = min(predictor.window, data.stop - data.start)
    offset = int(predictor.store.first_day.astype("datetime64[D]").astype(int))
    cores = []
    for number in range((days.start + offset) // step, (days.stop - 1 + offset) // step + 1):
        first = number * step - offset
        core = slice(max(first, data.start), min(first + step, data.stop))
        window = min(max(begin(slice(first, core.stop)), data.start), data.stop - length)
        cores.append(Core(core.start, core.stop, window, length))
    return cores


def _inside(answer: Answer, days: slice) -> Answer:
    return Answer(answer.mean[days], None if answer.quantiles is None else answer.quantiles[days])

"""A mask that was made by hand, and what a run answers to it: the same way as every task, with another mask."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hydromae.base.errors import ConfigError
from hydromae.masks.tasks import forecast_mask, infill_mask, with_hidden
from hydromae.prediction.choices import limited
from hydromae.prediction.predictor import Answer, Predictor
from hydromae.serve.question import Question
from hydromae.serve.served import ServedRun
from hydromae.tasks.asked_run import AskedRun, history_days
from hydromae.tasks.gaps import fillable


@dataclass(frozen=True)
class Reply:
    """What a run answers, on the days of its window.

    Attributes:
        first: the first of them, datetime64[D].
        history: days up to the issue day, that day included; all where what comes after it is known, too.
        observed: [T], as the run has it, NaN where missing or declared wrong.
        hidden: [T], where it is hidden by hand.
        mean: [T], NaN where it was not asked for.
        quantiles: [T, Q]; None where the run has none.
        patches: [patches of the model, cells] of the grid that was asked for on the issue day, NaN where not hidden;
            None where the run predicts no grid.
    """

    first: np.datetime64
    history: int
    observed: Float[np.ndarray, " day"]
    hidden: Bool[np.ndarray, " day"]
    mean: Float[np.ndarray, " day"]
    quantiles: Float[np.ndarray, "day quantile"] | None
    patches: Float[np.ndarray, "patch cell"] | None


def reply(run: ServedRun, question: Question) -> Reply:
    """What a run answers to a question.

    Without anything hidden by hand it is the forecast of `hydromae forecast`: the same window, mask and call. Where all
    that is not hidden is known (`after` is all), what was never observed is predicted, too, as infilling does.

    Raises:
        ConfigError: the run does not know the station or the day, or the horizon is too long for it.
    """
    name = question.series or run.names[0]
    unknown = question.hidden_station or name in question.hidden_modalities
    predictor = run.unrecorded if unknown else run.predictor
    place, day = _placed(predictor, question)
    history = history_days(predictor, question.horizon)
    forcing = "perfect" if question.after == "perfect" else "none"
    asked = AskedRun(predictor, run.names, np.array([place]), history, question.horizon, forcing, None)
    first, values = asked.window(day)
    if question.after == "all":
        mask = infill_mask(values, slice(None), {name: asked.asked_of[name]})
    else:
        mask = forecast_mask(values, history, asked.asked_of, asked.given)
    hidden = _hidden(predictor, question, name, place, values, predictor.store.first_day + first)
    predicted = {name: asked.asked_of[name]} | _asked_of_grid(predictor, question, values, history)
    mask = with_hidden(mask, hidden, predicted)
    mask = replace(mask, target={of: chosen for of, chosen in mask.target.items() if chosen.any()})
    answers = predictor.ask(first, values, mask) if mask.target else {}
    answers = {of: limited(answer, predictor.config, of) for of, answer in answers.items()}
    flow = answers.get(name, Answer(torch.full_like(values[name], torch.nan), None))
    by_hand = hidden[name][:, place].numpy() if name in hidden else np.zeros(len(values[name]), bool)
    grid = answers.get(question.grid or "")
    return Reply(
        predictor.store.first_day + first,
        len(by_hand) if question.after == "all" else history,
        values[name][:, place].numpy(),
        by_hand,
        flow.mean[:, place].numpy(),
        None if flow.quantiles is None else flow.quantiles[:, place].numpy(),
        None if grid is None else grid.mean[history - 1].numpy(),
    )


def _placed(predictor: Predictor, question: Question) -> tuple[int, np.datetime64]:
    """Place of the station among the predictor's, and the issue day."""
    day, store = np.datetime64(question.day, "D"), predictor.store
    if question.station not in predictor.stations:
        raise ConfigError(f"station {question.station} is not among those of {predictor.run}")
    if not store.days[0] <= day <= store.days[-1]:
        raise ConfigError(f"the data of {predictor.run} are of {store.days[0]} to {store.days[-1]}")
    return predictor.stations.index(question.station), day


def _hidden(
    predictor: Predictor,
    question: Question,
    name: str,
    place: int,
    values: Mapping[str, Tensor],
    first: np.datetime64,
) -> dict[str, Bool[Tensor, "days *_"]]:
    """Modality -> what is hidden of it by hand, in a window that begins on `first`; what is not hidden is not named."""
    days = torch.zeros(len(values[name]), dtype=torch.bool)
    for begin, end in question.hidden_days:
        days[_between(begin, end, first, len(days))] = True
    own = torch.zeros_like(values[name], dtype=torch.bool)
    own[:, place] = days | question.hidden_station
    hidden = {name: own} if own.any() else {}
    if question.hidden_patches:
        chosen = torch.isin(predictor.model.valid_patches.cpu(), torch.tensor(sorted(question.hidden_patches)))
        for of, shape in predictor.model.shapes.items():
            if shape.kind == "grid" and chosen.any():
                hidden[of] = chosen[None, :, None].expand(values[of].shape)
    for of in question.hidden_modalities:
        if of in values:
            hidden[of] = torch.ones_like(values[of], dtype=torch.bool)
    return hidden


def _between(begin: date, end: date, first: np.datetime64, days: int) -> slice:
    """The part of a span within a window."""
    start, stop = (int((np.datetime64(day, "D") - first).astype(int)) for day in (begin, end))
    return slice(min(max(start, 0), days), min(max(stop + 1, 0), days))


def _asked_of_grid(
    predictor: Predictor, question: Question, values: Mapping[str, Tensor], history: int
) -> dict[str, Bool[Tensor, "days patches cells"]]:
    """The land of the grid that is looked at, on the issue day, if the run can predict grids."""
    name = question.grid
    shapes = predictor.model.shapes
    if name is None or name not in shapes or shapes[name].kind != "grid" or predictor.groups is not None:
        return {}
    asked = torch.zeros_like(values[name], dtype=torch.bool)
    asked[history - 1] = fillable(predictor, name, []).may
    return {name: asked}

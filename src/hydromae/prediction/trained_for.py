"""What the masks of a run's configuration have trained it to do, and what a task asks beyond that."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from hydromae.base.shell import command
from hydromae.masks.rolling import whole_horizon
from hydromae.masks.whole import forecast_modalities, issue_day
from hydromae.prediction.predictor import Predictor

_log = logging.getLogger(__name__)

FLAG: Final = "not_trained_for"  # attribute of a result; in a table a column, if it applies
NOTHING: Final = "nothing"


def flagged(sentences: Sequence[str]) -> dict[str, str]:
    """Warn of what runs were not trained for; returns the attribute that says so in the result."""
    for sentence in sentences:
        _log.warning("%s", sentence)
    return {FLAG: "; ".join(sentences) or NOTHING}


def flag_of(attributes: Mapping[str, object]) -> str | None:
    """What the runs of a result were not trained for; None if there is nothing."""
    said = attributes.get(FLAG, NOTHING)
    return None if said == NOTHING else str(said)


def beyond_forecasts(predictors: Sequence[Predictor], horizon: int, forcing: str) -> list[str]:
    """A sentence for each aspect of a forecast that a run was not trained for.

    Args:
        predictors: the runs.
        horizon: longest lead time in days.
        forcing: none, perfect, or a file.
    """
    sentences = []
    for predictor in predictors:
        run, masking = predictor.run, predictor.config.masking
        trained = trained_horizon(predictor)
        others = set(predictor.model.shapes) - set(forecast_names(predictor))
        if not trained:
            sentences.append(
                f"{run}: was not trained to forecast (its masks, masking.strategies, never hide the future); "
                f"`{command('finetune', run, '--task', 'forecast')}` teaches it"
            )
        elif horizon > trained:
            sentences.append(
                f"{run}: was trained to forecast up to {trained} days ahead (masking.horizon), "
                f"but is asked for {horizon}"
            )
        if trained and others and forcing == "none" and masking.forcing == 1:
            sentences.append(f"{run}: was never trained to forecast without weather (masking.forcing is 1)")
        if trained and others and forcing != "none" and masking.forcing == 0:
            sentences.append(
                f"{run}: was never trained to forecast with weather after the issue time (masking.forcing is 0)"
            )
    return sentences


def beyond_filling(predictors: Sequence[Predictor], names: Sequence[str]) -> list[str]:
    """A sentence for each run that was not trained to fill gaps of some of these modalities."""
    sentences = []
    for predictor in predictors:
        never = [name for name in names if not any(_hides(predictor, how, name) for how in ("random", "span", "gap"))]
        if never:
            run = predictor.run
            sentences.append(
                f"{run}: was not trained to fill gaps of {', '.join(never)} (its masks, masking.strategies, never hide "
                f"some days of it between others); `{command('finetune', run, '--task', 'infill')}` teaches it"
            )
    return sentences


def beyond_ungauged(predictors: Sequence[Predictor], name: str) -> list[str]:
    """A sentence for each run whose masks in training never hid the whole series of a station."""
    sentences = []
    for predictor in predictors:
        if not (hidden_whole(predictor, name) or _hides_stations(predictor, name)):
            run = predictor.run
            sentences.append(
                f"{run}: was not trained for ungauged stations (its masks, masking.strategies, never hide the whole "
                f"{name} of one); `{command('finetune', run, '--task', 'ungauged')}` teaches it"
            )
    return sentences


def hidden_whole(predictor: Predictor, name: str) -> bool:
    """Whether the masks of a run wholly hide a modality in some windows, so that the run can do without it."""
    masking = predictor.config.masking
    dropped = name in masking.drop or (masking.drop_forcing and name not in forecast_names(predictor))
    return bool(dropped) or _hides(predictor, "modality", name)


def trained_horizon(predictor: Predictor) -> int:
    """The most days ahead that the masks of a run hide, in whole tokens; 0 if they never hide the future."""
    data, masking = predictor.config.data, predictor.config.masking
    lengths = [length for length, weight in data.window_mix.items() if weight] or [data.window]
    if masking.strategies.get("rolling_forecast"):
        horizon = whole_horizon(masking.horizon, predictor.token_days)
        return max(0, min(horizon, max(lengths) - predictor.token_days))
    if not masking.strategies.get("forecast"):
        return 0
    known_days = [
        (length, issue_day(predictor.token_days, length, min(masking.horizon, max(length - 1, 1))))
        for length in lengths
    ]
    return max(length - days if days else 0 for length, days in known_days)


def forecast_names(predictor: Predictor) -> tuple[str, ...]:
    """The modalities that a run forecasts."""
    return forecast_modalities(predictor.data.units, predictor.model.shapes, predictor.config.masking.forecast)


def _hides(predictor: Predictor, strategy: str, name: str) -> bool:
    masking = predictor.config.masking
    weights = {str(how): weight for how, weight in masking.strategies.items()}
    targets = {str(how): names for how, names in masking.targets.items()}
    return bool(weights.get(strategy)) and name in targets.get(strategy, (name,))


def _hides_stations(predictor: Predictor, name: str) -> bool:
    """Whether strategy place hides whole stations, not some days of one."""
    places = predictor.model.shapes[name].places
    return _hides(predictor, "place", name) and places > 1 and predictor.config.masking.series_mask_ratio * places >= 1

"""How large a model is to be and how long it trains, by what there is to learn from."""

import math
from dataclasses import dataclass
from typing import Any, Final

from hydromae.init.groups import Group
from hydromae.init.result import InitResult

FLOW: Final = "riverflow"
QUANTILES: Final = [0.05, 0.25, 0.5, 0.75, 0.95]

_WEEK = 7  # days of a token, so that a forecast of seven days is one
_WINDOW, _WINDOW_OF_GRIDS, _SHORTEST = 98, 28, 14  # days
_WARM_UP = 21  # days
_PASSES = 18  # epochs, where there is little to learn from
_BATCH, _SMALL_BATCH = 32, 16  # windows of one station; the small one where few windows are different
_FEW_YEARS, _MANY_YEARS = 30, 1000  # of stations together
_STATIONS_WITH_GRIDS = 16

_ISSUES: Final = "Every week of a window is an issue day of a forecast, with and without the weather of its horizon"
_SERIES_MODEL: Final[dict[str, Any]] = {
    "d_model": 32, "nhead": 1, "series_encoder_layers": 1, "decoder_dim": 32, "decoder_layers": 1, "dropout": 0.0,
    "series_patch_size": 1, "series_patch_days": _WEEK, "validity_embedding": True,
}  # fmt: skip
_GRID_MODEL: Final[dict[str, Any]] = {
    "d_model": 64, "nhead": 2, "grid_encoder_layers": 2, "series_encoder_layers": 2, "decoder_dim": 64,
    "decoder_layers": 2, "dropout": 0.0,
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """Keys of the configuration by section, and why, by section."""

    keys: dict[str, dict[str, Any]]
    why: dict[str, str]


def settings(result: InitResult) -> Settings:
    """The settings for what was found: forecasts of flow where there is flow, from rain of gauges or of grids."""
    if not result.of_kind("grid"):
        return _of_series(result)
    return _of_grids(result)


def shortest_period(result: InitResult) -> int:
    """Days of the shortest period."""
    return min((last - first).days + 1 for first, last in result.split.periods.values())


def _of_series(result: InitResult) -> Settings:
    source = _flow(result) or result.of_kind("series")[0]
    window = min(_WINDOW, shortest_period(result) // _WEEK * _WEEK)
    tokens = window >= _WEEK
    if not tokens:
        window = shortest_period(result)
    forecasts = window >= _SHORTEST and _flow(result) is not None
    station_days = sum(group.amount(result.split.periods["train"]) for group in (source, *source.more))
    years = station_days / 365.25
    stride, training = _length(station_days, window)
    if "val" in result.split.periods:
        training["patience"] = 6
    model = _SERIES_MODEL | {"recurrent_dim": 64 if years < _MANY_YEARS else 128, "recurrent_dropout": 0.2}
    if not tokens:
        model["series_patch_days"] = 1
    keys: dict[str, dict[str, Any]] = {
        "data": {"window": window, "stride": stride, "stations_per_window": 1},
        "model": model | {"max_time_steps": max(window, 2 * _WEEK)},
        "masking": {},
        "training": training,
    }
    if forecasts:
        keys["model"] |= _rolling()
        keys["masking"] = _forecasts(window)
    return Settings(
        keys,
        {
            "data": "Each station in windows of its own, which makes steps cheap",
            "model": "A small model, whose recurrence learns how rain becomes flow",
            "masking": _ISSUES,
            "training": f"So many epochs as {years:,.0f} years of records, all stations together, are worth; where a "
            "validation period shows that they are learnt by heart, training ends early",
        },
    )


def _of_grids(result: InitResult) -> Settings:
    flow, window = _flow(result), min(_WINDOW_OF_GRIDS, shortest_period(result) // _WEEK * _WEEK)
    training: dict[str, Any] = {"batch_size": 2, "epochs": 8, "warmup_epochs": 0.5, "lr": 1.0e-3, "weight_decay": 0.01}
    why = {"model": "A small model, which a laptop trains", "training": "For a laptop"}
    if flow is None or window < _SHORTEST:
        return Settings({"data": {}, "model": dict(_GRID_MODEL), "masking": {}, "training": training}, why)
    data: dict[str, Any] = {"window": window, "stride": window // 2}
    stations = sum(group.n_stations for group in (flow, *flow.more))
    if stations > _STATIONS_WITH_GRIDS:
        data["stations_per_window"] = _STATIONS_WITH_GRIDS
    model = _GRID_MODEL | {"grid_patch_days": _WEEK, "series_patch_size": 1, "series_patch_days": _WEEK}
    model |= {"recurrent_dim": 32, "max_time_steps": window} | _rolling()
    if result.table is not None and result.table.located and _cells_have_places(result):
        model["recurrent_grids"] = 8
    keys = {"data": data, "model": model, "masking": _forecasts(window), "training": training}
    why["data"] = "Short windows, since every week of the grids is many tokens"
    why["masking"] = _ISSUES
    return Settings(keys, why)


def _flow(result: InitResult) -> Group | None:
    """The gauged flow; None where there is none."""
    group = result.chosen.taken.get(FLOW)
    return group if group is not None and group.kind == "series" else None


def _cells_have_places(result: InitResult) -> bool:
    """Whether the files of all grids are of a kind that says where cells lie."""
    return {group.pieces[0].reader for group in result.of_kind("grid")} <= {"netcdf_grid", "zarr_grid"}


def _rolling() -> dict[str, Any]:
    return {"rolling": [FLOW], "outlook_gradient": 0.0, "outlook_dropout": 0.3, "quantiles": QUANTILES}


def _forecasts(window: int) -> dict[str, Any]:
    warm_up = min(_WARM_UP, (window - _SHORTEST) // _WEEK * _WEEK)
    return {"strategies": {"rolling_forecast": 1}, "forecast": [FLOW], "warm_up": warm_up}


def _length(station_days: int, window: int) -> tuple[int, dict[str, Any]]:
    """Stride of the windows in whole weeks, and the training: more steps for more records, by the root of their length.

    Eight gauges of 30 years get 1,000 steps, five minutes; fewer records get more passes over the same days, at least
    400 steps, and the most are 3,000.
    """
    years = station_days / 365.25
    steps = min(max(64 * math.sqrt(years), 400), 3000)
    batch = _BATCH if years >= _FEW_YEARS else _SMALL_BATCH
    windows = steps * batch  # in all epochs
    stride = min(max(_WEEK * round(station_days * _PASSES / windows / _WEEK), _WEEK), window)
    epochs = max(2, round(windows / (station_days / stride)))
    training: dict[str, Any] = {
        "batch_size": batch,
        "epochs": epochs,
        "warmup_epochs": min(1.0, round(0.1 * epochs, 2)),
    }
    training |= {"lr": 3.0e-3, "workers": 0, "threads": 1}
    return stride, training

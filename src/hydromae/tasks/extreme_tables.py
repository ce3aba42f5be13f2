"""Tables of floods and droughts: for a reader, and every number in full."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

import numpy as np
import xarray as xr

from hydromae.evaluation.compare import ALPHA
from hydromae.evaluation.tables import ScoreTable, number_text, short

_OF_LEADS: Final = (
    *(f"{score}{end}" for score in ("brier", "skill", "gain", "f1") for end in ("", "_lower", "_upper")),
    "p_value",
)
_FORCING: Final = {"none": "no weather after the issue time", "perfect": "observed weather of the horizon"}
_BOOTSTRAP: Final = "block bootstrap of time"


def extreme_tables(scores: xr.Dataset, regime: str, group: str, title: str, warn_at: float) -> list[ScoreTable]:
    """Brier skill, F1, first warnings and reliability of every event, all stations pooled.

    Args:
        scores: with a dimension `event` before those that `score_events` and `first_warnings` give.
        regime: forcing, none or perfect.
        group: days or weeks: what the lead times are.
        title: of the forecasts.
        warn_at: probability from which on a forecast is a warning.
    """
    head = f"{title}; forcing {regime}: {_FORCING[regime]}".removeprefix("; ")
    first = str(scores["model"].values[0])
    note = (
        f"all stations pooled. 95 %: interval of {first} by a {_BOOTSTRAP}. + or -: Brier score better or worse than "
        f"that of {first}, p < {ALPHA:g}. events: scored station-days in the event at the first lead time"
    )
    warned = f"warnings at a probability of {warn_at:g} or more"
    return [
        _by_lead(scores, "skill", f"Brier skill score against climatology. {head}", note, group, marked=True),
        _by_lead(scores, "f1", f"F1 of {warned}. {head}", "all stations pooled", group),
        _warnings(scores, f"First warning of an event; {warned}. {head}"),
        _reliability(scores, f"Reliability of {first}, all lead times. {head}"),
    ]


def extreme_records(scores: Mapping[tuple[str, str], xr.Dataset]) -> dict[str, ScoreTable]:
    """Every number in a row of its own: scores by lead time, first warnings and reliability.

    Args:
        scores: by regime and group.

    Returns:
        The tables by name: `table`, `warnings` and `reliability`.
    """
    counts, warnings, bins = (
        ("pairs", "events", "stations"),
        ("warned", "warning_days"),
        ("forecast_share", "observed_share"),
    )
    by_lead, by_event, by_bin = [], [], []
    for (regime, group), of_one in scores.items():
        for event, model, own in _each(of_one):
            values = {str(name): variable.values for name, variable in own.variables.items()}
            first = (regime, group, event, model)
            for i, lead in enumerate(values["lead_time"]):
                numbers = (number_text(values[name][i]) for name in _OF_LEADS)
                by_lead.append((*first, str(lead), *numbers, *(str(int(values[name][i])) for name in counts)))
                for j, place in enumerate(values["bin"]):
                    shares = (number_text(values[name][i, j]) for name in bins)
                    by_bin.append((*first, str(lead), f"{place:g}", *shares, str(int(values["pairs_in_bin"][i, j]))))
            numbers = (number_text(values[name].item()) for name in warnings)
            by_event.append((*first, *numbers, str(int(values["warning_events"]))))
    key = ("forcing", "lead_times", "event", "model")
    return {
        "table": ScoreTable("", (*key, "lead_time", *_OF_LEADS, *counts), tuple(by_lead)),
        "warnings": ScoreTable("", (*key, *warnings, "events"), tuple(by_event)),
        "reliability": ScoreTable("", (*key, "lead_time", "bin", *bins, "pairs"), tuple(by_bin)),
    }


def _by_lead(scores: xr.Dataset, metric: str, title: str, note: str, group: str, *, marked: bool = False) -> ScoreTable:
    rows = []
    for event, model, own in _each(scores):
        values, marks = own[metric].values, [""] * own.sizes["lead_time"]
        if marked:
            marks = [_mark(gain, p) for gain, p in zip(own["gain"].values, own["p_value"].values, strict=True)]
        cells = [short(value) + mark for value, mark in zip(values, marks, strict=True)]
        number = str(int(own["events"][0])) if len(cells) else ""
        rows.append((event, model, *cells, number))
        if model == scores["model"].values[0]:
            ends = zip(own[f"{metric}_lower"].values, own[f"{metric}_upper"].values, strict=True)
            spread = (f"{short(low)} to {short(high)}" if np.isfinite(low) else "-" for low, high in ends)
            rows.append((event, f"{model}, 95 %", *spread, number))
    unit = "lead" if group == "days" else "week to day"
    heads = (f"{unit} {lead}" for lead in scores["lead_time"].values)
    return ScoreTable(title, ("event", "forecast", *heads, "events"), tuple(rows), note, numbers=2)


def _mark(gain: float, p_value: float) -> str:
    return "" if not p_value < ALPHA else " -" if gain > 0 else " +"


def _warnings(scores: xr.Dataset, title: str) -> ScoreTable:
    rows = tuple(
        (event, model, short(own["warned"].item()), short(own["warning_days"].item()), str(int(own["warning_events"])))
        for event, model, own in _each(scores)
    )
    note = (
        "warned: share of events with a warning before their first day. days: from the first warning to the first day, "
        "mean over all events, 0 without a warning"
    )
    return ScoreTable(title, ("event", "forecast", "warned", "days", "events"), rows, note, numbers=2)


def _reliability(scores: xr.Dataset, title: str) -> ScoreTable:
    """Of the first forecast: mean probability and share of events in each bin, with the number of pairs."""
    rows = []
    own = scores.isel(model=0)
    for event in own["event"].values:
        of_event = own.sel(event=event)
        number = of_event["pairs_in_bin"].sum("lead_time")
        for name, words in (("forecast_share", "mean probability"), ("observed_share", "share of events")):
            share = (of_event[name] * of_event["pairs_in_bin"]).sum("lead_time") / number.where(number > 0)
            rows.append((str(event), words, *map(short, share.values)))
        rows.append((str(event), "pairs", *(str(int(n)) for n in number.values)))
    half = 0.5 / scores.sizes["bin"]
    heads = (f"{place - half:g} to {place + half:g}" for place in scores["bin"].values)
    return ScoreTable(title, ("event", "", *heads), tuple(rows), numbers=2)


def _each(scores: xr.Dataset) -> Iterator[tuple[str, str, xr.Dataset]]:
    for event, model in product(scores["event"].values, scores["model"].values):
        yield str(event), str(model), scores.sel(event=event, model=model)

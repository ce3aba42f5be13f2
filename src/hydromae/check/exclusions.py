"""Configuration lines that leave out the stations, days or modalities of a finding."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import yaml
from jaxtyping import Bool

from hydromae.config import DataConfig, Period

Span = tuple[date, date]


@dataclass(frozen=True)
class Exclusion:
    """What to leave out.

    Attributes:
        stations: ids, of every series.
        days: modality -> spans of days on which its values are taken as missing.
        max_missing: modality -> largest share of missing training days that a station may have.
        modalities: names to leave out altogether.
        missing_values: numbers that mean missing.
    """

    stations: tuple[str, ...] = ()
    days: Mapping[str, tuple[Span, ...]] = field(default_factory=dict)
    max_missing: Mapping[str, float] = field(default_factory=dict)
    modalities: tuple[str, ...] = ()
    missing_values: tuple[float, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.stations or self.days or self.max_missing or self.modalities or self.missing_values)


def configured(data: DataConfig) -> Exclusion:
    """What a configuration leaves out already. A list replaces the one before it, so the lines must repeat these."""
    days = {name: tuple(map(_span, m.exclude_dates)) for name, m in data.modalities.items() if m.exclude_dates}
    limits = {name: m.max_missing for name, m in data.modalities.items() if m.max_missing is not None}
    return Exclusion(data.exclude_stations, days, limits, missing_values=data.missing_values)


def spans_of(first_day: np.datetime64, days: Bool[np.ndarray, "day"]) -> tuple[Span, ...]:
    """The true days as spans; position 0 is `first_day`."""
    edges = np.diff(np.concatenate([[0], days.astype(np.int8), [0]]))
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    dates = (first_day + np.stack([begins, ends], axis=1)).tolist()  # [span, 2] of datetime.date
    return tuple((first, last) for first, last in dates)


def exclusion_lines(exclusions: Iterable[Exclusion], base: Exclusion) -> str:
    """The exclusions and those already configured, as YAML to paste into a configuration; empty without any."""
    nonempty = [exclusion for exclusion in exclusions if exclusion]
    if not nonempty:
        return ""
    parts = [base, *nonempty]
    dropped = list(dict.fromkeys(name for part in nonempty for name in part.modalities))
    modalities: dict[str, Any] = {name: None for name in dropped}
    for name in dict.fromkeys(name for part in parts for name in (*part.days, *part.max_missing)):
        if name in dropped:
            continue
        spans = sorted({span for part in parts for span in part.days.get(name, ())})
        limits = [part.max_missing[name] for part in parts if name in part.max_missing]
        modalities[name] = {
            **({"exclude_dates": [_written(span) for span in spans]} if spans else {}),
            **({"max_missing": min(limits)} if limits else {}),
        }
    stations = list(dict.fromkeys(station for part in parts for station in part.stations))
    codes = list(dict.fromkeys(code for part in parts for code in part.missing_values))
    data = {
        **({"missing_values": codes} if any(part.missing_values for part in nonempty) else {}),
        **({"exclude_stations": stations} if stations else {}),
        **({"modalities": modalities} if modalities else {}),
    }
    # A terminal of 80 columns must not break the lines that are to be pasted.
    return yaml.safe_dump({"data": data}, sort_keys=False, default_flow_style=None, width=76, allow_unicode=True)


def _span(day: date | Period) -> Span:
    return day if isinstance(day, tuple) else (day, day)


def _written(span: Span) -> date | list[date]:
    return span[0] if span[0] == span[1] else list(span)

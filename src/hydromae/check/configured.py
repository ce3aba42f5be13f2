"""What a configuration chooses: its stations, its exclusions, and the modalities it could do without."""

from datetime import date
from pathlib import Path

import numpy as np

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.station_ids import places_among
from hydromae.check.exclusions import Exclusion
from hydromae.check.report import CheckReport
from hydromae.check.stations import judge_attributes, judge_membership, view_of
from hydromae.check.subject import counted, listed
from hydromae.config import Config, DataConfig, Period
from hydromae.sources.attributes import Attributes
from hydromae.sources.plan import station_order
from hydromae.sources.source import Source
from hydromae.sources.station_choice import with_enough
from hydromae.windows.order import training_lengths
from hydromae.windows.spans import require_fit, runs_of


def choose_stations(
    report: CheckReport,
    config: Config,
    sources: list[Source],
    attributes: Attributes | None,
    periods: dict[str, Period],
) -> tuple[tuple[str, ...] | None, Attributes | None]:
    """The stations that a store would hold, and their attributes; None where they do not fit together."""
    data, series = config.data, [source for source in sources if source.settings.kind == "series"]
    if not series:
        return None, None
    all_ids = [*(attributes.ids if attributes else ()), *(i for source in series for i in source.station_ids)]
    excluded = {all_ids[place] for place in places_among(data.exclude_stations, all_ids).tolist() if place >= 0}
    ids = {source.name: source.station_ids for source in series}
    where = str(Path(data.root) / str(data.attributes.path))
    try:
        stations = station_order(series, attributes, data)
        if "train" in periods:
            stations, notes = with_enough(stations, series, periods["train"])
            for note in notes:
                report.note(note)
    except (DataError, ConfigError) as error:
        known_ids = set(attributes.ids if attributes else ()) | excluded
        unknown = tuple(dict.fromkeys(i for station_ids in ids.values() for i in station_ids if i not in known_ids))
        all_unknown = not attributes or len(unknown) == len({i for station_ids in ids.values() for i in station_ids})
        exclusion = Exclusion() if all_unknown else Exclusion(stations=unknown)
        report.error(str(error), details=unknown if attributes else (), exclusion=exclusion)
        return None, None
    kept = {name: tuple(i for i in station_ids if i not in excluded) for name, station_ids in ids.items()}
    judge_membership(report, where, [i for i in attributes.ids if i not in excluded] if attributes else [], kept)
    if attributes is None:
        return stations, None
    chosen = attributes.of(stations)
    judge_attributes(report, where, chosen.ids, chosen.names, chosen.values)
    report.attributes = view_of(chosen.ids, chosen.names, chosen.values, chosen.station_names)
    return stations, chosen


def tell_excluded(report: CheckReport, config: Config) -> None:
    """Note the stations and days that are left out already."""
    data = config.data
    if data.exclude_stations:
        count = counted(len(data.exclude_stations), "station")
        report.note(f"data.exclude_stations leaves out {count}: {listed(data.exclude_stations)}", data.exclude_stations)
    if data.exclude_dates:
        spans = tuple(str(d) if isinstance(d, date) else f"{d[0]} to {d[1]}" for d in data.exclude_dates)
        report.note(f"data.exclude_dates keeps windows away from {listed(spans)}", spans)


def judge_windows(report: CheckReport, data: DataConfig, periods: dict[str, Period]) -> None:
    """Add an error for each split in which no window fits between the excluded days; for test, a warning."""
    for split, (first, last) in periods.items():
        days = slice(0, (last - first).days + 1)
        lengths = (
            [n for n, weight in training_lengths(data).items() if weight > 0] if split == "train" else [data.window]
        )
        try:
            runs = runs_of(np.datetime64(first), days, data.exclude_dates)
            for length in lengths:
                require_fit(runs, length)
        except ConfigError as error:
            add = report.warning if split == "test" else report.error
            add(f"data.{split}: {error}")


def droppable(config: Config, name: str) -> bool:
    """Whether the configuration is still valid without a modality, which other keys may name."""
    content = config.model_dump(mode="json")
    del content["data"]["modalities"][name]
    if not content["data"]["modalities"]:
        return False
    try:
        Config.model_validate(content)
    except ValueError:
        return False
    return True

"""A store with all that the files of its configuration hold now: new rows, and values that came late."""

import logging
from datetime import date, timedelta
from typing import Any

import numpy as np

from hydromae.base.errors import DataError
from hydromae.base.files import absolute
from hydromae.config import Config
from hydromae.sources.plan import Plan, make_plan, periods_of
from hydromae.store.append import ChangedDays, append_days
from hydromae.store.prepare import Progress, prepare
from hydromae.store.provenance import changed_files, declared, source_files
from hydromae.store.store import Store

_log = logging.getLogger(__name__)
_FURTHEST_AHEAD = 366  # days from today; a later one is a mistaken date


def refreshed(config: Config, on_progress: Progress | None = None) -> Store:
    """The store of a configuration, with every day up to the last one that its files have.

    The last period of the configuration goes on to that day. New days are added to the store; the result is what a
    fresh preparation gives, bit for bit. Where values came late or were corrected after the training period, the store
    is prepared anew, and a warning says which. Every day of series is compared, of grids the last 64; a changed file of
    a grid without new days has the store prepared anew, too.

    Args:
        config: what to prepare, also where there is no store yet.
        on_progress: as of `prepare`.

    Raises:
        ConfigError: as of `prepare`.
        DataError: as of `prepare`; or a value of the training period, which the scalers were fitted on, has changed, or
            a file has a day more than a year ahead.
    """
    report = on_progress or (lambda stage, done: None)
    plan = make_plan(config, fit=False)
    config = _up_to_last_day(config, plan)
    path = absolute(config.store_path)
    if not (path / "store.json").is_file():
        return prepare(config, report)
    before = Store.open(path)
    try:
        store = append_days(config, report, whole_series=True)
    except ChangedDays as changed:
        assert config.data.train is not None  # a plan needs it
        if changed.first_day <= np.datetime64(config.data.train[1]):
            raise
        _log.warning("%s: is prepared anew, since days that it has are other in the files now: %s", path,
                     str(changed).split(" (as stored")[0])  # fmt: skip
        return prepare(config, report, overwrite=True)
    if store.n_days == before.n_days and _changed_grids(config, before):
        return prepare(config, report, overwrite=True)
    return declared(store, config)


def _up_to_last_day(config: Config, plan: Plan) -> Config:
    """The configuration whose last period ends on the last day of the files, or as it is where they end earlier."""
    source = max(plan.sources, key=lambda source: source.last_day)
    last: date = source.last_day.astype("datetime64[D]").item()
    if last > date.today() + timedelta(days=_FURTHEST_AHEAD):
        raise DataError(f"{source.where}: {source.name} has a day {last}, more than a year ahead; correct that date")
    split, (first, end) = max(periods_of(config.data).items(), key=lambda item: item[1][1])
    if last <= end:
        return config
    update: dict[str, Any] = {split: (first, last)}
    if split == "train":
        update = {"test": (end + timedelta(days=1), last)}
    return config.model_copy(update={"data": config.data.model_copy(update=update)})


def _changed_grids(config: Config, store: Store) -> bool:
    grids = {name for name, settings in config.data.modalities.items() if settings.kind == "grid"}
    now = source_files(config)
    changed = set(changed_files(store.provenance.sources, now))
    return any(file.role in grids and file.path in changed for file in now)

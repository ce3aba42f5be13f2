"""Fill the gaps of series, and of grids, from what surrounds them in time, in space and in the other modalities."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from hydromae.base.given import Names, Span, as_names
from hydromae.base.version import VERSION
from hydromae.masks.tasks import ValueMask, infill_mask
from hydromae.prediction.central_days import CentralDays, Values, answers, middle_days
from hydromae.prediction.choices import predicted_stations
from hydromae.prediction.predictor import Predictor
from hydromae.prediction.several_runs import Runs, notes_of, open_runs, require_alike, require_same_windows, shared_days
from hydromae.prediction.trained_for import beyond_filling, flagged
from hydromae.results.target import check_target, inputs_of, refuse_inputs
from hydromae.results.write import GRID_DAYS, SERIES_DAYS, Block, to_come, write_streamed
from hydromae.store.cf import flag_attributes, outline, variable_attributes
from hydromae.store.maps import to_grid
from hydromae.store.store import Store
from hydromae.tasks.gaps import Filling, fill_names, fillable

FLAGS: Final = ("observed", "filled", "missing")
OBSERVED, FILLED, MISSING = range(3)


def infill(
    runs: Runs,
    output: str | Path | None = None,
    data: str | Path | Store | None = None,
    period: Span | None = None,
    stations: Names | None = None,
    modalities: Names | None = None,
    grids: bool = False,
    on_progress: Callable[[float], None] = lambda done: None,
    overwrite: bool = False,
) -> xr.Dataset:
    """Fill every gap of a run's series; observed values come back bit for bit.

    A missing day is predicted from the window in whose middle it lies (`middle_days`). The model sees all that is
    observed in the window, in the period and beyond, except on the run's `data.exclude_dates`. In a gap that is longer
    than a window nothing of the series itself is visible: it is predicted from the other modalities, the attributes
    and, in windows of several stations, the neighbours. A fill is the model's mean, within the `minimum` and `maximum`
    of its modality. The memory needed depends on a block of days, not on the length of the period.

    Args:
        runs: run directory, or several, as seeds of one training, whose fills are averaged.
        output: .nc or .zarr, or .csv or .parquet, tables of series; None is `infilled.nc` in the (first) run directory,
            which is replaced.
        data: other data: a store, its directory, or a configuration; None is the run's own store.
        period: first and last day; None is all days of the data; of several runs, the days that all of their data have.
        stations: ids; None is all that the run can predict in the data.
        modalities: which to fill; None is all series, and with `grids` all grids.
        grids: fill grids too, the land cells of the model's patches.
        on_progress: called with the share that is done.
        overwrite: replace an existing output that hydromae wrote.

    Returns:
        The file (of a table, its content in memory): per modality `<name>` float32 [time, station] or [time, y, x],
        observed and filled, in the data's unit; `<name>_flag` int8, 0 observed, 1 filled, 2 missing; of a model with
        quantiles `<name>_quantiles` [..., quantile], NaN where not filled. The attribute `not_trained_for` says for
        which part of it the runs were not trained; in a table it is a column if it applies.

    Raises:
        RunError: the run, its data or its model cannot be used.
        ConfigError: the period, a modality or the format cannot be used, grids are asked of a run that has none, or the
            runs do not fit each other.
        DataError: a station is unknown, or the file exists already or cannot be written.
    """
    if output is not None:
        check_target(Path(output), overwrite)
    predictors = open_runs(runs, data, own_records=True)
    predictor = predictors[0]
    names = fill_names(predictor, as_names(modalities), grids)
    require_alike(predictors, names, observed=True)
    require_same_windows(predictors)
    for other in predictors[1:]:
        fill_names(other, names, grids)  # refuses grids where windows hold some stations
    target = Path(output) if output is not None else predictor.run.own_output("infilled.nc")
    read = inputs_of(*(predictor.store for predictor in predictors))
    if output is None:
        refuse_inputs(target, read)
    else:
        check_target(target, overwrite, read, grids=[n for n in names if predictor.store.kind(n) == "grid"])
    days = shared_days(predictors, period)
    task = _Infill(predictors, names, predicted_stations(predictor, stations))
    task.notes = notes_of(predictors, stations) | flagged(beyond_filling(predictors, names))
    return write_streamed(task.outline(days), target, task.blocks(days, on_progress), overwrite or output is None)


class _Infill:
    """Fills some modalities of some stations."""

    def __init__(self, predictors: list[Predictor], names: list[str], stations: list[int]) -> None:
        self.predictors, self.predictor, self.names = predictors, predictors[0], names
        self.store = self.predictor.store
        self.grids = any(self.store.kind(name) == "grid" for name in names)
        self.where = {name: fillable(self.predictor, name, stations) for name in names}
        self.notes: dict[str, str] = {}

    def blocks(self, days: slice, on_progress: Callable[[float], None]) -> Iterator[Block]:
        """Fill a period, a block of days at a time."""
        spans = middle_days(self.predictor, days)
        asked = answers(self.predictors, spans, self._masked)
        size = max(
            1, (GRID_DAYS if self.grids else SERIES_DAYS) // max(central.stop - central.first for central in spans)
        )
        for begin in range(0, len(spans), size):
            block_spans = spans[begin : begin + size]
            block = slice(block_spans[0].first, block_spans[-1].stop)
            fillings = {name: self._filling(name, block) for name in self.names}
            for number in range(begin, begin + len(block_spans)):
                central, predicted = next(asked)
                at = slice(central.first - block.start, central.stop - block.start)
                for name, answer in predicted.items():
                    fillings[name].put(at, self.where[name], answer)
                on_progress((number + 1) / len(spans))
            kept = slice(max(block.start, days.start), min(block.stop, days.stop))
            inside = slice(kept.start - block.start, kept.stop - block.start)
            block_values: dict[str, np.ndarray] = {}
            for name, filling in fillings.items():
                block_values |= self._values(name, filling, inside)
            yield kept.start - days.start, block_values

    def _masked(self, central: CentralDays, values: Values) -> tuple[Values, ValueMask]:
        return values, infill_mask(values, central.inside, {name: self.where[name].may for name in self.names})

    def _filling(self, name: str, days: slice) -> Filling:
        observed = self.predictor.data.stored(name, days)
        where = self.where[name]
        return Filling(observed if where.grid else observed[:, where.store], len(self.predictor.quantiles))

    def outline(self, days: slice) -> xr.Dataset:
        """The data set of a period, without its values."""
        series = [where for where in self.where.values() if not where.grid]
        data = outline(
            self.store,
            self.store.days[days],
            {self.store.kind(name) for name in self.names},
            series[0].store.tolist() if series else None,
            self.predictor.quantiles,
            {
                "title": f"Gaps filled by {', '.join(predictor.config.name for predictor in self.predictors)}",
                "source": f"hydromae {VERSION}",
                "runs": ", ".join(str(predictor.run) for predictor in self.predictors),
                "window_days": self.predictor.window,
                **self.notes,
            },
        )
        variables: dict[str, xr.Variable] = {}
        for name in self.names:
            dims = ("time", "y", "x") if self.where[name].grid else ("time", "station")
            described: dict[str, Any] = variable_attributes(self.store, name)
            long_name = described["long_name"]
            beside = [f"{name}_flag", *([f"{name}_quantiles"] if self.predictor.quantiles else [])]
            words = {"long_name": f"{long_name}, gaps filled", "ancillary_variables": " ".join(beside)}
            variables[name] = to_come(data.sizes, dims, "f4", {**described, **words})
            flag = flag_attributes(f"whether {long_name} is observed, filled or missing", FLAGS)
            variables[f"{name}_flag"] = to_come(data.sizes, dims, "i1", flag)
            if self.predictor.quantiles:
                described.pop("standard_name", None)
                words = {"long_name": f"quantiles of {long_name} where filled"}
                variables[f"{name}_quantiles"] = to_come(data.sizes, (*dims, "quantile"), "f4", {**described, **words})
        return data.assign(variables)

    def _values(self, name: str, filling: Filling, days: slice) -> dict[str, np.ndarray]:
        values, filled = filling.values[days], filling.filled[days]
        flag = np.select([filled, np.isnan(values)], [FILLED, MISSING], OBSERVED).astype(np.int8)
        quantiles = None if filling.quantiles is None else filling.quantiles[days]
        if self.where[name].grid:
            values = to_grid(self.store, values)  # [n, H, W]
            flag = np.nan_to_num(to_grid(self.store, flag.astype(np.float32)), nan=MISSING).astype(np.int8)
            if quantiles is not None:
                levels = [to_grid(self.store, level) for level in np.moveaxis(quantiles, -1, 0)]
                quantiles = np.stack(levels, axis=-1)  # [n, H, W, Q]
        spread = {} if quantiles is None else {f"{name}_quantiles": quantiles}
        return {name: values, f"{name}_flag": flag, **spread}

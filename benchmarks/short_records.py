"""How well a run forecasts gauges that it was not trained on, by the length of their records and by what is absent.

    hydromae data folds stores/gb_pretrained -o folds.csv --config configs/gb_pretrained.yaml
    hydromae train gb_pretrained_fold0.yaml
    python benchmarks/short_records.py output/gb_pretrained_fold0 --data stores/gb_pretrained --folds folds.csv --fold 0

At each issue time the flow of a gauge is known for the last days only, and its scale follows from them, its attributes
and its climate, as for any new station. Scored is the median over stations of the Nash-Sutcliffe efficiency at leads
1, 3 and 7. The flow is not known at all where the record has 0 days, so that it is simulated from weather.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import torch

from hydromae.base.station_ids import places_among
from hydromae.folds.folds import Folds
from hydromae.masks.tasks import forecast_mask
from hydromae.prediction.new_stations import features_of
from hydromae.prediction.predictor import Predictor
from hydromae.store.scale_of_attributes import ScaleOfAttributes
from hydromae.tasks.asked_run import history_days

LEADS: Final = (1, 3, 7)
HORIZON: Final = 7
WHOLE: Final = 3650  # days of a long record
EVAPORATION, WEATHER = ("evap",), ("precip", "temp", "evap")


@dataclass(frozen=True)
class Case:
    """What is known of the gauges.

    Attributes:
        label: of the row.
        record: days of flow before the issue time.
        absent: modalities that are missing everywhere.
        attributes: whether they are known.
    """

    label: str
    record: int
    absent: tuple[str, ...] = ()
    attributes: bool = True


CASES: Final = (
    Case("ten years of flow, all inputs", WHOLE),
    Case("a year", 365),
    Case("a month", 30),
    Case("a week", 7),
    Case("no flow", 0),
    Case("ten years, no evaporation", WHOLE, EVAPORATION),
    Case("ten years, rain and flow", WHOLE, ("temp", "evap")),
    Case("ten years, flow alone", WHOLE, WEATHER),
    Case("ten years, no attributes", WHOLE, (), attributes=False),
    Case("a year, flow alone, no attributes", 365, WEATHER, attributes=False),
    Case("a week, no attributes", 7, (), attributes=False),
)


class Gauges:
    """The new gauges, asked as a user would ask.

    Args:
        run: that was not trained on them.
        data: store with their series.
        stations: their ids.
        name: of the flow.
    """

    def __init__(self, run: Path, data: Path, stations: Sequence[str], name: str) -> None:
        self.predictor, self.name = Predictor(run, data), name
        known = self.predictor.data
        self.places = places_among(stations, known.stations)
        told = known.trained_on["modalities"][name]["new_station"]
        self.scale, self.features = ScaleOfAttributes.from_dict(told["scale"]), features_of(known, told)
        self.climate, self.history = list(told["climate"]), history_days(self.predictor, HORIZON)
        self.scaler, self.attributes = known.scalers[name], self.predictor.batcher._attributes

    def forecast(self, issue: int, case: Case, perfect: bool) -> np.ndarray:
        """The flow of the days after an issue day, [lead, station]."""
        predictor, history = self.predictor, self.history
        first = issue - history + 1
        record = predictor.data.read(self.name, issue - case.record + 1, case.record)  # [T, station]
        self._set_scale(record, case)
        values = predictor.read(first, history + HORIZON)
        for absent in case.absent:
            values[absent][:] = torch.nan
        values[self.name][: max(history - case.record, 0)] = torch.nan
        chosen = torch.zeros(len(predictor.stations), dtype=torch.bool)
        chosen[self.places] = True
        weather = [name for name in predictor.model.shapes if name != self.name] if perfect else []
        mask = forecast_mask(values, history, {self.name: chosen}, weather)
        mean: np.ndarray = predictor.ask(first, values, mask)[self.name].mean[history:, self.places].numpy()
        return mean

    def _set_scale(self, record: np.ndarray, case: Case) -> None:
        """The scale of the gauges as it follows from what is known of them, and their attributes."""
        features = self.features.copy()
        count = features.shape[1] - len(self.climate)
        if not case.attributes:
            features[:, :count] = np.nan
        for place, series in enumerate(self.climate):
            if series in case.absent:
                features[:, count + place] = np.nan
        observed = np.isfinite(record)
        days = observed.sum(0)
        mean = np.where(observed, record, 0).sum(0, dtype=np.float64) / days.clip(1)
        std = np.sqrt((np.where(observed, record - mean, 0) ** 2).sum(0) / days.clip(1))
        scale = self.scale(features, np.stack([mean, std], 1), days)
        batcher = self.predictor.batcher
        batcher.scalers[self.name] = replace(
            self.scaler, mean=tuple(scale[:, 0].tolist()), std=tuple(scale[:, 1].tolist())
        )
        if self.attributes is not None:
            batcher._attributes = self.attributes if case.attributes else torch.full_like(self.attributes, torch.nan)


def efficiency(predicted: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Nash-Sutcliffe efficiency [lead, station] of [issue, lead, station]; NaN below 50 pairs."""
    observed = np.where(np.isfinite(predicted), observed, np.nan)
    known = np.isfinite(observed).sum(0)
    spread = np.nansum((observed - np.nanmean(observed, 0)) ** 2, 0)
    error = np.nansum((predicted - observed) ** 2, 0)
    return np.where(known >= 50, 1 - error / np.where(spread > 0, spread, np.nan), np.nan)


def main(arguments: Sequence[str] | None = None) -> None:
    """Forecast, score, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--folds", type=Path, required=True)
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--first", default="2009-10-01")
    parser.add_argument("--last", default="2012-09-20")
    parser.add_argument("--every", type=int, default=10, help="days between issue times")
    parser.add_argument("--each", type=int, default=1, help="score every so many stations")
    parser.add_argument("--flow", default="riverflow")
    parser.add_argument("--output", "-o", type=Path, help="CSV")
    given = parser.parse_args(arguments)
    stations = list(Folds.read(given.folds).held_out(given.fold))[:: given.each]
    gauges = Gauges(given.run, given.data, stations, given.flow)
    store = gauges.predictor.store
    issues = [
        int((day - store.first_day).astype(int))
        for day in np.arange(np.datetime64(given.first), np.datetime64(given.last) + 1, given.every)
    ]
    observed = np.stack([store.read(given.flow, slice(day + 1, day + 1 + HORIZON))[:, gauges.places] for day in issues])
    columns = ["known of the gauge", *(f"{way} {lead}" for way in ("none", "perfect") for lead in LEADS)]
    today = np.stack([store.read(given.flow, slice(day, day + 1))[:, gauges.places] for day in issues])  # [issue, 1, S]
    persistence = np.nanmedian(efficiency(np.repeat(today, HORIZON, 1), observed), 1)[np.array(LEADS) - 1].tolist()
    rows: list[tuple[str | float, ...]] = [("persistence", *persistence, *persistence)]
    print("persistence", " ".join(f"{score:.3f}" for score in persistence), flush=True)
    for case in CASES:
        scores = []
        for perfect in (False, True):
            made = np.stack([gauges.forecast(day, case, perfect) for day in issues])
            medians = np.nanmedian(efficiency(made, observed), 1)
            scores += [float(medians[lead - 1]) for lead in LEADS]
        rows.append((case.label, *scores))
        print(case.label, " ".join(f"{score:.3f}" for score in scores), flush=True)
    frame = pd.DataFrame(rows, columns=columns)
    if given.output is not None:
        frame.to_csv(given.output, index=False)


if __name__ == "__main__":
    main()

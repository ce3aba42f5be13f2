"""What pretraining is worth where a gauge is new: forecasts of its flow after 0 to 20 years of record.

    python benchmarks/new_gauges.py -o output/new_gauges --folds 0 1    # hours; the same command goes on
    python benchmarks/new_gauges.py -o output/trial --folds 0 --seeds 0 --years 1 --steps 5 --every 30    # a trial

Stations are dealt to five spatial folds (`hydromae data folds`). Those of a fold are new: before 2009-10-01 their flow
is known for the last 0, 0.25, 1, 2, 5 or 20 years only. The weather is known everywhere, and so is all flow of the
others from 1989-10-01 on. The last part of the known days (`VALIDATED_DAYS`) chooses the epoch that is kept. One small
model and one mask, a forecast from every issue day of a window, serve all:

- scratch: new weights, trained on the new gauges until the validation loss no longer falls
- zero-shot: weights trained on the other gauges (the pretraining), as they are
- frozen: the pretraining, of which only the decoders are trained on the new gauges
- tuned: the pretraining, tuned on the new gauges as `hydromae finetune` does
- joint: new weights, trained on all gauges together

Flow is scaled by mean and deviation of each gauge. A new one has those of its own record in the training days, and with
no record the averages of the gauges that the weights were trained on. Scored are forecasts in the test years of
GB-Flow-7, in which every gauge shows its flow up to the issue day, without weather of the days to come (none) and with
it (perfect).
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import xarray as xr
from new_gauges_table import write_tables

from hydromae.base.errors import ConfigError
from hydromae.base.files import atomic_path
from hydromae.benchmark import gb_flow_7
from hydromae.benchmark.settings import packaged_settings
from hydromae.config import Config
from hydromae.config.read import build_config
from hydromae.folds.configs import folds_of_store
from hydromae.folds.folds import Folds
from hydromae.results.write import write_result
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast
from hydromae.training.finetune import finetune_config
from hydromae.training.runs import continue_run, is_finished, new_run

YEARS: Final = (0.0, 0.25, 1.0, 2.0, 5.0, 20.0)
FIRST, LAST = date(1989, 10, 1), date(2009, 9, 30)  # the longest record before the test years
VALIDATED_DAYS: Final = {0.0: 365, 0.25: 42, 1.0: 84, 2.0: 168, 5.0: 365, 20.0: 365}
WINDOW: Final = 84
TOKEN: Final = 7
BATCH: Final = 64
EPOCH_STEPS: Final = 40  # at most, so that a validation follows often enough to stop early
LR: Final = 3.0e-3
TUNED_SHARE: Final = 3  # a tuning has a third of the steps of new weights
REGIMES: Final = ("none", "perfect")
MODEL: Final[dict[str, Any]] = {
    "d_model": 16, "nhead": 1, "series_encoder_layers": 1, "shared_depth": 1, "decoder_dim": 16, "decoder_layers": 1,
    "dropout": 0.0, "recurrent_dim": 64, "recurrent_dropout": 0.1, "series_patch_size": 1, "series_patch_days": TOKEN,
    "validity_embedding": True, "rolling": ["riverflow"],
}  # fmt: skip
DECODERS_ONLY: Final = ("*_encoder", "station_states", "blocks_shared", "norm_shared", "modality_*")


@dataclass(frozen=True)
class Record:
    """The days of a new gauge's flow that are known before the test years.

    Attributes:
        years: of record.
    """

    years: float

    @property
    def first(self) -> date:
        """The first day with flow; the day after `LAST` where there is none."""
        return max(FIRST, LAST + timedelta(days=1 - round(365.25 * self.years)))

    @property
    def validated(self) -> tuple[date, date]:
        """The days by which the epoch is chosen, the last ones."""
        return LAST - timedelta(days=VALIDATED_DAYS[self.years] - 1), LAST

    @property
    def trained(self) -> tuple[date, date]:
        """The days before these."""
        return FIRST, self.validated[0] - timedelta(days=1)

    @property
    def without_windows(self) -> tuple[date, date] | None:
        """Days that no window of the new gauges needs, since all that follow in it would be without flow, too."""
        last = self.first - timedelta(days=WINDOW - TOKEN + 1)
        return None if last < FIRST else (FIRST, last)


@dataclass(frozen=True)
class Fit:
    """One contender at one fold, seed and length of record."""

    contender: str
    fold: int
    seed: int
    years: float

    @property
    def name(self) -> str:
        return f"fold{self.fold}_seed{self.seed}_{self.years:g}y_{self.contender.replace('-', '_')}"


def fits(folds: Sequence[int], seeds: Sequence[int], years: Sequence[float]) -> Iterator[Fit]:
    """All fits, in an order in which what is done at any time can be compared; joint ones, which take longest, last."""
    for fold in folds:
        for seed in seeds:
            for length in years:
                yield Fit("zero-shot", fold, seed, length)
                if length:
                    yield from (Fit(contender, fold, seed, length) for contender in ("scratch", "tuned", "frozen"))
            yield from (Fit("joint", fold, seed, length) for length in years if length)


class Experiment:
    """Stores, trainings and forecasts in one folder; what is there already is not made again.

    Args:
        data: folder with the two files of GB-Flow-7.
        output: gets everything.
        steps: of a training at most.
        every: days between issue times.
        overrides: keys of all configurations to change.
        folds: into which the stations are dealt.
    """

    def __init__(
        self, data: Path, output: Path, steps: int, every: int, overrides: Sequence[str] = (), folds: int = 5
    ) -> None:
        self.data, self.output, self.steps, self.every = data.resolve(), output.resolve(), steps, every
        self.overrides, self.n_folds = tuple(overrides), folds

    def folds(self) -> Folds:
        """The folds of all stations, made once."""
        path = self.output / "folds.csv"
        if not path.is_file():
            whole = prepare(self._config(self.output / "whole", self.data / gb_flow_7.TABLE, Record(0.0), 0))
            folds_of_store(whole, self.n_folds).write(path)
        return Folds.read(path)

    def store(self, fold: int, years: float) -> Store:
        """All stations, of which those of the fold have flow on the days of their record and in the test years only."""
        return prepare(self._of_fold(fold, years, 0))

    def run(self, fit: Fit) -> RunDirectory:
        """The trained contender."""
        if fit.contender == "zero-shot":
            return self._trained(self.config(Fit("pretrained", fit.fold, fit.seed, 0.0)), fit.fold, 0.0)
        return self._trained(self.config(fit), fit.fold, fit.years)

    def config(self, fit: Fit) -> Config:
        """What a contender trains."""
        record, folds = Record(fit.years), self.folds()
        new, others = folds.held_out(fit.fold), folds.training(fit.fold)
        on_new = fit.contender in ("scratch", "tuned", "frozen")
        keys: dict[str, Any] = {"train_stations": new if on_new else others if fit.contender == "pretrained" else None}
        first = record.trained[0]
        if on_new and (without := record.without_windows):
            keys["exclude_dates"] = [[str(day) for day in without]]
            first = without[1] + timedelta(days=1)
        stations = len(new) if on_new else len(others) + (0 if fit.contender == "pretrained" else len(new))
        places = (record.trained[1] - first).days + 2 - WINDOW
        keys["stride"] = max(TOKEN, -(-places * stations // (EPOCH_STEPS * BATCH)))
        epochs = max(self.steps // -(-(max(places // keys["stride"], 1) * stations) // BATCH), 1)
        training: dict[str, Any] = {"epochs": epochs, "warmup_epochs": min(0.5, epochs / 10)}
        if fit.contender == "scratch":
            training["patience"] = 10
        output = self.output / "runs" / fit.name
        config = self._of_fold(fit.fold, fit.years, fit.seed, data=keys, training=training, output=output)
        if fit.contender not in ("tuned", "frozen"):
            return config
        data = config.data
        keys |= {"store": data.store, "window": data.window, "window_mix": data.window_mix}
        keys |= {split: [str(day) for day in getattr(data, split)] for split in ("train", "val")}
        given = [f"data.{key}={value}" for key, value in keys.items()]
        given += [f"data.modalities.riverflow.paths=[{self._flow_file(fit.fold, fit.years)}]"]
        given += [f"training.epochs={max(epochs // TUNED_SHARE, 1)}", *self.overrides]
        if fit.contender == "frozen":
            given += [f"training.freeze={list(DECODERS_ONLY)}", "training.lr_scale={}"]
        pretrained = self.run(Fit("zero-shot", fit.fold, fit.seed, 0.0))
        return finetune_config(pretrained, "forecast", given, config.output)

    def forecast(self, fit: Fit) -> dict[str, xr.DataArray]:
        """Regime -> the forecast of the new gauges in mm/d, [issue_time, lead_time, station]."""
        issues = gb_flow_7.issue_days()[:: max(self.every // gb_flow_7.EVERY, 1)]
        made = {}
        for regime in REGIMES:
            path = self.output / "forecasts" / f"{fit.name}_{regime}.nc"
            if not path.is_file():
                path.parent.mkdir(parents=True, exist_ok=True)
                new = self.folds().held_out(fit.fold)
                run, data = self.run(fit).path, self.store(fit.fold, fit.years)
                result = forecast(run, issues, data=data, horizon=gb_flow_7.HORIZON, forcing=regime, stations=new)
                write_result(result[["riverflow"]], path)
            with xr.open_dataset(path, engine="h5netcdf", decode_timedelta=False) as kept:
                made[regime] = kept["riverflow"].load()
        return made

    def observed(self, fold: int) -> xr.DataArray:
        """The flow of the new gauges in the test years, [time, station]."""
        store, stations = self.store(fold, 0.0), self.folds().held_out(fold)
        days = store.period_slice("test")
        values = pd.DataFrame(store.read("riverflow", days), store.days[days], store.station_ids)[stations]
        coordinates = {"time": values.index.to_numpy(), "station": np.array(stations, dtype=object)}
        return xr.DataArray(values.to_numpy(), coordinates, ("time", "station"), attrs={"units": "mm/d"})

    def _trained(self, config: Config, fold: int, years: float) -> RunDirectory:
        run = RunDirectory(config.output_path)
        if is_finished(run):
            return run
        store = self.store(fold, years).with_excluded(config.data.exclude_dates)
        run = continue_run(run) if run.config_file.is_file() else new_run(config, store)
        if not is_finished(run):
            raise SystemExit(f"{run.path}: was stopped; the same command goes on with it")
        return run

    def _of_fold(self, fold: int, years: float, seed: int, **more: Any) -> Config:
        store = self.output / "stores" / f"fold{fold}_{years:g}y"
        return self._config(store, self._flow_file(fold, years), Record(years), seed, **more)

    def _config(self, store: Path, flow: Path, record: Record, seed: int, **more: Any) -> Config:
        """Settings of `store`; `data` and `training` are keys on top, `output` is the run's directory."""
        output = more.get("output", store)
        raw = packaged_settings()
        window = min(WINDOW, VALIDATED_DAYS[record.years])
        raw["data"] |= {
            "root": str(self.data),
            "store": str(store),
            "train": [str(day) for day in record.trained],
            "val": [str(day) for day in record.validated],
            "window": window,
            "window_mix": {WINDOW: 1.0} if window < WINDOW else {},
            **more.get("data", {}),
        }
        raw["data"]["modalities"]["riverflow"]["paths"] = [str(flow)]
        raw["model"] = dict(MODEL)
        raw["masking"]["strategies"] = {"rolling_forecast": 1}
        raw["training"] |= {"batch_size": BATCH, "lr": LR, "threads": 1, **more.get("training", {})}
        raw["logging"] = {"tensorboard": False, "images": False, "console": "quiet", "keep": 1}
        raw |= {"name": output.name, "seed": seed, "output": str(output)}
        return build_config(raw, self.overrides, where="new_gauges")

    def _flow_file(self, fold: int, years: float) -> Path:
        """The table of flow of a fold's stores: without the flow that a new gauge does not have."""
        path = self.output / "flow" / f"fold{fold}_{years:g}y.parquet"
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            table = pd.read_parquet(self.data / gb_flow_7.TABLE, columns=["date", "ID", "discharge_spec"])
            hidden = unknown_flow(table, self.folds().held_out(fold), Record(years).first)
            table.loc[hidden, "discharge_spec"] = np.nan
            with atomic_path(path) as temporary:
                table.to_parquet(temporary, index=False)
        return path


def unknown_flow(table: pd.DataFrame, new: Sequence[str], first: date) -> pd.Series:
    """Rows of a table of `date` and `ID` whose flow is not known: of new gauges, before their first day of record."""
    days = pd.to_datetime(table["date"])
    unknown: pd.Series = table["ID"].astype(str).isin(list(new)) & (days < pd.Timestamp(first))
    return unknown


def main() -> None:
    """Train, forecast and score what is not there yet, and write the tables after each length of record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/gb"), help=f"folder with {gb_flow_7.TABLE}")
    parser.add_argument("--output", "-o", type=Path, default=Path("output/new_gauges"), help="for all that is made")
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2, 3, 4], choices=range(5))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--years", type=float, nargs="+", default=list(YEARS), choices=YEARS)
    parser.add_argument("--steps", type=int, default=500, help="of new weights at most")
    parser.add_argument("--every", type=int, default=10, help="days between issue times, a multiple of 5")
    options = parser.parse_args()
    if options.every % gb_flow_7.EVERY:
        raise ConfigError(f"--every {options.every} is no multiple of {gb_flow_7.EVERY}, the issue days of GB-Flow-7")
    logging.getLogger("hydromae").setLevel(logging.ERROR)  # the same warning of gaps in the record for each forecast
    experiment = Experiment(options.data, options.output, options.steps, options.every)
    done: list[Fit] = []
    for fit in fits(options.folds, options.seeds, options.years):
        experiment.forecast(fit)
        done.append(fit)
        print(f"{fit.name}: done", flush=True)
        if fit.contender in ("frozen", "joint") or not fit.years:
            write_tables(experiment, done)


if __name__ == "__main__":
    main()

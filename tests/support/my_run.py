"""What the pages suppose of a reader who has trained a model: gauges, their store, a run, grids, others' forecasts."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import xarray as xr

import hydromae
from hydromae.config.read import load_config
from hydromae.store.prepare import prepare
from hydromae.training.runs import new_run

# Latitude, longitude and area (km2); the first two digits of a station are its hydrometric area.
STATIONS = {
    "39001": (51.4, -0.3, 9948),
    "9002": (57.6, -2.5, 443),
    "27003": (53.7, -1.2, 1932),
    "45003": (50.9, -3.4, 226),
    "12005": (57.1, -3.2, 150),
    "54008": (52.3, -2.6, 1134),
    "21009": (55.7, -2.1, 4390),
    "33039": (52.1, -0.4, 1460),
    "64001": (52.6, -3.9, 471),
    "76007": (54.9, -2.9, 2287),
}
FIRST, LAST = "1998-10-01", "2012-12-31"

CONFIGURATION = """
name: my
output: output/my
data:
  root: my_gauges
  store: stores/my
  modalities:
    precip: {kind: series, units: mm/d, paths: daily.csv, variable: rain_mm}
    temp: {kind: series, units: degC, paths: daily.csv, variable: temp_c}
    evap: {units: mm/d, paths: daily.csv, variable: pet_mm}
    riverflow: {paths: daily.csv, variable: flow_m3s, scaling: standard}
  attributes: {path: attributes.csv, columns: [latitude, longitude, area], area: area}
  train: [1998-10-01, 2008-12-31]
  val: [2009-01-01, 2010-12-31]
  test: [2011-01-01, 2012-12-31]
  window: 42
  stride: 84
  stations_per_window: 1
model: {d_model: 16, nhead: 2, series_encoder_layers: 1, decoder_dim: 8, decoder_layers: 1, series_patch_size: 1,
        series_patch_days: 7, quantiles: [0.05, 0.25, 0.5, 0.75, 0.95]}
masking: {strategies: {forecast: 0.4, gap: 0.2, span: 0.2, place: 0.2}}
training: {epochs: 1, batch_size: 64}
logging: {tensorboard: false, images: false}
"""


def make_my_run(folder: Path) -> None:
    """Fill a folder, which is the working directory: `my_gauges`, `my.yaml`, `stores/my`, `output/my` and more."""
    days, random = pd.date_range(FIRST, LAST), np.random.default_rng(0)
    _tables(folder / "my_gauges", days, random)
    (folder / "my.yaml").write_text(CONFIGURATION, encoding="utf-8")
    config = load_config(folder / "my.yaml")
    new_run(config, prepare(config))
    rain = random.gamma(0.4, 6.0, (len(days), 20, 10)).astype(np.float32)
    _months(folder / "precipitation_processed", days[-62:], rain)
    _grids(folder, days, rain)
    coming = pd.MultiIndex.from_product([pd.date_range(LAST, periods=8), STATIONS], names=["date", "station"])
    weather = pd.DataFrame({"precip [mm/d]": 4.0, "temp [degC]": 5.0, "evap [mm/d]": 0.5}, coming)
    weather.to_csv(folder / "my_weather.csv")
    theirs = persistence(hydromae.open_store("stores/my")["riverflow"].load())
    theirs.to_netcdf("theirs.nc", engine="h5netcdf")
    theirs.to_dataframe().to_csv("theirs.csv")


def persistence(observed: xr.DataArray) -> xr.DataArray:
    """What somebody else may have forecast for the test period: that the flow stays what it is, for 3 days."""
    issued = pd.date_range("2011-01-10", "2012-12-01", freq="5D")
    last = observed.sel(time=issued).rename(time="issue_time").expand_dims(lead_time=[1, 2, 3])
    return last.transpose("issue_time", "lead_time", "station").drop_vars(["latitude", "longitude"])


def _tables(folder: Path, days: pd.DatetimeIndex, random: np.random.Generator) -> None:
    folder.mkdir()
    season = np.sin(2 * np.pi * (days.day_of_year - 110) / 365)
    frames = []
    for station, (_, _, area) in STATIONS.items():
        rain = random.gamma(0.4, 6.0, len(days))
        flow = pd.Series(rain).ewm(alpha=0.2).mean().to_numpy() * area / 86.4
        flow[days.day_of_year < random.integers(10, 20)] = np.nan  # the gauge freezes every January
        warm = season + random.normal(0, 0.1, len(days))
        columns = {"rain_mm": rain, "temp_c": 9 + 6 * warm, "pet_mm": 1.5 + warm, "flow_m3s": flow}
        frames.append(pd.DataFrame({key: values.round(3) for key, values in columns.items()}, days).assign(ID=station))
    pd.concat(frames).rename_axis("date").to_csv(folder / "daily.csv")
    places = pd.DataFrame.from_dict(STATIONS, orient="index", columns=["latitude", "longitude", "area"])
    places["name"] = [f"River {number} at Town" for number in range(len(places))]
    places.rename_axis("id").to_csv(folder / "attributes.csv")


def _months(folder: Path, days: pd.DatetimeIndex, rain: np.ndarray) -> None:
    folder.mkdir()
    for day, values in zip(days, rain, strict=False):
        with h5py.File(folder / f"{day:%Y-%m}.h5", "a") as file:
            file[f"{day:%Y-%m-%d}"] = values


def _grids(folder: Path, days: pd.DatetimeIndex, rain: np.ndarray) -> None:
    """`stores/gb`: the same gauges under maps of rain."""
    (folder / "my_maps").mkdir()
    with h5py.File(folder / "my_maps" / "rain.h5", "w") as file:
        file["data"], file["dates"] = rain, [f"{day:%Y-%m-%d}" for day in days]
    series = "{kind: series, units: mm/d, paths: daily.csv, variable: rain_mm}"
    text = CONFIGURATION.replace(series, "{paths: ../my_maps/rain.h5}")
    (folder / "gb.yaml").write_text(text.replace("stores/my", "stores/gb"), encoding="utf-8")
    prepare(load_config(folder / "gb.yaml"))


def make_others(folder: Path) -> None:
    """`output/others`: a run that has not seen the gauges 39001 and 9002."""
    kept_apart = ["data.exclude_stations=[39001, 9002]", "data.store=stores/others", "output=output/others"]
    config = load_config(folder / "my.yaml", kept_apart)
    new_run(config, prepare(config))

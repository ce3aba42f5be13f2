"""The model that comes with the package, asked about data in memory, in a folder and by name."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, DataError, RunError
from hydromae.base.evaporation import oudin_evaporation
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.runs.shipped import shipped_models
from hydromae.tasks.forecast import forecast
from hydromae.tasks.loaded import Loaded, load
from hydromae.training.finetune import finetune_config

Hydromae = Callable[..., tuple[int, str, str]]
CAMELS = Path(__file__).resolve().parents[3] / "shared" / "data" / "camels_gb"
# Median NSE of 8 gauges at leads 1, 3 and 7 with the observed weather, 2009-10 to 2012-09 every 10 days.
OF_CAMELS = {1: 0.878, 3: 0.857, 7: 0.846}
PLACE = {"latitude": 52.0, "longitude": -1.5, "area": 120.0}
KNOWN = pd.DataFrame({"latitude": [52.0, 55.5], "longitude": [-1.5, -3.0], "area": [120.0, 40.0]}, index=["7", "12"])


def weather(days: int = 400, seed: int = 0) -> pd.DataFrame:
    """Daily rain, temperature and the flow of a linear store, mm/d, from 2012-01-01 on."""
    random = np.random.default_rng(seed)
    rain = random.gamma(0.4, 6.0, days) * (random.random(days) < 0.5)
    temperature = 9 + 6 * np.sin(2 * np.pi * (np.arange(days) - 110) / 365) + random.normal(0, 2, days)
    flow, stored = np.empty(days), 20.0
    for day in range(days):
        stored = max(stored + rain[day] - 1.0, 0.0)
        flow[day] = 0.06 * stored
        stored -= flow[day]
    index = pd.date_range("2012-01-01", periods=days)
    return pd.DataFrame({"precip": rain, "temp": temperature, "riverflow": flow}, index=index)


@pytest.fixture(scope="module")
def model() -> Loaded:
    return load("gb")


@pytest.fixture(scope="module", params=["gb", "gb_flow"])
def forecaster(request: pytest.FixtureRequest) -> Loaded:
    return load(request.param)


def test_a_model_comes_with_the_package_and_is_called_by_its_bare_name(
    hydromae: Hydromae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "gb" in shipped_models()
    code, output, _ = hydromae("models")
    assert code == 0 and "gb" in output and "604" in output
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="is not a run directory"):
        RunDirectory.open("./gb")  # a folder, which is not here
    with pytest.raises(RunError, match="gb comes with hydromae and has no data of its own; give yours with --data"):
        forecast("gb")
    with pytest.raises(ConfigError, match="nothing is written; name the output"):
        finetune_config(RunDirectory.open("gb"), "forecast")
    assert load_pretrained("gb").config.rolling == ("riverflow",)


def test_a_frame_is_forecast_and_the_flow_follows_from_its_rain(forecaster: Loaded) -> None:
    model, frame = forecaster, weather()
    made = model.forecast(frame, attributes=PLACE)
    assert made["riverflow"].dims == ("issue_time", "lead_time", "station") and made.sizes["lead_time"] == 7
    assert made["issue_time"].values == np.datetime64(frame.index[-1])
    assert (made["riverflow_quantiles"].diff("quantile") >= 0).all() and float(made["riverflow"].min()) >= 0
    known = frame.assign(riverflow=frame["riverflow"].where(frame.index <= frame.index[-8]))
    wet = known.assign(precip=np.where(frame.index > frame.index[-8], 30.0, frame["precip"]))
    dry = known.assign(precip=np.where(frame.index > frame.index[-8], 0.0, frame["precip"]))
    flows = [model.forecast(of, attributes=PLACE, forcing="perfect")["riverflow"] for of in (wet, dry)]
    assert (flows[0] > flows[1]).all() and float((flows[0] - flows[1])[0, -1, 0]) > 0.5


def test_evaporation_that_is_absent_is_computed_and_changes_nothing(
    model: Loaded, caplog: pytest.LogCaptureFixture
) -> None:
    frame = weather()
    day = frame.index.day_of_year.to_numpy()
    computed = oudin_evaporation(frame[["temp"]].to_numpy(np.float32), np.array([52.0]), day)[:, 0]
    without = model.forecast(frame, attributes=PLACE)
    assert "has no evap; it is computed from temperature and latitude (Oudin et al. 2005)" in caplog.text
    given = model.forecast(frame.assign(evap=computed), attributes=PLACE)
    np.testing.assert_allclose(without["riverflow"], given["riverflow"], rtol=1e-5)


@pytest.mark.parametrize("columns", [["riverflow"], ["riverflow", "precip"], ["riverflow", "precip", "temp"]])
def test_it_does_without_what_is_not_there(forecaster: Loaded, columns: list[str]) -> None:
    model, frame = forecaster, weather()[columns]
    made = model.forecast(frame)["riverflow"][0, :, 0]
    recent = frame["riverflow"].iloc[-30:]
    assert np.isfinite(made).all() and 0.2 * recent.mean() < float(made.mean()) < 5 * recent.mean()
    week = model.forecast(frame.iloc[-7:])["riverflow"]
    assert np.isfinite(week).all()


def test_the_model_for_forecasts_alone_says_what_it_was_not_trained_for() -> None:
    model, frame = load("gb_flow"), weather()
    assert model.forecast(frame, attributes=PLACE).attrs["not_trained_for"] == "nothing"
    gap = frame.assign(
        riverflow=frame["riverflow"].where((frame.index.day_of_year < 40) | (frame.index.day_of_year > 50))
    )
    assert "fill gaps of riverflow" in model.infill(gap, attributes=PLACE).attrs["not_trained_for"]
    with pytest.raises(ConfigError, match="neither encoders nor fusion"):
        model.embed(frame, attributes=PLACE)


def test_what_is_unlike_the_training_is_said_with_what_is_usual_there(
    model: Loaded, caplog: pytest.LogCaptureFixture
) -> None:
    assert model.forecast(weather(), attributes=PLACE).attrs["unlike_training"] == "none"
    assert "unlike" not in caplog.text
    warm = weather().assign(temp=lambda frame: frame["temp"] + 20)
    far = model.forecast(warm, attributes={"latitude": -10.0, "longitude": -1.5, "area": 120.0})
    unlike = far.attrs["unlike_training"]
    assert unlike.startswith("gauge: latitude -10 (47.08 to 59.66 are usual there), mean temp ")
    assert "longitude" not in unlike and "area" not in unlike
    assert "station gauge is unlike all that gb was trained on" in caplog.text
    assert far.attrs["runs"] == "gb"


def test_a_station_with_much_more_snow_than_any_of_the_training_is_unlike_it(model: Loaded) -> None:
    frame = weather()
    wet = frame["precip"] > 0
    snowy = frame.assign(temp=np.where(wet, -1.0, frame["temp"] + 6))  # as warm in the mean
    unlike = model.forecast(snowy, attributes=PLACE).attrs["unlike_training"]
    assert unlike == "gauge: snow 100% of the precipitation (16% at most there)"


def test_several_stations_as_a_frame_as_a_data_set_and_in_m3_per_second(model: Loaded) -> None:
    both = pd.concat([weather(seed=1).assign(station="7"), weather(seed=2).assign(station="12")])
    made = model.forecast(both, attributes=KNOWN)
    data = both.rename_axis("time").set_index("station", append=True).to_xarray()
    again = model.forecast(data, attributes=KNOWN).sel(station=made["station"])
    np.testing.assert_allclose(again["riverflow"], made["riverflow"], rtol=1e-5)
    # 1 mm/d of 86.4 km2 is 1 m3/s.
    area = both["station"].map(KNOWN["area"])
    volume = model.forecast(both.assign(riverflow=both["riverflow"] * area / 86.4), attributes=KNOWN,
                            units={"riverflow": "m3/s"})  # fmt: skip
    assert volume["riverflow"].attrs["units"] == "m3/s"
    expected = made["riverflow"] * xr.DataArray(KNOWN.loc[made["station"].values, "area"] / 86.4, dims="station")
    np.testing.assert_allclose(volume["riverflow"], expected, rtol=1e-4)


def test_gaps_are_filled_and_ungauged_stations_simulated(model: Loaded) -> None:
    frame = weather()
    gap = slice("2012-08-01", "2012-08-10")
    holed = frame.assign(riverflow=frame["riverflow"].where(~frame.index.isin(frame.loc[gap].index)))
    filled = model.infill(holed, attributes=PLACE)
    assert (filled["riverflow_flag"].sel(time=gap) == 1).all() and int((filled["riverflow_flag"] == 1).sum()) == 10
    seen = filled["riverflow"].where(filled["riverflow_flag"] == 0)[:, 0].to_series().dropna()
    np.testing.assert_array_equal(seen, frame.loc[seen.index, "riverflow"].astype(np.float32))
    weather_only = frame.drop(columns="riverflow")
    wetter = weather_only.assign(precip=1.5 * weather_only["precip"])
    flows = [model.ungauged(of, attributes=PLACE)["riverflow"][200:, 0] for of in (weather_only, wetter)]
    assert np.isfinite(flows[0]).all() and 0.02 < float(flows[0].mean()) < 5
    assert float(flows[1].mean()) > 1.2 * float(flows[0].mean())


@pytest.mark.slow
@pytest.mark.skipif(not CAMELS.is_dir(), reason="needs ../shared/data/camels_gb")
def test_gauges_of_camels_are_forecast_as_well_as_the_page_says(model: Loaded) -> None:
    series = {"precipitation": "precip", "temperature": "temp", "discharge_spec": "riverflow"}
    attributes = pd.read_csv(CAMELS / "CAMELS_GB_topographic_attributes.csv", index_col="gauge_id")
    stations = sorted(int(path.name.split("_")[4]) for path in CAMELS.glob("*hydromet*"))
    frames = []
    for station in stations:
        name = f"CAMELS_GB_hydromet_timeseries_{station}_19701001-20120930.csv"
        table = pd.read_csv(CAMELS / name, parse_dates=["date"]).rename(columns=series)
        frames.append(table[["date", *series.values()]].assign(station=f"new {station}"))
    data = pd.concat(frames)
    data = data[data["date"] >= "1999-10-01"]
    attributes.index = "new " + attributes.index.astype(str)  # so that none is a station of the training
    issues = pd.date_range("2009-10-01", "2012-09-20", freq="10D")
    made = model.forecast(data, [day.date() for day in issues], attributes=attributes, forcing="perfect")["riverflow"]
    observed = data.pivot(index="date", columns="station", values="riverflow")
    found = {}
    for lead in (1, 3, 7):
        flow = observed.reindex(issues + pd.Timedelta(days=lead))[made["station"].values].to_numpy()
        missed = made.sel(lead_time=lead).values - flow
        found[lead] = float(np.nanmedian(1 - np.nanmean(missed**2, 0) / np.nanvar(flow, 0)))
    assert found == pytest.approx(OF_CAMELS, abs=0.005)


def test_a_folder_is_forecast_as_it_is(hydromae: Hydromae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where its store is left
    folder = tmp_path / "mine"
    folder.mkdir()
    table = weather().rename_axis("date").reset_index().assign(ID=12001)
    table = table.rename(columns={"precip": "rain_mm", "riverflow": "discharge_spec"})
    table.to_csv(folder / "daily.csv", index=False)
    code, output, error = hydromae("forecast", "gb", "--data", folder, "-o", tmp_path / "made.csv")
    assert code == 2 and "set data.modalities.temp.units in it and give --data my.yaml" in " ".join(error.split())
    assert not (tmp_path / "stores").exists()
    table = table.rename(columns={"temp": "temp_c"})
    table.to_csv(folder / "daily.csv", index=False)
    code, output, error = hydromae("forecast", "gb", "--data", folder, "-o", tmp_path / "made.csv")
    assert code == 0, error
    made = pd.read_csv(tmp_path / "made.csv")
    assert len(made) == 7 and np.isfinite(made["riverflow"]).all()
    # Newer data are taken the next time, to their last day, which is not the last of a year.
    longer = weather(900).rename(columns={"precip": "rain_mm", "temp": "temp_c"})
    longer = longer.rename(columns={"riverflow": "discharge_spec"}).rename_axis("date").reset_index()
    longer.assign(ID=12001).to_csv(folder / "daily.csv", index=False)
    code, output, error = hydromae("forecast", "gb", "--data", folder, "-o", tmp_path / "made.csv", "--overwrite")
    assert code == 0, error
    assert pd.read_csv(tmp_path / "made.csv")["issue_time"][0] == str(longer["date"].iloc[-1].date())
    code, output, error = hydromae("infill", "gb", "--data", folder)
    assert code == 2 and "nothing is written; name the output (-o)" in output + error


def test_data_that_cannot_be_asked_about_are_refused(model: Loaded) -> None:
    frame = weather(60)
    with pytest.raises(DataError, match="have none of precip, temp, evap, riverflow; name their columns so"):
        model.forecast(frame.rename(columns=str.upper))
    with pytest.raises(DataError, match="have station gauge twice on 2012-02-29; keep one row"):
        model.forecast(pd.concat([frame, frame.iloc[-1:]]))
    with pytest.raises(DataError, match="has no dimension time"):
        model.forecast(xr.Dataset({"riverflow": ("day", np.ones(4))}))
    with pytest.raises(DataError, match="there are 2 stations; give attributes as a frame"):
        model.forecast(pd.concat([frame.assign(station="1"), frame.assign(station="2")]), attributes=PLACE)
    with pytest.raises(ConfigError, match="is not within the data"):
        model.forecast(frame, "2020-01-01")

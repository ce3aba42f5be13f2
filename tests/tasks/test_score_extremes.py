"""Probabilities of floods and droughts beside those that need no model, on made-up flows of some years."""

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.evaluation.overlap import Overlap
from hydromae.metrics import at_valid_times
from hydromae.results.target import MARKDOWN_MARK
from hydromae.store.store import Store
from hydromae.tasks import score_extremes as module
from hydromae.tasks.score_extremes import leads_of, score_extremes
from support.flows import LEVELS, series
from support.sources import World

Prepared = tuple[World, Store]
TRAIN = (date(2000, 10, 1), date(2011, 9, 30))
FLOW = series(14 * 365, 3)


@pytest.fixture(autouse=True)
def _flows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "series_of", lambda store, stations: xr.Dataset({"riverflow": FLOW}))


def sharp(horizon: int, every: int = 1) -> xr.DataArray:
    """Quantiles that hardly differ from what came."""
    issued, leads = pd.date_range("2011-12-01", "2013-06-01", freq=f"{every}D").values, np.arange(1, horizon + 1)
    blank = xr.DataArray(
        np.zeros((len(issued), horizon, 3)),
        {"issue_time": issued, "lead_time": leads, "station": FLOW["station"].values},
        ("issue_time", "lead_time", "station"),
    )
    spread = xr.DataArray(1 + 1e-9 * (LEVELS - 0.5), {"quantile": LEVELS}, ("quantile",))
    return (at_valid_times(FLOW, blank) * spread).rename("riverflow_quantiles").assign_attrs(FLOW.attrs)


def test_a_sharp_forecast_is_all_but_perfect(prepared: Prepared, tmp_path: Path) -> None:
    made = sharp(3, 1)
    tables = score_extremes("drought", {"none": made}, prepared[1], TRAIN, tmp_path, title="small", resamples=20)
    table = pd.read_csv(tmp_path / "table.csv")
    own = table[(table["model"] == "hydromae") & (table["event"].isin(["below Q95", "below Q70", "SSI below -1"]))]
    assert len(own) == 9 and (own["skill"] > 0.999).all() and (own["f1"] == 1).all()
    season = table[table["model"] == "climatology"]
    assert np.allclose(season["skill"].dropna(), 0) and set(season["lead_times"]) == {"days"}
    warnings = pd.read_csv(tmp_path / "warnings.csv").set_index(["event", "model"])
    assert warnings.loc[("below Q95", "hydromae"), "warned"] == 1
    assert 2 <= warnings.loc[("below Q95", "hydromae"), "warning_days"] <= 3
    reliability = pd.read_csv(tmp_path / "reliability.csv")
    assert reliability["pairs"].sum() == table["pairs"].sum()
    assert "Brier skill score against climatology. small; forcing none" in tables[0].title
    assert (tmp_path / "table.md").read_text() == "\n".join([*(one.markdown() for one in tables), f"{MARKDOWN_MARK}\n"])


def test_the_files_hold_the_probabilities_and_the_scores(prepared: Prepared, tmp_path: Path) -> None:
    made = sharp(2)
    score_extremes("flood", {"perfect": made}, prepared[1], TRAIN, tmp_path, resamples=5)
    with xr.open_dataset(tmp_path / "perfect_days_probabilities.nc", engine="h5netcdf", decode_timedelta=False) as file:
        chance = file["probability"].load()
    assert chance["event"].values.tolist() == ["2-year flood", "5-year flood", "10-year flood"]
    occurs = module.floods(FLOW.sel(time=slice(*map(str, TRAIN))))[0].threshold[0] < made.isel(quantile=0)
    np.testing.assert_allclose(chance.sel(event="2-year flood"), occurs, atol=1e-6)
    with xr.open_dataset(tmp_path / "perfect_days_scores.nc", engine="h5netcdf", decode_timedelta=False) as file:
        assert file["skill"].dims == ("event", "model", "lead_time") and file.attrs["warn_at"] == 0.3
        assert file["station_brier"].sizes["station"] == 3
        assert file["events"].sel(event="2-year flood")[0] == int(occurs.isel(lead_time=0).sum())


def test_horizons_of_two_weeks_and_more_have_weekly_means_too(prepared: Prepared, tmp_path: Path) -> None:
    assert {name: leads.tolist() for name, leads in leads_of(30).items()} == {
        "days": [1, 2, 3, 4, 5, 6, 7],
        "weeks": [7, 14, 21, 28],
    }
    assert list(leads_of(13)) == ["days"] and leads_of(3)["days"].tolist() == [1, 2, 3]
    tables = score_extremes("drought", {"none": sharp(15, 3)}, prepared[1], TRAIN, tmp_path, resamples=5)
    table = pd.read_csv(tmp_path / "table.csv")
    weeks = table[(table["lead_times"] == "weeks") & (table["model"] == "hydromae") & (table["event"] == "below Q70")]
    assert weeks["lead_time"].tolist() == [7, 14] and (weeks["skill"] > 0.999).all()
    assert tables[4].columns == ("event", "forecast", "week to day 7", "week to day 14", "events")
    limit = module.droughts(FLOW.sel(time=slice(*map(str, TRAIN))), 7)[2].threshold[0]
    mean = FLOW.rolling(time=7).mean().sel(time=pd.date_range("2011-12-08", "2013-06-08", freq="3D"))
    assert weeks["events"].tolist()[0] == int((mean < limit).sum())


def test_an_ensemble_stands_beside_forecasts_without_weather(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hydromae.tasks.extreme_ensemble._AT_ONCE", 1000)  # some issue times at a time
    members = (sharp(2) * np.array([0.9, 1.0, 1.0, 1.1, 1.2])).rename(quantile="member").drop_vars("member")
    asked: list[int] = []

    def ensemble(issue_times: pd.DatetimeIndex) -> xr.DataArray:
        asked.append(len(issue_times))
        return members.sel(issue_time=issue_times.values)

    made = {"none": sharp(2, 4), "perfect": sharp(2, 4)}
    score_extremes("drought", made, prepared[1], TRAIN, tmp_path, ensemble=ensemble, resamples=5)
    assert max(asked) == 33 and sum(asked) == 1 + made["none"].sizes["issue_time"]
    table = pd.read_csv(tmp_path / "table.csv")
    assert set(table[table["model"] == "ESP"]["forcing"]) == {"none"}
    own = table[(table["forcing"] == "none") & (table["event"] == "below Q70")].set_index("model")["skill"]
    assert (own["hydromae"] > 0.999).all() and own["ESP"].between(0.5, 0.99).all()


def test_every_row_of_days_that_were_trained_on_says_so(prepared: Prepared, tmp_path: Path) -> None:
    overlap = Overlap(9, "9 of the 60 scored days were trained on")
    tables = score_extremes("flood", {"none": sharp(1, 5)}, prepared[1], TRAIN, tmp_path, resamples=2, overlap=overlap)
    assert all(row[0].endswith(" [trained on]") for table in tables for row in table.rows)
    for name in ("table", "warnings", "reliability"):
        assert (pd.read_csv(tmp_path / f"{name}.csv")["days_trained_on"] == 9).all()


def test_forecasts_of_other_days_than_were_observed_are_refused(prepared: Prepared, tmp_path: Path) -> None:
    made = sharp(1, 30)
    later = made.assign_coords(issue_time=made["issue_time"].values + np.timedelta64(4000, "D"))
    with pytest.raises(DataError, match="no forecast of a flood can be scored"):
        score_extremes("flood", {"none": later}, prepared[1], TRAIN, tmp_path, resamples=2)

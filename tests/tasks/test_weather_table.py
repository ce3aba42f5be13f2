"""Weather forecasts as CSV and parquet tables, and ensembles in any file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.tasks.weather import Weather
from support.stamped import DAYS
from support.weather import open_weather_file

ISSUE = 2  # days since the first one
STATIONS = ("7", "012")


def table(issues: int = 1, members: int = 1, stations: tuple[str, ...] = STATIONS) -> pd.DataFrame:
    """Every row of some issue times, 3 leads, members and stations, all values different; rows in no order."""
    rows = [
        (DAYS[ISSUE + issue], lead, DAYS[ISSUE + issue + lead], str(member), station)
        for issue in range(issues)
        for lead in (1, 2, 3)
        for member in range(1, members + 1)
        for station in stations
    ]
    made = pd.DataFrame(rows, columns=["issue_time", "lead_time", "date", "member", "station"])
    made = made.assign(rain=np.arange(len(made)) + 0.5, evap=np.arange(len(made)) / 8)
    return made.sample(frac=1, random_state=0)


def written(path: Path, made: pd.DataFrame) -> Path:
    made = made.assign(**{name: made[name].astype(str) for name in ("issue_time", "date") if name in made})
    made.to_csv(path, index=False) if path.suffix == ".csv" else made.to_parquet(path, index=False)
    return path


def opened(path: Path, made: pd.DataFrame) -> Weather:
    return open_weather_file(written(path, made), STATIONS)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_of_days_has_each_value_at_its_day_and_station(tmp_path: Path, suffix: str) -> None:
    made = table()
    weather = opened(tmp_path / f"w{suffix}", made[["date", "station", "rain", "evap"]])
    assert set(weather.names) == {"rain", "evap"} and weather.members == ()
    for name in weather.names:
        expected = made.pivot(index="date", columns="station", values=name)[list(STATIONS)].to_numpy(np.float32)
        np.testing.assert_array_equal(weather.after(name, ISSUE, 3)[0], expected)
    beyond = weather.after("rain", ISSUE + 1, 3)[0].numpy()
    assert np.isnan(beyond[2]).all() and not np.isnan(beyond[:2]).any()
    short = (1, DAYS[ISSUE + 1])
    assert weather.lacking_days(DAYS[ISSUE : ISSUE + 2], 3) == {"rain": short, "evap": short}
    assert weather.lacking_days(DAYS[ISSUE : ISSUE + 1], 3) == {}


@pytest.mark.parametrize(
    "columns", [["issue_time", "lead_time"], ["issue_time", "date"], ["issue_time", "lead_time", "date"]]
)
def test_a_table_of_issue_times_gives_each_its_own_weather(tmp_path: Path, columns: list[str]) -> None:
    made = table(issues=2)
    weather = opened(tmp_path / "w.csv", made[[*columns, "station", "rain"]])
    for issue in (0, 1):
        own = made[made["issue_time"] == DAYS[ISSUE + issue]]
        expected = own.pivot(index="lead_time", columns="station", values="rain")[list(STATIONS)]
        np.testing.assert_array_equal(weather.after("rain", ISSUE + issue, 3)[0], expected.to_numpy(np.float32))
    with pytest.raises(DataError, match=rf"w\.csv: rain has no issue time {DAYS[ISSUE + 2]}"):
        weather.after("rain", ISSUE + 2, 3)


def test_a_lead_time_that_is_not_that_of_the_date_is_refused(tmp_path: Path) -> None:
    made = table()
    made.loc[made["date"] == DAYS[ISSUE + 2], "lead_time"] = 1
    with pytest.raises(DataError, match=rf"is of {DAYS[ISSUE + 2]}, but its lead_time after {DAYS[ISSUE]} is 1"):
        opened(tmp_path / "w.csv", made)


def test_lead_times_in_hours_say_so_in_the_header(tmp_path: Path) -> None:
    made = table()
    days = opened(tmp_path / "d.csv", made[["issue_time", "lead_time", "station", "rain"]])
    hours = made.assign(lead_time=made["lead_time"] * 24).rename(columns={"lead_time": "lead_time [hours]"})
    of_hours = opened(tmp_path / "h.csv", hours[["issue_time", "lead_time [hours]", "station", "rain"]])
    np.testing.assert_array_equal(days.after("rain", ISSUE, 3), of_hours.after("rain", ISSUE, 3))
    often = hours.assign(**{"lead_time [hours]": hours["lead_time [hours]"] / 4})
    with pytest.raises(DataError, match=r"has a lead_time of 0\.25 days; give one value for each whole day"):
        opened(tmp_path / "o.csv", often[["issue_time", "lead_time [hours]", "station", "rain"]])


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".nc"])
def test_members_are_an_ensemble_in_their_order(tmp_path: Path, suffix: str) -> None:
    made = table(members=11)
    if suffix == ".nc":
        cube = made.astype({"member": int}).set_index(["issue_time", "lead_time", "member", "station"])[["rain"]]
        data = cube.to_xarray().rename(member="number")  # as ECMWF calls it
        data["issue_time"] = data["issue_time"].astype("datetime64[ns]")
        data["rain"].attrs["units"] = "mm/d"
        data["lead_time"].attrs["units"] = "days"
        data.to_netcdf(tmp_path / "w.nc", engine="h5netcdf")
        weather = open_weather_file(tmp_path / "w.nc", STATIONS)
    else:
        weather = opened(tmp_path / f"w{suffix}", made[["issue_time", "date", "member", "station", "rain"]])
    assert weather.members == tuple(str(member) for member in range(1, 12))
    values = weather.after("rain", ISSUE, 3)
    for place, member in enumerate(weather.members):
        own = made[made["member"] == member].pivot(index="lead_time", columns="station", values="rain")
        np.testing.assert_array_equal(values[place], own[list(STATIONS)].to_numpy(np.float32))


def test_a_series_without_members_is_the_same_in_each(tmp_path: Path) -> None:
    times = DAYS[ISSUE + 1 : ISSUE + 4].astype("datetime64[ns]")
    rain = xr.DataArray(np.arange(6.0).reshape(3, 2, 1), {"time": times, "member": [1, 2], "station": ["7"]},
                        ("time", "member", "station"), attrs={"units": "mm/d"})  # fmt: skip
    data = xr.Dataset({"rain": rain, "evap": rain.isel(member=0, drop=True)})
    data.to_netcdf(tmp_path / "w.nc", engine="h5netcdf")
    weather = open_weather_file(tmp_path / "w.nc")
    assert weather.after("evap", ISSUE, 3)[:, :, 0].tolist() == [[0.0, 2.0, 4.0]] * 2
    assert weather.after("rain", ISSUE, 3)[:, :, 0].tolist() == [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]


def test_one_station_needs_no_column_and_several_do(tmp_path: Path) -> None:
    made = table(stations=("7",))[["date", "rain"]]
    path = written(tmp_path / "w.csv", made)
    expected = made.sort_values("date")["rain"].tolist()
    assert open_weather_file(path).after("rain", ISSUE, 3)[0, :, 0].tolist() == expected
    with pytest.raises(DataError, match=r"w\.csv: rain has dimensions time, and the data have 2 stations; give"):
        open_weather_file(path, STATIONS)


def test_spellings_codes_and_units_are_those_of_other_files(tmp_path: Path) -> None:
    made = table()[["date", "station", "rain"]].replace({"station": {"012": "12.0"}})
    made.loc[made["date"] == DAYS[ISSUE + 2], "rain"] = -99.0
    made = made.rename(columns={"rain": " rain (mm day-1)", "station": "ID"})
    values = opened(tmp_path / "w.csv", made).after("rain", ISSUE, 3)[0].numpy()
    assert np.isnan(values[1]).all() and np.isfinite(values[[0, 2]]).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.rename(columns={"rain": "rain [m/s]"}), r"w\.csv: rain is in m/s, the run's in mm/d"),
        (lambda t: t.rename(columns={"rain": "tp", "evap": "e"}), r"has none of the run's weather series evap, rain"),
        (lambda t: t.rename(columns={"date": "day"}), r"has no column date, only day, .*; write the day of"),
        (lambda t: t.rename(columns={"date": "issue_time"}), r"has issue_time, but neither lead_time"),
        (lambda t: t.assign(rain=t["rain"].where(t["rain"] > 1, 501.0)),
         rf"rain of station 7 on {DAYS[ISSUE + 1]} is 501, above the largest"),
        (lambda t: t.assign(station=t["station"].replace({"7": "8", "012": "9"})),
         r"has weather of stations 8, 9, and of none of the data's \(7, 012\)"),
        (lambda t: pd.concat([t, t[:1]]), r"has day \d{4}-\d\d-\d\d, station (7|012) \(rows 1 and 7\) more than once"),
        (lambda t: t.assign(date=t["date"].astype(str) + "x"), r"column date holds '.*x'; write dates as YYYY-MM-DD"),
        (lambda t: t.assign(date=t["date"].astype(str).where(t["rain"] > 1, "")), r"column date is blank in 1 rows"),
        (lambda t: t.assign(rain="wet"), r"column rain holds 'wet' \(.*station (7|012)\); write a number"),
        (lambda t: t.assign(date=[f"2000-01-01T{i:02d}:00" for i in range(6)], station="7"),
         r"has day 2000-01-01, station 7 \(rows 1 and 2 and 3\) more than once, .*hourly"),
        (lambda t: t[:0], r"has no rows"),
        (lambda t: t.assign(**{"rain [mm]": 1.0}), r"has two columns of rain, rain and rain \[mm\]"),
    ],
)  # fmt: skip
def test_a_table_that_does_not_fit_is_refused_with_its_place(tmp_path: Path, change, message: str) -> None:
    with pytest.raises(DataError, match=message):
        opened(tmp_path / "w.csv", change(table()[["date", "station", "rain", "evap"]]))

"""Weather forecasts in GRIB: what is in the file, joined to days by hand, is what a model reads."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydromae.base.errors import ConfigError, DataError
from hydromae.readers import grib
from hydromae.tasks.loaded import load
from support.gauges import AREAS, gauges
from support.grib import Message, write_grib
from support.stamped import DAYS
from support.weather_maps import open_maps

ISSUE = 2  # days since the first one: 1999-09-30
RUN = f"{DAYS[ISSUE + 1]} 00"
# Cells of 54, 53 and 52 degrees north, 0 to 3 east; the stations lie in the middle of those at 54, 1 and 52, 2.
SHAPE = (3, 4)


def at_stations(grids: np.ndarray) -> np.ndarray:
    """The values of the stations' cells."""
    return np.stack([grids[..., 0, 1], grids[..., 2, 2]], -1)


def drawn(steps: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 8, (steps, *SHAPE))


def accumulated(run: str, rain: np.ndarray, hours: int = 6, member: int | None = None) -> list[Message]:
    """Rain of each step in mm as metres since the start of the run, as ECMWF has it."""
    total = np.cumsum(rain, axis=0) / 1000
    return [Message("tp in m", run, f"0-{(i + 1) * hours}", total[i], member) for i in range(len(total))]


def test_metres_accumulated_from_the_start_are_daily_sums_in_mm(tmp_path: Path) -> None:
    rain = drawn(8)
    weather = open_maps(write_grib(tmp_path / "w.grib2", accumulated(RUN, rain)))
    expected = at_stations(rain.reshape(2, 4, *SHAPE).sum(1))  # [day, station]
    made = weather.after("precip", ISSUE, 2)
    assert made.shape == (1, 2, 2) and weather.names == ("precip",) and weather.lacking == ("temp",)
    np.testing.assert_allclose(made[0], expected, rtol=1e-4)
    assert "accumulated tp in m, 00:00 to 00:00 UTC of the next day" in weather.notes[0]
    assert "precip: m converted to mm/d" in weather.notes
    assert "precip: averaged over a circle of the catchment's area around each gauge" in weather.notes[2]
    third = weather.after("precip", ISSUE, 3)
    np.testing.assert_array_equal(third[:, :2], made)
    assert third[:, 2].isnan().all()
    assert weather.lacking_days(DAYS[ISSUE : ISSUE + 1], 3) == {"precip": (1, DAYS[ISSUE])}


def test_kelvin_at_steps_is_the_mean_of_the_day_in_celsius(tmp_path: Path) -> None:
    kelvin = 280 + drawn(5)
    messages = [Message("2t", RUN, str(6 * i), kelvin[i]) for i in range(5)]
    weather = open_maps(write_grib(tmp_path / "w.grib2", messages, south_first=True))
    mean = (kelvin[0] / 2 + kelvin[1] + kelvin[2] + kelvin[3] + kelvin[4] / 2) / 4 - 273.15
    np.testing.assert_allclose(weather.after("temp", ISSUE, 1)[0, 0], at_stations(mean), atol=1e-4)
    assert "temp: K converted to degC" in weather.notes


def test_pieces_of_members_are_added_for_each_by_itself(tmp_path: Path) -> None:
    # As GEFS: pieces of 3 hours, and of 6 that begin with them.
    rain = {member: drawn(8, member) for member in (0, 1, 2)}
    messages = []
    for hour in range(0, 24, 6):  # members of a step after each other
        for member, own in rain.items():
            place = hour // 3
            both = own[place] + own[place + 1]
            messages.append(Message("tp in kg m-2", RUN, f"{hour}-{hour + 3}", own[place], member))
            messages.append(Message("tp in kg m-2", RUN, f"{hour}-{hour + 6}", both, member))
    weather = open_maps(write_grib(tmp_path / "w.grib2", messages))
    assert weather.members == ("0", "1", "2")
    made = weather.after("precip", ISSUE, 1)
    for member, own in rain.items():
        np.testing.assert_allclose(made[member, 0], at_stations(own.sum(0)), rtol=1e-4)


def test_no_later_run_is_known_at_an_issue_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, later = drawn(12, 1), drawn(12, 2)
    noon = f"{DAYS[ISSUE + 1]} 12"
    path = write_grib(tmp_path / "w.grib2", [*accumulated(noon, later), *accumulated(RUN, first)])
    weather = open_maps(path)
    days = first.reshape(3, 4, *SHAPE).sum(1)
    np.testing.assert_allclose(weather.after("precip", ISSUE, 2)[0], at_stations(days[:2]), rtol=1e-4)
    # At noon of a day it has begun: the first whole day is the next, and the run is that of the issue day itself.
    days = later[2:10].reshape(2, 4, *SHAPE).sum(1)
    np.testing.assert_allclose(weather.after("precip", ISSUE + 1, 2)[0], at_stations(days), rtol=1e-4)
    assert "older" not in caplog.text
    with pytest.raises(DataError, match=rf"first forecast at {DAYS[ISSUE + 1]} 00:00 UTC, later than an issue time of"):
        weather.after("precip", ISSUE - 1, 2)
    np.testing.assert_allclose(weather.after("precip", ISSUE + 2, 1)[0], at_stations(days[1:]), rtol=1e-4)
    assert "1 days older than it could be" in caplog.text


def test_a_day_may_begin_at_nine(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rain = drawn(18)  # 3 hours each
    path = write_grib(tmp_path / "w.grib2", accumulated(RUN, rain, 3))
    open_maps(path)
    said = "days of precip begin at 00:00 UTC, and in the data a value covers 09:00 to 09:00 of the next day"
    assert f"{said}; add --forcing-day 9" in caplog.text
    caplog.clear()
    weather = open_maps(path, day_start=9)
    assert not caplog.text
    # The run of midnight began before 9:00, so that the day from then on is the first.
    np.testing.assert_allclose(weather.after("precip", ISSUE, 1)[0, 0], at_stations(rain[3:11].sum(0)), rtol=1e-4)
    assert "09:00 to 09:00 UTC of the next day" in weather.notes[0]
    with pytest.raises(ConfigError, match="begins at hour 24; give one from 0 to 23"):
        open_maps(tmp_path / "w.grib2", day_start=24)


def test_a_map_that_lacks_a_cell_lacks_the_station_in_it(tmp_path: Path) -> None:
    rain = drawn(4)
    rain[2, 0, 1] = np.nan
    made = open_maps(write_grib(tmp_path / "w.grib2", accumulated(RUN, rain))).after("precip", ISSUE, 1)
    assert made[0, 0, 0].isnan() and made[0, 0, 1] == pytest.approx(rain[:, 2, 2].sum(), rel=1e-4)


def test_rounding_below_no_rain_is_none_and_less_is_refused(tmp_path: Path) -> None:
    for fallen, place in ((0.05, "rounded"), (2.0, "wrong")):
        rain = np.zeros((2, *SHAPE))
        rain[0], rain[1] = 5.0, -fallen
        weather = open_maps(write_grib(tmp_path / f"{place}.grib2", accumulated(RUN, rain, 24)))
        if place == "rounded":
            assert (weather.after("precip", ISSUE, 2)[0, 1] == 0).all()
        else:
            with pytest.raises(
                DataError, match=rf"precip at station 0 on {DAYS[ISSUE + 2]} is -[12].*smallest possible"
            ):
                weather.after("precip", ISSUE, 2)


def test_a_model_of_series_runs_with_each_member_of_a_file(tmp_path: Path) -> None:
    # The catchments of two gauges lie within cells of half a degree; what these have on each day is known.
    model, random = load("gb"), np.random.default_rng(3)
    fallen, warm = random.gamma(0.5, 12.0, (3, 7, 9, 6)), random.normal(10, 3, (3, 7, 9, 6))
    messages = []
    for member in (1, 2, 3):
        own = np.cumsum(fallen[member - 1], axis=0) / 1000
        messages += [Message("tp in m", "2012-10-01 00", f"0-{24 * (i + 1)}", own[i], member) for i in range(7)]
        # Alike on both sides of each noon, so that the mean over a day is that of midnight and noon.
        for i in range(7):
            messages.append(
                Message("2t", "2012-10-01 00", str(24 * i + 12), 2 * warm[member - 1, i] - 10 + 273.15, member)
            )
        messages += [Message("2t", "2012-10-01 00", str(24 * i), np.full((9, 6), 283.15), member) for i in range(8)]
    path = write_grib(tmp_path / "w.grib2", messages, north=56.0, west=-3.5, step=0.5)
    cells = {"7": (8, 4), "12": (1, 1)}  # of 52.0, -1.5 and 55.5, -3.0
    rows = [
        (day, station, str(member), fallen[member - 1, i][cell], warm[member - 1, i][cell])
        for member in (1, 2, 3)
        for i, day in enumerate(pd.date_range("2012-10-01", periods=7))
        for station, cell in cells.items()
    ]
    pd.DataFrame(rows, columns=["date", "station", "member", "precip", "temp"]).to_csv(tmp_path / "w.csv", index=False)
    of_maps, of_table = (
        model.forecast(gauges(200), attributes=AREAS, forcing=str(tmp_path / name)) for name in (path.name, "w.csv")
    )
    assert of_maps["member"].values.tolist() == ["1", "2", "3"] and set(of_maps) == set(of_table)
    for name in ("riverflow", "riverflow_members", "riverflow_quantiles"):
        np.testing.assert_allclose(of_maps[name], of_table[name], rtol=2e-3, atol=1e-5)
    said = of_maps.attrs["forcing_notes"]
    assert "precip: m converted to mm/d" in said and "a circle of the catchment's area" in said


def test_a_step_twice_and_a_mixture_with_a_single_forecast_are_refused(tmp_path: Path) -> None:
    messages = accumulated(RUN, drawn(4))
    with pytest.raises(DataError, match=r"twice\.grib2: has tp of the run of .* hours 0 to 6, more than once"):
        open_maps(write_grib(tmp_path / "twice.grib2", [*messages, messages[0]]))
    mixed = [*messages, *accumulated(RUN, drawn(4), member=1)]
    with pytest.raises(DataError, match="has members and a forecast without a member"):
        open_maps(write_grib(tmp_path / "mixed.grib2", mixed))


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = write_grib(tmp_path / "w.grib2", accumulated(RUN, drawn(4)))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"w\.grib2: is damaged or cut short"):
        open_maps(path)


def test_more_cells_than_any_grid_has_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_grib(tmp_path / "w.grib2", accumulated(RUN, drawn(4)))
    monkeypatch.setattr(grib, "MAX_CELLS", 11)
    with pytest.raises(DataError, match="declares 3 x 4 cells, not from 2 x 2 to 11"):
        open_maps(path)


def test_without_eccodes_the_remedy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    (tmp_path / "w.grib2").write_bytes(b"GRIB" + bytes(100))
    monkeypatch.setattr(grib, "import_module", absent)
    with pytest.raises(DataError, match=r"w\.grib2: is GRIB.*pip install 'hydromae\[grib\]'"):
        open_maps(tmp_path / "w.grib2")

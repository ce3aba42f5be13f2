"""CAMELS-GB and NRFA files: one a station."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydromae.base.errors import DataError
from hydromae.base.units import same_units
from hydromae.readers import open_camels_gb, open_nrfa_gdf
from support.readers_sources import write_camels, write_nrfa
from support.sources import day_range

DAYS = day_range(date(2001, 2, 20), date(2001, 3, 10))
FLOW = np.round(np.random.default_rng(0).lognormal(size=(len(DAYS), 2)), 3)
FLOW[4:7, 0] = np.nan


def _expected(shift: int) -> np.ndarray:
    """The second station's record begins and ends `shift` days later."""
    values = np.full((len(DAYS) + shift, 2), np.nan, np.float32)
    values[: len(DAYS), 0], values[shift:, 1] = FLOW[:, 0], FLOW[:, 1]
    return values


def test_camels_stations_stand_side_by_side_on_all_days(tmp_path):
    columns = [{"pet": FLOW[:, i] + 1, "discharge_vol": FLOW[:, i]} for i in range(2)]
    paths = [
        write_camels(tmp_path, "10003", DAYS + np.timedelta64(5, "D"), columns[1]),
        write_camels(tmp_path, "9001", DAYS, columns[0]),
    ]
    series = open_camels_gb(paths, "discharge_vol")
    assert series["station"].values.tolist() == ["9001", "10003"] and series.attrs["units"] == "m3/s"
    assert series["time"].values[0] == DAYS[0] and series["time"].values[-1] == DAYS[-1] + np.timedelta64(5, "D")
    np.testing.assert_array_equal(series.values, _expected(5))
    assert open_camels_gb(paths, "pet").attrs["units"] == "mm/d"


def test_nrfa_stations_stand_side_by_side_and_blanks_are_missing(tmp_path):
    paths = [
        write_nrfa(tmp_path / "a.csv", "9001", DAYS, FLOW[:, 0]),
        write_nrfa(tmp_path / "b.csv", "10003", DAYS + np.timedelta64(5, "D"), FLOW[:, 1], units="cumecs"),
    ]
    series = open_nrfa_gdf(paths)
    assert series["station"].values.tolist() == ["9001", "10003"]
    assert series.name == "gdf" and series.attrs["units"] == "m3/s"
    np.testing.assert_array_equal(series.values, _expected(5))


def test_nrfa_headers_say_what_stations_are_called(tmp_path):
    names = {"10003": "Ythan, at Ellon", "9001": "", "9002": "Deveron at Muiresk"}
    paths = [write_nrfa(tmp_path / f"{i}.csv", i, DAYS, FLOW[:, 0], name=name) for i, name in names.items()]
    series = open_nrfa_gdf(paths)
    assert dict(zip(series["station"].values, series["station_name"].values, strict=True)) == names
    assert "station_name" not in open_nrfa_gdf(paths[1:2]).coords


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2001-02-22,", "2001-02-2x,", "cannot be read .*2001-02-2x"),
        ("2001-02-22,", "2001-02-21,", "has 2001-02-21 of station 9001 more than once"),
        ("2001-02-22,", "2001-02-22,rain", "cannot be read .*rain"),
        ("2001-02-22,", ",", "column date is blank in 1 rows"),
        ("discharge_vol", "discharge", "has no column discharge_vol, only date, discharge; did you mean discharge"),
        ("date,", "day,", "has no column date"),
    ],
)
def test_what_is_wrong_in_a_camels_file_is_named(tmp_path, old, new, message):
    path = write_camels(tmp_path, "9001", DAYS, {"discharge_vol": FLOW[:, 0]})
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=rf"CAMELS_GB_hydromet_timeseries_9001_\S+: {message}"):
        open_camels_gb([path], "discharge_vol")


def test_a_camels_file_of_another_name_or_without_rows_or_twice_is_named(tmp_path):
    path = write_camels(tmp_path, "9001", DAYS, {"pet": FLOW[:, 0]})
    with pytest.raises(DataError, match=r"holds station 9001, as .* does; keep one"):
        open_camels_gb([path, write_camels(tmp_path / "again", "9001", DAYS, {"pet": FLOW[:, 0]})], "pet")
    path.write_text("date,pet\n")
    with pytest.raises(DataError, match="has no rows of values"):
        open_camels_gb([path], "pet")
    with pytest.raises(DataError, match=r"9001\.csv: its name does not say which station"):
        open_camels_gb([path.rename(tmp_path / "9001.csv")], "pet")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("station,id,9001", "station,name,9001", "header has no line station,id"),
        ("dataType,units", "dataType,unit", "header has no line dataType,units"),
        ("data,last", "data,end", "header has no line data,last"),
        ("2001-02-22,", "22/02/2001,", "line 12 holds '22/02/2001' and "),
        ("2001-02-22,", "2001-02-22,wet,", "line 12 holds '2001-02-22' and 'wet'"),
        ("2001-02-22,", "2001-02-21,", "has 2001-02-21 of station 9001 more than once"),
        ("day (P1D)", "month (P1M)", r"holds values of one month \(P1M\), not of a day"),
    ],
)
def test_what_is_wrong_in_an_nrfa_file_is_named(tmp_path, old, new, message):
    path = write_nrfa(tmp_path / "a.csv", "9001", DAYS, FLOW[:, 0])
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=rf"a\.csv: .*{message}"):
        open_nrfa_gdf([path])


def test_nrfa_files_of_other_units_or_without_rows_are_named(tmp_path):
    paths = [write_nrfa(tmp_path / f"{i}.csv", i, DAYS, FLOW[:, 0], units=u) for i, u in (("1", "m3/s"), ("2", "mm"))]
    with pytest.raises(DataError, match=r"2\.csv: holds gdf in mm, but .*1\.csv gdf in m3/s"):
        open_nrfa_gdf(paths)
    paths[0].write_text(paths[0].read_text().split(f"data,last,{DAYS[-1]}\n")[0] + f"data,last,{DAYS[-1]}\n")
    with pytest.raises(DataError, match=r"1\.csv: has no rows of values"):
        open_nrfa_gdf(paths[:1])


SPELLINGS = (("mm", "mm/day", "mm d-1", "mm/d"), ("degC", "degrees_C", "Celsius"), ("m3/s", "m3 s-1"), ("K",))


@given(st.sampled_from([(i, s) for i, g in enumerate(SPELLINGS) for s in g]), st.data())
def test_units_are_the_same_within_a_group_of_spellings_alone(one, data):
    other = data.draw(st.sampled_from([(i, s) for i, g in enumerate(SPELLINGS) for s in g]))
    assert same_units(one[1], other[1]) == (one[0] == other[0])

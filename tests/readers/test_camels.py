"""The CAMELS family by one table, on made-up twins of each data set's layout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hydromae.base.errors import DataError
from hydromae.base.units import conversion
from hydromae.config import ModalityConfig
from hydromae.readers.camels import is_camels, layout_named, open_camels
from hydromae.readers.camels_layouts import LAYOUTS
from hydromae.readers.detect import find_reader
from support import camels_twins as twins

Write = Callable[[Path], dict[str, np.ndarray]]
FLOWS: list[tuple[Write, str, str, str, str]] = [
    (twins.write_us, "**/*_streamflow_qc.txt", "camels_us_flow", "streamflow", "ft3/s"),
    (twins.write_br, "02*/*.txt", "camels_br", "streamflow_m3s", "m3/s"),
    (twins.write_cl, "2_*/*.txt", "camels_cl", "any", "m3/s"),
    (twins.write_aus, "03*/streamflow_MLd.csv", "camels_aus", "any", "ML/d"),
    (twins.write_ch, "timeseries/obs*/*.csv", "camels_ch", "discharge_vol", "m3/s"),
    (twins.write_de, "timeseries/*.csv", "camels_de", "discharge_vol_obs", "m3/s"),
]


@pytest.mark.parametrize(("write", "files", "reader", "variable", "units"), FLOWS, ids=[flow[2] for flow in FLOWS])
def test_flow_of_every_data_set_is_what_its_files_say(
    tmp_path: Path, write: Write, files: str, reader: str, variable: str, units: str
) -> None:
    flow = write(tmp_path)
    paths, layout = sorted(tmp_path.glob(files)), layout_named(reader)
    assert layout is not None and all(is_camels(path, layout) for path in paths)
    assert [one.name for one in LAYOUTS if is_camels(paths[0], one)] == [reader]
    series = open_camels(paths, variable, layout)
    assert series.attrs["units"] == units and series["station"].values.tolist() == sorted(flow)
    np.testing.assert_array_equal(
        series["time"].values.astype("datetime64[D]"), twins.DAYS.values.astype("datetime64[D]")
    )
    for station, expected in flow.items():
        known = np.where(np.isin(expected, [-999.0, -99.99]), np.nan, expected)
        np.testing.assert_allclose(series.sel(station=station), known, rtol=1e-6)
    assert np.isnan(series.values[5, 0]) and np.isnan(series.values).sum() == (1 if layout.wide else len(flow))


def test_units_of_archives_become_m3_per_second() -> None:
    assert conversion("ft3/s", "m3/s")[0] == pytest.approx(0.028316846592)
    assert conversion("ML/d", "m3/s")[0] == pytest.approx(1000 / 86400)


def test_the_mean_of_minimum_and_maximum_stands_for_a_mean_that_is_not_there(tmp_path: Path) -> None:
    twins.write_us(tmp_path)
    paths, layout = sorted(tmp_path.glob("**/*_cida_forcing_leap.txt")), layout_named("camels_us_daymet")
    assert layout is not None and all(is_camels(path, layout) for path in paths)
    low, high, mean = (open_camels(paths, name, layout).values for name in ("tmin", "tmax(C)", "tmean"))
    np.testing.assert_allclose(mean, (low + high) / 2, rtol=1e-5)
    others, maurer = sorted(tmp_path.glob("**/*_maurer_*.txt")), layout_named("camels_us_maurer")
    assert maurer is not None and is_camels(others[0], maurer) and not is_camels(others[0], layout)
    np.testing.assert_array_equal(open_camels(others, "PRCP(mm/day)", maurer), open_camels(paths, "prcp", layout))
    rain = open_camels(paths, "prcp(mm/day)", layout)
    np.testing.assert_allclose(rain.sel(station="01013500"), twins.values(10, 3.0), rtol=1e-6)


def test_a_comma_parts_the_columns_of_newer_swiss_files(tmp_path: Path) -> None:
    flow, layout = twins.write_ch(tmp_path, separator=","), layout_named("camels_ch")
    assert layout is not None
    paths = sorted(tmp_path.glob("timeseries/obs*/*.csv"))
    np.testing.assert_allclose(open_camels(paths, "discharge_vol", layout).sel(station="2007"), flow["2007"], rtol=1e-6)
    assert open_camels(paths, "temperature_mean", layout).attrs["units"] == "degC"


def test_what_is_wrong_is_named_with_file_row_and_remedy(tmp_path: Path) -> None:
    twins.write_de(tmp_path)
    layout, path = layout_named("camels_de"), sorted(tmp_path.glob("timeseries/*.csv"))[0]
    assert layout is not None
    with pytest.raises(DataError, match=r"DE110000\.csv: has no discharge, only discharge_vol_obs, .*did you mean"):
        open_camels([path], "discharge", layout)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:4], lines[4].replace("1999-01-04", "soon"), *lines[5:]]))
    with pytest.raises(DataError, match=r"row 4 of the values is of 'soon', no date"):
        open_camels([path], "discharge_vol_obs", layout)
    path.write_text("\n".join([lines[0], lines[1].replace(",", ",x", 1), *lines[2:]]))
    with pytest.raises(DataError, match=r"discharge_vol_obs is 'x.*' in row 1 of the values; write a number"):
        open_camels([path], "discharge_vol_obs", layout)


def test_a_table_of_ones_own_under_such_a_name_is_none_of_them(tmp_path: Path) -> None:
    path = tmp_path / "q_mm_day.csv"
    path.write_text("day,ID,q\n2001-01-01,7,1.0\n")
    assert not any(is_camels(path, layout) for layout in LAYOUTS)
    assert find_reader(path, "riverflow", ModalityConfig(kind="series", units="m3/s")).name == "table"

"""A store as folders of Caravan, and back."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydromae.base.errors import ConfigError, DataError
from hydromae.config.read import load_config
from hydromae.init import init, write_config
from hydromae.readers import open_caravan
from hydromae.readers.camels import is_camels, layout_named, open_camels
from hydromae.results.caravan import export_caravan
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.store.view import open_store
from support.sources import World


def test_netcdf_and_csv_hold_the_series_under_caravan_s_names_and_units(
    prepared: tuple[World, Store], tmp_path: Path
) -> None:
    store = prepared[1]
    folder, expected = export_caravan(store, tmp_path / "out", "mine"), open_store(store).load()
    arrays = sorted((folder / "timeseries" / "netcdf" / "mine").iterdir())
    assert [path.stem for path in arrays] == sorted(f"mine_{station}" for station in store.station_ids)
    read, area = open_caravan(arrays, "streamflow"), expected["area"].values
    assert read.attrs["units"] == "mm/d"
    for place, station in enumerate(store.station_ids):
        specific = expected["riverflow"].values[:, place] * 86.4 / area[place]
        np.testing.assert_allclose(read.sel(station=f"mine_{station}").values, specific, rtol=1e-5)
    layout = layout_named("caravan_csv")
    tables = sorted((folder / "timeseries" / "csv" / "mine").iterdir())
    assert layout is not None and pd.read_csv(tables[0]).columns[0] == "date"
    table = pd.read_csv(folder / "attributes" / "mine" / "attributes_other_mine.csv")
    assert table["gauge_id"].tolist() == [f"mine_{station}" for station in store.station_ids]
    np.testing.assert_allclose(table["area"], area, rtol=1e-6)
    evap = open_caravan(arrays, "potential_evaporation_sum").sel(station=f"mine_{store.station_ids[0]}")
    np.testing.assert_array_equal(evap.values, expected["evap"].values[:, 0])


def test_caravan_s_csvs_are_known_by_their_header_and_prepared_by_what_init_writes(tmp_path: Path) -> None:
    days = pd.date_range("1999-01-01", "2001-12-31")
    random = np.random.default_rng(0)
    folder = tmp_path / "caravan" / "timeseries" / "csv" / "camels"
    folder.mkdir(parents=True)
    flow = {}
    for station in ("camels_01013500", "camels_01022500"):
        table = pd.DataFrame(
            {
                "date": days.strftime("%Y-%m-%d"),
                "dewpoint_temperature_2m_mean": 1.0,
                "potential_evaporation_sum_FAO_PENMAN_MONTEITH": random.gamma(2, 1, len(days)).round(2),
                "temperature_2m_mean": random.normal(9, 5, len(days)).round(2),
                "total_precipitation_sum": random.gamma(1, 4, len(days)).round(2),
                "streamflow": random.gamma(2, 1, len(days)).round(2) + 0.1,
            }
        )
        table.loc[3, "streamflow"] = np.nan
        table.to_csv(folder / f"{station}.csv", index=False)
        flow[station] = table["streamflow"].to_numpy()
    paths, layout = sorted(folder.iterdir()), layout_named("caravan_csv")
    assert layout is not None and is_camels(paths[0], layout)
    series = open_camels(paths, "streamflow", layout)
    np.testing.assert_allclose(series.sel(station="camels_01022500").values, flow["camels_01022500"], rtol=1e-6)
    result = init(tmp_path / "caravan")
    config = load_config(write_config(result, tmp_path / "my.yaml"), [f"data.store={tmp_path / 'store'}"])
    assert set(config.data.modalities) == {"precip", "temp", "evap", "riverflow"}
    with open_store(prepare(config)) as store:
        read = store["riverflow"].sel(station="camels_01013500").values
        np.testing.assert_allclose(read, flow["camels_01013500"], rtol=1e-3)


def test_what_cannot_be_written_is_refused(prepared: tuple[World, Store], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="letters and digits"):
        export_caravan(prepared[1], tmp_path / "out", "my source")
    (tmp_path / "there").mkdir()
    with pytest.raises(DataError, match="is not replaced; remove it"):
        export_caravan(prepared[1], tmp_path / "there", "mine")
    with pytest.raises(ConfigError, match="is a grid"):
        export_caravan(prepared[1], tmp_path / "out", "mine", names=["precip"])

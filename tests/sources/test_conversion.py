"""Values are converted where convert_from says from what, and nowhere else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hydromae.base.errors import ConfigError, DataError
from hydromae.config import DataConfig
from hydromae.config.read import build_config
from hydromae.sources.joined import open_modality
from hydromae.sources.source import Source, open_source
from hydromae.store.prepare import prepare
from support.readers_sources import write_netcdf
from support.sources import World, write_table

DAYS = np.arange(np.datetime64("2001-01-01"), np.datetime64("2001-01-05"))
CODES = (-99999.0,)


def opened(name: str, path: Path, **settings: Any) -> Source:
    config = DataConfig.model_validate({"modalities": {name: {"paths": path.name, **settings}}})
    return open_source(name, config.modalities[name], path.parent, CODES)


def grid(path: Path, value: float, units: str) -> Path:
    return write_netcdf(path, np.full((len(DAYS), 4, 3), value, np.float32), DAYS, units=units)


@pytest.mark.parametrize(
    ("name", "units", "value", "converted"),
    [
        ("temp", "K", 283.15, 10.0),
        ("precip", "kg m-2 s-1", 2e-4, 17.28),
        ("precip", "m", 0.0123, 12.3),
        ("soil", "%", 35.0, 0.35),
    ],
)
def test_a_grid_is_read_in_the_units_of_the_configuration(
    tmp_path: Path, name: str, units: str, value: float, converted: float
) -> None:
    source = opened(name, grid(tmp_path / "a.nc", value, units), convert_from=units)
    np.testing.assert_allclose(source.read(DAYS[0], len(DAYS)), converted, rtol=1e-6)
    assert any(f"values are converted from {units} to {source.settings.units}" in note for note in source.notes)


def test_codes_are_of_the_file_and_limits_of_the_configuration(tmp_path: Path) -> None:
    values = np.array([[280.15, -99999.0], [290.15, 300.15], [270.15, 280.15], [280.15, 280.15]], np.float32)
    path = write_table(tmp_path / "t.csv", DAYS, [1, 2], {"temp": values})
    source = opened("temp", path, kind="series", convert_from="K", minimum=-5, maximum=30)
    expected = [[7.0, np.nan], [17.0, 27.0], [-3.0, 7.0], [7.0, 7.0]]
    np.testing.assert_allclose(source.read(DAYS[0], 4), expected, atol=1e-4)


def test_a_file_in_a_unit_that_can_be_converted_is_refused_with_the_key_that_converts_it(tmp_path: Path) -> None:
    path = grid(tmp_path / "a.nc", 283.15, "K")
    with pytest.raises(DataError, match=r"to have it converted, set data\.modalities\.temp\.convert_from to K"):
        opened("temp", path)
    opened("temp", path, convert_from="K")
    with pytest.raises(DataError, match=r"is in K, but data\.modalities\.temp\.convert_from is degF; set it to K"):
        opened("temp", path, convert_from="degF")


def test_a_source_among_several_is_converted_for_itself(tmp_path: Path) -> None:
    flow = np.array([[1.0], [2.0], [3.0], [4.0]], np.float32)
    write_table(tmp_path / "a.csv", DAYS, [1], {"discharge_vol": flow})
    write_table(tmp_path / "b.csv", DAYS, [2], {"discharge_vol": 1000 * flow})
    raw = {"sources": {"a": {"paths": "a.csv"}, "b": {"paths": "b.csv", "convert_from": "l/s"}}}
    settings = DataConfig.model_validate({"modalities": {"riverflow": raw}}).modalities["riverflow"]
    joined = open_modality("riverflow", settings, tmp_path, CODES)
    np.testing.assert_allclose(joined.read(DAYS[0], 4), np.repeat(flow, 2, axis=1), rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "said"),
    [("bananas", "'bananas' is no known unit"), ("mm/d", "mm/d cannot become degC, since they measure different")],
)
def test_a_unit_that_cannot_be_converted_is_an_error_of_its_key(given: str, said: str) -> None:
    raw = {"data": {"modalities": {"temp": {"paths": "a.nc", "convert_from": given}}}}
    with pytest.raises(ConfigError, match=rf"data\.modalities\.temp: {said}"):
        build_config(raw)


def test_a_store_that_was_made_before_there_was_a_conversion_stays_valid(world: World) -> None:
    assert all("convert_from" not in one for one in prepare(world.config()).provenance.options["modalities"].values())


def test_a_store_holds_converted_values_and_is_another_than_without(world: World) -> None:
    plain = prepare(world.config())
    raw = world.raw["data"]["modalities"]["evap"]
    raw["convert_from"] = "cm/d"
    world.raw["data"]["store"] = str(world.root / "other")
    converted = prepare(world.config())
    days = slice(0, plain.n_days)
    np.testing.assert_allclose(converted.read("evap", days), 10 * plain.read("evap", days), rtol=1e-6)
    assert converted.fingerprint != plain.fingerprint

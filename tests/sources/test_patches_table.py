import csv

import pytest
import yaml
from typer.testing import CliRunner

from hydromae.app.cli import app, main
from hydromae.base.errors import ConfigError
from hydromae.sources.patches_table import station_patches
from support.placed import place


@pytest.fixture
def config_file(world):
    """The configuration as a file; of the sources, all grids are gone."""
    place(world)
    for grid in world.root.glob("*.h5"):
        grid.unlink()
    path = world.root / "config.yaml"
    path.write_text(yaml.safe_dump(world.raw))
    return path


def test_the_command_prints_extents_and_savings_and_writes_the_groups(world, config_file, tmp_path):
    target = tmp_path / "out" / "patches.csv"
    arguments = ["data", "patches", str(config_file), "--aggregate", "2", "-o", str(target)]
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "4 stations in 2 groups of 2" in result.output
    assert "4 stations -> 2 cells, 2.0 times fewer tokens at one station a token" in result.output
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "latitude", "longitude", "group", "order", "cell"]
    found = [(row["id"], row["group"], row["order"], row["cell"]) for row in rows]
    assert found == [
        ("9002", "0", "0", "cell_00_01"),
        ("27003", "0", "1", "cell_00_01"),
        ("101", "1", "2", "cell_01_00"),
        ("39001", "1", "3", "cell_01_00"),
    ]
    assert [path.name for path in target.parent.iterdir()] == ["patches.csv"]


def test_spatial_groups_are_smaller_and_without_aggregate_there_is_no_cell(config_file, world, tmp_path):
    found = station_patches(world.config())
    given, spatial = found.extents(found.order[[0, 2, 1, 3]]), found.extents(found.order)
    assert spatial.max() < 30 < 800 < given.min()
    assert found.sentence() == ""
    found.write(tmp_path / "patches.csv")
    assert (tmp_path / "patches.csv").read_text().splitlines()[0] == "id,latitude,longitude,group,order"


def test_the_configured_aggregate_is_taken_unless_another_is_given(config_file, world):
    config = world.config("data.aggregate=1")
    assert station_patches(config).grid.n_cells == 1
    assert station_patches(config, 100).grid.n_cells == 4


def test_without_coordinates_the_command_ends_with_exit_code_2(config_file, monkeypatch, capsys):
    monkeypatch.setattr(
        "sys.argv", ["hydromae", "data", "patches", str(config_file), "data.attributes.columns=[latitude]"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "grouping stations in space needs longitude" in capsys.readouterr().err


def test_without_series_there_is_nothing_to_group(config_file, world):
    world.raw["data"]["modalities"] = {"precip": {"paths": ["precip.h5"]}}
    with pytest.raises(ConfigError, match="names no series"):
        station_patches(world.config())

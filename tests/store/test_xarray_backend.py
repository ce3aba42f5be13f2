"""Stores opened by xarray itself."""

import tomllib
from importlib import import_module
from pathlib import Path

import pytest
import xarray as xr
from xarray.backends.plugins import list_engines

from hydromae.base.errors import DataError
from hydromae.store.store import Store
from hydromae.store.view import open_store
from hydromae.store.xarray_backend import HydromaeBackend
from support.sources import World

ROOT = Path(__file__).parents[2]


def test_xarray_opens_what_open_store_opens(prepared: tuple[World, Store]) -> None:
    path = prepared[1].path
    opened, expected = xr.open_dataset(path, engine=HydromaeBackend), open_store(path)
    xr.testing.assert_identical(opened, expected)
    assert HydromaeBackend().guess_can_open(path) and not HydromaeBackend().guess_can_open(path.parent)


def test_variables_are_left_out_by_name_and_what_is_no_store_is_said(
    prepared: tuple[World, Store], tmp_path: Path
) -> None:
    kept = xr.open_dataset(prepared[1].path, engine=HydromaeBackend, drop_variables="precip")
    assert "precip" not in kept and "riverflow" in kept
    with pytest.raises(DataError, match="store"):
        xr.open_dataset(tmp_path, engine=HydromaeBackend)


def test_the_package_registers_the_engine_and_xarray_finds_it(
    prepared: tuple[World, Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["xarray.backends"][
        "hydromae"
    ]
    module, _, name = entry.partition(":")
    assert getattr(import_module(module), name) is HydromaeBackend
    installed = tmp_path / "as_installed-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: as-installed\nVersion: 1\n")
    (installed / "entry_points.txt").write_text(f"[xarray.backends]\nhydromae = {entry}\n")
    monkeypatch.syspath_prepend(tmp_path)
    list_engines.cache_clear()
    try:
        for named in ({"engine": "hydromae"}, {}):
            xr.testing.assert_identical(xr.open_dataset(prepared[1].path, **named), open_store(prepared[1]))
    finally:
        list_engines.cache_clear()

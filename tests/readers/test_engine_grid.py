"""Grids that an engine of xarray opens."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from xarray.backends import BackendEntrypoint, plugins

from hydromae.base.errors import ConfigError, DataError
from hydromae.config import ModalityConfig
from hydromae.sources.source import Source, open_source

DAYS = np.arange(np.datetime64("2010-03-01"), np.datetime64("2010-03-05"))


class _Lines(BackendEntrypoint):
    """A number a line, a day each, on four cells; its times are decoded."""

    open_dataset_parameters = ("filename_or_obj", "drop_variables")

    def open_dataset(self, filename_or_obj: Any, *, drop_variables: Any = None) -> xr.Dataset:  # type: ignore[override]
        values = np.loadtxt(filename_or_obj)[:, None, None] * [[1.0, 2.0], [3.0, 4.0]]
        values[:, 1, 1] = -999
        return xr.Dataset(
            {"rain": (("time", "lat", "lon"), values, {"units": "mm", "_FillValue": -999.0})},
            {"time": DAYS[: len(values)].astype("datetime64[ns]"), "lat": [50.0, 51.0], "lon": [1.0, 2.0]},
        )


@pytest.fixture(autouse=True)
def _engine(monkeypatch: pytest.MonkeyPatch) -> None:
    engines = {**plugins.list_engines(), "lines": _Lines()}
    monkeypatch.setattr(plugins, "list_engines", lambda: engines)
    monkeypatch.setattr(xr.backends, "list_engines", lambda: engines)


def _opened(root: Path, **settings: Any) -> Source:
    given = {"kind": "grid", "units": "mm", "paths": "a.lines", "engine": "lines", **settings}
    return open_source("rain", ModalityConfig(**given), root, ())


def test_a_grid_of_an_engine_is_read_as_one_of_netcdf(tmp_path: Path) -> None:
    (tmp_path / "a.lines").write_text("1\n2\n3\n")
    source = _opened(tmp_path)
    values = source.read(DAYS[0], 3)
    # Its rows run from the south, so they are turned.
    np.testing.assert_array_equal(values[1], [[6, np.nan], [2, 4]])
    assert source.held.tolist() == DAYS[:3].tolist()
    assert (
        "rain: read by xarray's engine lines" in source.notes and source.why == "named by data.modalities.rain.engine"
    )


def test_what_an_engine_cannot_open_and_engines_that_are_not_there_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.lines").write_text("one\n")
    with pytest.raises(DataError, match=r"a\.lines: cannot be opened by xarray's engine lines .*name another engine"):
        _opened(tmp_path)
    with pytest.raises(ConfigError, match=r"xarray has no engine none, only .*lines.*; install the package"):
        _opened(tmp_path, engine="none")
    with pytest.raises(ConfigError, match="leave the modality's key engine out"):
        _opened(tmp_path, engine="zarr")

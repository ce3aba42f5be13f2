"""The data that a picture finds behind a file."""

import logging
from pathlib import Path

import pytest
import xarray as xr

from hydromae.plots.records import store_behind


def test_data_that_are_there_and_cannot_be_opened_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "store").mkdir()
    with caplog.at_level(logging.WARNING):
        assert store_behind(xr.Dataset(attrs={"data": str(tmp_path / "moved")}), None) is None
        assert not caplog.records
        assert store_behind(xr.Dataset(attrs={"data": str(tmp_path / "store")}), None) is None
    assert "the picture shows no observations" in caplog.text and str(tmp_path / "store") in caplog.text

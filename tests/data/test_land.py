"""Land, where no mask says what it is."""

from datetime import date

import numpy as np
import pytest
from sources import day_range, write_grid

from hydromae.config_io import build_config
from hydromae.data.plan import make_plan
from hydromae.errors import DataError


def land_of(root, values, days, **data):
    write_grid(root / "soil.h5", values, days)
    soil = {"paths": "soil.h5", **data.pop("soil", {})}
    raw = {"root": str(root), "train": [str(days[0]), str(days[-1])], "modalities": {"soil": soil}, **data}
    return make_plan(build_config({"data": raw, "model": {"patch_size": 1}})).land


def test_cells_that_begin_years_after_the_first_are_land_too(tmp_path):
    days = day_range(date(2001, 1, 1), date(2006, 12, 31))
    values = np.ones((len(days), 4, 4), np.float32)
    values[: 3 * 365, 2] = np.nan  # a region that is observed in the second half alone
    values[:, 0] = np.nan
    land = land_of(tmp_path, values, days, land_threshold=1)
    assert land.patches.tolist() == list(range(4, 16))
    assert land.notes == ("land is the 12 cells where soil has a value on one of 128 days",)


def test_days_that_the_grid_lacks_or_that_are_excluded_say_nothing_of_land(tmp_path):
    days = day_range(date(2001, 1, 1), date(2001, 12, 31))
    values = np.full((60, 2, 2), np.nan, np.float32)
    values[:50, 0] = 1.0
    values[50:] = 1.0
    write_grid(tmp_path / "soil.h5", values, days[300:360])
    config = {
        "root": str(tmp_path),
        "train": ["2001-01-01", "2001-12-31"],
        "modalities": {"soil": {"paths": "soil.h5", "exclude_dates": [[str(days[350]), str(days[359])]]}},
    }
    land = make_plan(build_config({"data": config, "model": {"patch_size": 1}})).land
    assert land.patches.tolist() == [0, 1]
    assert land.notes == ("land is the 2 cells where soil has a value on one of 50 days",)


def test_a_grid_without_any_value_has_no_land(tmp_path):
    days = day_range(date(2001, 1, 1), date(2001, 3, 31))
    with pytest.raises(DataError, match=r"soil\.h5: no patch has"):
        land_of(tmp_path, np.full((90, 2, 2), np.nan, np.float32), days)


def test_a_mask_is_taken_without_a_note(world):
    assert make_plan(world.config()).land.notes == ()

import numpy as np
import pytest
import xarray as xr

from hydromae.tasks.blended import BLEND, blended

DIMS = ("issue_time", "lead_time", "station")


def forecast(values: list[float]) -> xr.DataArray:
    return xr.DataArray(np.array(values).reshape(1, 1, -1), dims=DIMS, attrs={"units": "mm/d"})


def test_the_blend_is_a_weighted_mean_and_the_models_where_gr4j_has_no_forecast() -> None:
    made = blended(forecast([1.0, 2.0]), {"gr4j": forecast([3.0, np.nan]).transpose(*reversed(DIMS))})
    assert made[BLEND].values.ravel().tolist() == pytest.approx([1.7, 2.0])
    assert made[BLEND].dims == DIMS and made[BLEND].attrs["units"] == "mm/d"


def test_without_gr4j_there_is_none() -> None:
    assert blended(forecast([1.0]), {"ridge": forecast([2.0])}) == {}

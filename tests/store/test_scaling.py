import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hydromae.base.errors import DataError
from hydromae.store.scaling import Scaler, ScalerFit

PHYSICAL = hnp.arrays(np.float32, (7, 3), elements=st.floats(0, 20000, width=32, allow_subnormal=False))


def _fit(values, transform="standard", splits=(), **options):
    fit = ScalerFit("flow", transform, values.shape[1], **options)
    edges = [0, *sorted(splits), len(values)]
    for first, last in pairwise(edges):
        fit.update(values[first:last])
    return fit.finish()


@pytest.mark.parametrize("transform", ["standard", "log", "log1p", "none"])
@pytest.mark.parametrize("factor", [None, (0.2, 1.0, 30.0)])
@settings(max_examples=30)
@given(values=PHYSICAL)
def test_unscale_is_the_inverse_of_scale(transform, factor, values):
    scaler = Scaler(transform, 0.01, (0.7,), (1.3,), factor)
    back = scaler.unscale(scaler.scale(torch.from_numpy(values))).numpy()
    offset = {"log": 0.01, "log1p": 1.0}.get(transform, 1.0)
    tolerance = 1e-5 * (values + offset / np.array(factor or 1.0))
    assert (np.abs(back - values) <= tolerance).all()


@pytest.mark.parametrize("transform", ["standard", "log", "log1p", "none"])
def test_missing_stays_missing_in_float32(transform):
    scaler = Scaler(transform, 0.01, (0.5, 0.1), (2.0, 3.0), (1.0, 2.0))
    values = torch.tensor([[float("nan"), 1.0], [2.0, float("nan")]])
    scaled = scaler.scale(values)
    assert torch.equal(scaled.isnan(), values.isnan()) and torch.equal(scaler.unscale(scaled).isnan(), values.isnan())
    assert scaled.dtype == scaler.unscale(scaled).dtype == torch.float32


@pytest.mark.parametrize("transform", ["log", "log1p"])
def test_no_prediction_unscales_to_negative_flow(transform):
    unscaled = Scaler(transform, 0.01, (0.0,), (1.0,)).unscale(torch.linspace(-50, 5, 100)[:, None])
    assert (unscaled >= 0).all() and unscaled[-1] > 100


@settings(max_examples=50)
@given(values=PHYSICAL, splits=st.lists(st.integers(0, 7), max_size=4))
def test_fit_does_not_depend_on_the_blocks(values, splits):
    values[0] = [0, 1, 2]
    whole, pieces = _fit(values, "log1p"), _fit(values, "log1p", splits)
    transformed = np.log1p(values.astype(np.float64))
    np.testing.assert_allclose([whole.mean[0], whole.std[0]], [transformed.mean(), transformed.std()], rtol=1e-9)
    np.testing.assert_allclose([pieces.mean[0], pieces.std[0]], [whole.mean[0], whole.std[0]], rtol=1e-9)


def test_fit_keeps_small_deviations_on_a_large_mean():
    values = 1e7 + np.random.default_rng(0).integers(-2, 3, (1000, 2)).astype(np.float32)
    assert _fit(values, splits=range(64, 1000, 64)).std[0] == pytest.approx(values.astype(np.float64).std(), rel=1e-6)


def test_missing_values_do_not_enter_the_fit():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 8.0]], np.float32)
    assert _fit(values).mean == (4.0,)


def test_unobserved_and_constant_stations_take_after_the_others():
    values = np.array([[1.0, 10.0, np.nan, 5.0], [3.0, 14.0, np.nan, 5.0]], np.float32)
    scaler = _fit(values, per_station=True)
    assert scaler.mean == (2.0, 12.0, pytest.approx(19 / 3), 5.0)
    assert scaler.std == (1.0, 2.0, 1.5, 1.5)


@pytest.mark.parametrize(
    ("values", "problem"), [(np.full((5, 2), np.nan), "no value"), (np.ones((5, 2)), "same value")]
)
def test_nothing_or_one_value_cannot_be_fitted(values, problem):
    with pytest.raises(DataError, match=f"flow: has .*{problem}"):
        _fit(values.astype(np.float32))


def test_scaler_survives_json():
    scaler = Scaler("log", 0.01, (0.1, 1 / 3), (1.0, 2 / 7), (86.4 / 7, 1.0))
    assert Scaler.from_dict(json.loads(json.dumps(scaler.to_dict()))) == scaler


def test_factor_alone_gives_specific_discharge():
    scaler = Scaler("log", 0.01, (3.0,), (2.0,), (86.4 / 100, 86.4 / 10))
    flow = torch.tensor([[100 / 86.4, 20 / 86.4]])
    torch.testing.assert_close(scaler.specific(flow), torch.tensor([[1.0, 2.0]]))

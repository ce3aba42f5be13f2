from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hydromae.config import MaskingConfig
from hydromae.config.read import build_config
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tokens.shape import TokenShape, from_tokens, to_tokens
from hydromae.windows.windows import WindowReader
from support.batches import BatchMaker
from support.small import small_config, small_parts
from support.sources import World, write_table

DAYS = 8
Parts = tuple[MultiModalMAE, WindowReader, BatchMaker]


@pytest.fixture(scope="module")
def parts(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return small_parts(small_config(prepared[0], tmp_path_factory.mktemp("unused")), prepared[1])


def test_values_are_scaled_as_the_scaler_scales_and_zero_where_missing(
    prepared: tuple[World, Store], parts: Parts
) -> None:
    _, reader, maker = parts
    windows = reader.read([4, 100], DAYS)
    for name, tokens in maker.evaluation_batch(windows).tokens.items():
        scaled = prepared[1].scaler(name).scale(windows.values[name])
        missing = torch.isnan(to_tokens(windows.values[name], tokens.shape))
        assert torch.equal(tokens.valid, ~missing)
        assert torch.equal(tokens.values, to_tokens(scaled, tokens.shape).nan_to_num(0.0))
        assert missing.any() == (name != "evap") and not tokens.values[missing].any()


def test_the_day_of_the_year_counts_leap_days(tmp_path: Path) -> None:
    days = np.arange(np.datetime64("2003-12-25"), np.datetime64("2005-01-06"))
    values = np.random.default_rng(0).random((len(days), 2)).astype(np.float32)
    write_table(tmp_path / "series.parquet", days, [1, 2], {"evaporation": values})
    period = [str(days[0]), str(days[-1])]
    data = {"root": str(tmp_path), "store": str(tmp_path / "store"), "train": period}
    config = build_config({"data": {**data, "modalities": {"evap": {"paths": "series.parquet"}}}})
    _, reader, maker = small_parts(config, prepare(config))
    starts = [0, 60, len(days) - 10]
    found = maker.evaluation_batch(reader.read(starts, 10)).day_of_year
    expected = pd.DatetimeIndex(days).day_of_year.to_numpy()
    assert found is not None and found.tolist() == [expected[s : s + 10].tolist() for s in starts]
    assert 366 in found[2] and 1 in found[0]


def test_attributes_are_the_stores_scaled_ones_for_every_sample(prepared: tuple[World, Store], parts: Parts) -> None:
    _, reader, maker = parts
    attributes = maker.evaluation_batch(reader.read([0, 9], DAYS)).attributes
    assert attributes is not None and attributes.shape == (2, 4, 3)
    for sample in attributes:
        np.testing.assert_array_equal(sample.numpy(), prepared[1].scaled_attributes)


def test_grids_that_all_samples_share_are_what_copies_of_them_are(parts: Parts) -> None:
    model, reader, maker = parts
    copies = reader.read([100, 100, 100], DAYS)
    shared = {name: v[:1].expand_as(v) if v.ndim == 4 else v for name, v in copies.values.items()}
    expected, found = (maker.evaluation_batch(w) for w in (copies, replace(copies, values=shared)))
    assert found.tokens["precip"].values.stride(0) == 0
    for name, tokens in expected.tokens.items():
        assert torch.equal(found.tokens[name].values, tokens.values)
        assert torch.equal(found.tokens[name].valid, tokens.valid)
    for name, predicted in model.predict(expected).items():
        torch.testing.assert_close(model.predict(found)[name], predicted)


@pytest.mark.parametrize("stations", [None, np.array([[3, 1, 0], [2, 2, 1]])])
def test_every_value_has_the_weight_of_its_station(parts: Parts, stations: np.ndarray | None) -> None:
    model, reader, _ = parts
    weights = np.array([1.0, 2.0, 3.0, 4.0], np.float32)
    shape = TokenShape("series", size=2, days=3, width=4 if stations is None else 3)
    maker = BatchMaker(
        reader.store, model.shapes | {"evap": shape}, MaskingConfig(), 0, torch.device("cpu"), weights={"evap": weights}
    )
    batch = maker.evaluation_batch(reader.read([60, 100], DAYS, stations=stations))
    assert batch.tokens["riverflow"].weights is None
    found = batch.tokens["evap"].weights
    assert found is not None and found.isfinite().all()
    expected = weights[np.arange(4)[None].repeat(2, 0) if stations is None else stations]  # [B, stations]
    back = from_tokens(found, shape, DAYS)  # [B, T, stations]
    for day in range(DAYS):
        np.testing.assert_array_equal(back[:, day], expected)


def test_tokens_can_be_put_back_to_the_window_they_came_from(parts: Parts) -> None:
    _, reader, maker = parts
    windows = reader.read([100], DAYS)
    for name, tokens in maker.evaluation_batch(windows).tokens.items():
        back = from_tokens(torch.where(tokens.valid, tokens.values, torch.nan), tokens.shape, DAYS)
        physical = maker.scalers[name].unscale(back)
        torch.testing.assert_close(physical, windows.values[name], rtol=1e-4, atol=1e-4, equal_nan=True)

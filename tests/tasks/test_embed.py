"""Embeddings are what the model's own parts make of what was observed, and attention is what they attend by."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from einops import rearrange

from hydromae.base.errors import ConfigError, DataError
from hydromae.batch.batch import Batch
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.store import Store
from hydromae.store.view import open_store
from hydromae.tasks.embed import embed
from support.series_run import move_weights, other_store, series_run
from support.sources import World
from support.untrained import ALL, untrained_run

PERIOD = ("2001-02-01", "2001-02-08")


@pytest.fixture(scope="module")
def run(prepared: tuple[World, Store], tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    model = {**ALL["model"], "shared_depth": 2, "missing_attributes": "learned"}
    return untrained_run(*prepared, tmp_path_factory.mktemp("embedded") / "run", model=model)


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Windows of one station with its nearest, and quantities in spans of days."""
    run = series_run(tmp_path_factory.mktemp("series"), stations_per_window=2)
    move_weights(run)
    return run


def model_and_batch(run: RunDirectory) -> tuple[MultiModalMAE, Batch]:
    """All that was observed in `PERIOD`, none of it masked, by way of the plain dict and not of the tasks."""
    model, store = load_pretrained(run.path), run.store()
    data = open_store(store).sel(time=slice(*PERIOD))
    plain: dict[str, torch.Tensor] = {"static_attr": torch.from_numpy(store.scaled_attributes)[None]}
    for name, shape in model.shapes.items():
        values = torch.from_numpy(data[name].values)
        if shape.kind == "series":
            values = store.scaler(name).scale(values).T  # [stations, T]
            plain[f"{name}_mask"] = torch.zeros(1, shape.places, len(values[0]), dtype=torch.bool)
        else:
            values = store.scaler(name).scale(values)
            plain[f"{name}_mask"] = torch.zeros(1, len(values), model.config.all_patches, dtype=torch.bool)
        plain[name] = values[None]
    plain["day_of_year"] = torch.from_numpy(data["time"].dt.dayofyear.values)[None]
    return model, model.with_learned_attributes(model.as_batch(plain))


def of(made: xr.Dataset, name: str) -> np.ndarray:
    return made["embedding"].values[made["modality"].values == name]


@torch.no_grad()
def test_embeddings_are_what_the_encoders_and_their_fusion_make_of_an_unmasked_window(run: RunDirectory) -> None:
    model, batch = model_and_batch(run)
    made = embed(run.path, PERIOD)
    encoded = {name: model.encode(name, batch) for name in batch.tokens}
    for name, tokens in batch.tokens.items():
        places = tokens.shape.places
        observed = tokens.valid[0].any(-1).nonzero()[:, 0]
        assert tokens.target.real.sum() == 0 and tokens.visible.real.sum() == len(observed)  # nothing is masked
        order = tokens.visible.index[0].argsort().tolist()
        static = [len(order)] if tokens.shape.kind == "series" else []
        expected = encoded[name].maps[-1][0, order + static].numpy()
        np.testing.assert_allclose(of(made, name), expected, atol=1e-5)
        own = made.isel(token=made["modality"].values == name)
        days = np.datetime64(PERIOD[0]) + (observed // places).numpy()
        np.testing.assert_array_equal(own["day"].values[: len(observed)].astype("M8[D]"), days)
        ids = run.store().station_ids
        pairs = [",".join(ids[i : i + 2]) for i in range(0, len(ids), 2)]
        words = pairs if static else [str(patch) for patch in model.valid_patches.tolist()]
        assert own["place"].values[: len(observed)].tolist() == [words[i] for i in (observed % places).tolist()]
        assert own["place"].values[len(observed) :].tolist() == ["all stations"] * len(static)
        assert np.isnat(own["day"].values[len(observed) :]).all()
    fused = embed(run.path, PERIOD, fused=True, modalities="evap")
    assert set(fused["modality"].values) == {"evap"}
    begin = sum(encoded[name].maps[-1].shape[1] for name in list(encoded)[: list(encoded).index("evap")])
    order = batch.tokens["evap"].visible.index[0].argsort().tolist()
    together = model.fuse(encoded).maps[-1][0, begin:].numpy()[[*order, len(order)]]
    np.testing.assert_allclose(of(fused, "evap"), together, atol=1e-5)


@torch.no_grad()
def test_attention_adds_up_to_1_and_with_the_values_it_is_the_fusion(run: RunDirectory) -> None:
    made = embed(run.path, PERIOD, attention=True)
    weights = torch.from_numpy(made["attention"].values)  # [layer, head, token, key]
    assert weights.shape[0] == 2 and (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)
    np.testing.assert_array_equal(made["key_place"].values, made["place"].values)  # all tokens are asked about
    model, batch = model_and_batch(run)
    encoded = {name: model.encode(name, batch) for name in batch.tokens}
    parts = []
    for name, part in encoded.items():  # in the order of the result
        order = batch.tokens[name].visible.index[0].argsort().tolist()
        parts.append(part.maps[-1][0, [*order, *range(len(order), part.maps[-1].shape[1])]])
    tokens = torch.cat(parts)  # [n, D]
    for layer, of_layer in zip(model.blocks_shared, weights, strict=True):
        values = layer.attention.qkv(layer.attention_norm(tokens)).chunk(3, -1)[2]
        heads = of_layer @ rearrange(values, "n (h c) -> h n c", h=len(of_layer))
        tokens = tokens + layer.attention.projection(rearrange(heads, "h n c -> n (h c)"))
        tokens = tokens + layer.mlp(layer.mlp_norm(tokens))
    np.testing.assert_allclose(made["embedding"].values, model.norm_shared(tokens).numpy(), atol=1e-5)
    xr.testing.assert_identical(embed(run.path, PERIOD, fused=True)["embedding"], made["embedding"])
    some = embed(run.path, PERIOD, attention=True, modalities="evap", stations="39001")
    chosen = (made["modality"] == "evap") & (made["place"].str.contains("39001") | made["day"].isnull())
    np.testing.assert_array_equal(some["attention"], made["attention"][:, :, chosen.values])


def test_what_is_excluded_changes_nothing_and_a_modality_changes_none_but_itself(
    prepared: tuple[World, Store], run: RunDirectory, tmp_path: Path
) -> None:
    world, store = prepared
    day = "2001-02-03"
    without = untrained_run(world, store, tmp_path / "run", **ALL, data={"window": 8, "exclude_dates": [day]})
    made, whole = embed(without.path, PERIOD), embed(untrained_run(world, store, tmp_path / "all", **ALL).path, PERIOD)
    assert day in whole["day"].values.astype("M8[D]").astype(str)
    assert day not in made["day"].values.astype("M8[D]").astype(str)
    # Evaporation that is not there leaves the encoders of all others as they are, and the fused tokens not.
    rain = embed(without.path, PERIOD, modalities=["precip"])
    np.testing.assert_array_equal(rain["embedding"], of(made, "precip"))
    assert not np.array_equal(of(embed(without.path, PERIOD, fused=True), "precip"), of(made, "precip"))


def test_each_station_has_its_own_window_and_only_its_own_tokens(series: RunDirectory, tmp_path: Path) -> None:
    ids = series.store().station_ids
    made = embed(series.path, ("2001-02-01", "2001-04-10"))
    assert set(made["place"].values) == set(ids)
    frame = made.drop_vars("embedding").to_dataframe().query("modality == 'evap'")
    begins = pd.to_datetime(["2001-02-01", "2001-03-01", "2001-03-29"])
    assert sorted(set(frame["window"])) == list(begins)
    per_window = frame.groupby(["place", "window"])["day"]
    assert (per_window.count() <= 4).all()
    one = embed(series.path, ("2001-02-01", "2001-04-10"), stations=ids[2])
    chosen = made["place"].values == ids[2]
    np.testing.assert_allclose(one["embedding"], made["embedding"].values[chosen], atol=1e-5)
    np.testing.assert_array_equal(one["day"], made["day"].values[chosen])

    def change(values: dict[str, np.ndarray]) -> None:
        values["evap"][:, 2] += 1.0

    other = other_store(tmp_path, change, stations_per_window=2)
    moved = embed(series.path, ("2001-02-01", "2001-04-10"), data=other)
    flow = made["modality"].values == "riverflow"
    np.testing.assert_array_equal(moved["embedding"].values[flow], made["embedding"].values[flow])
    assert not np.allclose(of(moved, "evap"), of(made, "evap"))


def test_attention_of_one_station_says_what_its_neighbours_give(series: RunDirectory) -> None:
    ids = series.store().station_ids
    made = embed(series.path, ("2001-02-01", "2001-02-28"), attention=True, stations=ids[1])
    assert set(made["place"].values) == {ids[1]} and len(set(made["key_place"].values)) == 2
    assert made.sizes["key"] > made.sizes["token"]
    np.testing.assert_allclose(made["attention"].sum("key"), 1, atol=1e-5)
    fused = embed(series.path, ("2001-02-01", "2001-02-28"), fused=True, stations=ids[1])
    np.testing.assert_allclose(fused["embedding"], made["embedding"], atol=1e-5)


def test_what_cannot_be_embedded_is_refused(
    prepared: tuple[World, Store], run: RunDirectory, series: RunDirectory, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="give a period of 8 days at most, not of 9 days"):
        embed(run.path, ("2001-02-01", "2001-02-09"), attention=True)
    with pytest.raises(ConfigError, match="a period of 28 days at most and one station, not of 28 days and 4 stations"):
        embed(series.path, ("2001-02-01", "2001-02-28"), attention=True)
    with pytest.raises(ConfigError, match="has no encoder of snow; name one of precip, "):
        embed(run.path, PERIOD, modalities="snow")
    with pytest.raises(DataError, match="station 39002 is not among those"):
        embed(run.path, PERIOD, stations="39002")
    for changes, why in (({"fusion": "none"}, "are not fused"), ({"shared_depth": 0}, "has no layers")):
        other = untrained_run(*prepared, tmp_path / why.split()[-1], model=changes)
        with pytest.raises(ConfigError, match=why):
            embed(other.path, PERIOD, attention=True)


def test_a_model_without_attention_has_no_vectors(tmp_path: Path) -> None:
    run = series_run(tmp_path, model={"attention": "none", "recurrent_dim": 4})
    with pytest.raises(ConfigError, match="neither encoders nor fusion"):
        embed(run.path, PERIOD)

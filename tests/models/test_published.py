"""Sizes, shapes and names that are published must be met exactly."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from hydromae.batch.batch import Batch, ModalityTokens, split_missing
from hydromae.config import PRESETS, ModelConfig
from hydromae.config.read import load_config
from hydromae.masks.exact import order_keys, select
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.tokens.shape import to_tokens

CONFIGS = Path(__file__).parents[2] / "configs"


def published(name: str, **changes: object) -> MultiModalMAE:
    config = load_config(CONFIGS / f"{name}.yaml").model
    return MultiModalMAE(config.model_copy(update=changes)).eval()


def count(module: nn.Module) -> tuple[int, int]:
    parameters = list(module.parameters())
    return sum(p.numel() for p in parameters), len(parameters)


@pytest.mark.parametrize(
    ("name", "whole", "image_decoder", "vector_decoder"),
    [
        ("crossmae", (25_596_846, 623), (1_002_724, 54), (923_137, 53)),
        ("crossmae_wfm", (25_607_190, 668), (1_004_796, 63), (925_201, 62)),
    ],
)
def test_published_parameter_counts_are_met(
    name: str, whole: tuple[int, int], image_decoder: tuple[int, int], vector_decoder: tuple[int, int]
) -> None:
    model = published(name)
    assert count(model) == whole
    for modality, preset in PRESETS.items():
        encoder, decoder = model.get_submodule(f"{modality}_encoder"), model.get_submodule(f"{modality}_decoder")
        grid = preset["kind"] == "grid"
        assert count(encoder) == ((4_788_992, 77) if grid else (3_187_712, 62))
        assert count(decoder) == (image_decoder if grid else vector_decoder)


def test_encoder_layers_and_weighted_maps_have_the_published_sizes() -> None:
    model = published("crossmae_wfm")
    assert count(model.get_submodule("precip_encoder.stack.layers.0")) == (789_760, 12)
    assert count(model.get_submodule("precip_decoder.decoder.feature_maps.mixture")) == (24, 1)
    assert count(model.get_submodule("evap_encoder.stack.film.0")) == (11 * 512 + 512, 2)


def one_modality(model: MultiModalMAE, name: str, window: Tensor, hidden: int) -> Batch:
    """A batch of one modality whose first `hidden` tokens are targets."""
    values, valid = split_missing(to_tokens(window, model.shapes[name]))  # [B, tokens, cells]
    keys = order_keys(valid[..., 0].long())
    tokens = ModalityTokens(
        values, valid, select(keys >= hidden, keys), select(keys < hidden, keys), model.shapes[name]
    )
    return Batch({name: tokens}, torch.randn(window.shape[0], 1, 11), None, window.shape[1])


def test_shapes_of_images_with_every_patch_valid_are_as_published() -> None:
    for name, maps in (("crossmae", 1), ("crossmae_wfm", 6)):
        model = published(name, valid_patches=None)
        batch = one_modality(model, "precip", torch.randn(2, 5, 522, 100), hidden=1948)
        with torch.no_grad():
            encoded = model.encode("precip", batch)
            predicted, _ = model.decode("precip", batch, encoded)
            whole = model.reconstruct(batch)["precip"]
        assert [tuple(one.shape) for one in encoded.maps] == [(2, 662, 256)] * maps
        assert encoded.padding is None
        assert predicted.shape == (2, 1948, 100)
        assert whole.shape == (2, 5, 522, 100)
        assert int((~whole.isnan()).sum()) == 2 * 1948 * 100


def test_shapes_of_one_series_are_as_published() -> None:
    for name, maps in (("crossmae", 1), ("crossmae_wfm", 4)):
        model = published(name)
        batch = one_modality(model, "riverflow", torch.randn(2, 20, 1), hidden=12)
        with torch.no_grad():
            encoded = model.encode("riverflow", batch)
            whole = model.reconstruct(batch)["riverflow"]
        assert [tuple(one.shape) for one in encoded.maps] == [(2, 9, 256)] * maps
        assert whole.shape == (2, 20, 1)


@pytest.fixture(scope="module")
def fused() -> MultiModalMAE:
    torch.manual_seed(0)
    return MultiModalMAE(ModelConfig())


def first_plan_batch(days: int, size: int = 2) -> dict[str, Tensor]:
    """What a user of the first plan gives: whole windows and masks with unequal counts."""
    torch.manual_seed(1)
    batch = {"static_attr": torch.randn(size, 604, 11)}
    for name in ("precip", "soil", "temp"):
        batch |= {name: torch.randn(size, days, 290, 180), f"{name}_mask": torch.rand(size, days, 522) < 0.75}
    for name in ("evap", "riverflow"):
        batch |= {name: torch.randn(size, 604, days), f"{name}_mask": torch.rand(size, 76, days) < 0.75}
    return batch


def check_first_plan(model: MultiModalMAE, days: int, size: int) -> None:
    batch = first_plan_batch(days, size)
    model.zero_grad()
    total, losses = model(batch)
    assert set(losses) == {f"{name}_loss" for name in PRESETS}
    assert total.shape == () and total.isfinite()
    torch.testing.assert_close(total, sum(losses.values()))
    total.backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


@pytest.mark.slow
def test_the_plain_dict_of_the_first_plan_trains_every_parameter(fused: MultiModalMAE) -> None:
    check_first_plan(fused, days=6, size=2)
    # Without dates the calendar is in the graph, and that is all.
    idle = [n for n, p in fused.named_parameters() if p.grad is not None and not p.grad.any()]
    assert len(idle) == 10 and all("calendar" in name for name in idle)


@pytest.mark.slow
def test_the_plain_dict_of_the_first_plan_trains_on_the_longest_window() -> None:
    # On the first user's number of land patches: all 522 take many minutes and some 10 GB.
    check_first_plan(MultiModalMAE(ModelConfig(valid_patches=94)), days=90, size=1)


def test_the_names_of_the_first_plan_exist(fused: MultiModalMAE) -> None:
    parameters = dict(fused.named_parameters())
    for name in PRESETS:
        assert parameters[f"modality_{name}"].shape == (1, 1, 256)
        assert parameters[f"decoder_modality_{name}"].shape == (1, 1, 128)
        assert isinstance(fused.get_submodule(f"{name}_encoder"), nn.Module)
        assert isinstance(fused.get_submodule(f"{name}_decoder"), nn.Module)
    assert sum(name.startswith(("modality_", "decoder_modality_")) for name in parameters) == 10
    assert isinstance(fused.blocks_shared, nn.ModuleList) and len(fused.blocks_shared) == 1
    assert isinstance(fused.norm_shared, nn.LayerNorm)

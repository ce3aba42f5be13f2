"""Models and batches small enough for properties to be checked on many of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.config import ModelConfig
from hydromae.runs.pretrained import MultiModalMAE
from hydromae.tokens.selection import Selection

# Every way of putting the model together that is not only a size.
VARIANTS: dict[str, dict[str, Any]] = {
    "fused": {},
    "concatenated": {"shared_depth": 0},
    "two shared layers without static tokens": {"shared_depth": 2, "fuse_static_tokens": False},
    "alone": {"fusion": "none", "modality_tokens": False},
    "weighted maps": {"use_weighted_fm": True, "use_input": True},
    "weighted maps alone": {"use_weighted_fm": True, "fusion": "none"},
    "self-attention among queries": {"decoder_self_attn": True},
    "standard decoder": {"use_cross_attn": False},
    "standard decoder alone": {"use_cross_attn": False, "fusion": "none"},
    "post-norm": {"norm_first": False, "activation": "relu"},
    "spans of days": {"grid_patch_days": 2, "series_patch_days": 3},
    "without FiLM": {"film": False, "decoder_film": False},
    "learned missing attributes": {"missing_attributes": "learned"},
    "validity embedding": {"validity_embedding": True},
    "recurrent": {"recurrent_dim": 4},
    "recurrent both ways, spans of days": {"recurrent_dim": 4, "recurrent_backward": True, "series_patch_days": 3},
    "recurrent with donors": {"recurrent_dim": 4, "recurrent_donors": 2},
    "no attention": {"attention": "none", "recurrent_dim": 4},
    "divided": {"attention": "divided", "shared_depth": 2},
    "divided alone, spans of days": {"attention": "divided", "fusion": "none", "series_patch_days": 3},
    "divided, spans of days, self-attention among queries": {
        "attention": "divided",
        "decoder_self_attn": True,
        "grid_patch_days": 2,
        "series_patch_days": 3,
    },
    "no attributes": {"static_attr_dim": 0, "series_position": "learned"},
    # Parts that have nothing to do with each other, at once.
    "concatenated without attributes": {"shared_depth": 0, "static_attr_dim": 0, "series_position": "learned"},
    "post-norm, validity embedding, learned missing attributes, without FiLM": {
        "norm_first": False,
        "activation": "relu",
        "validity_embedding": True,
        "missing_attributes": "learned",
        "film": False,
        "decoder_film": False,
    },
}


# Which together have every part and every way of joining parts at least once; the others are slow.
_QUICK = {
    "fused",
    "concatenated without attributes",
    "two shared layers without static tokens",
    "weighted maps alone",
    "no attention",
    "standard decoder alone",
    "post-norm, validity embedding, learned missing attributes, without FiLM",
    "recurrent both ways, spans of days",
    "recurrent with donors",
    "divided, spans of days, self-attention among queries",
}
EACH = [pytest.param(name, marks=() if name in _QUICK else pytest.mark.slow) for name in VARIANTS]


def tiny_config(**changes: Any) -> ModelConfig:
    """Two grids of 6 patches and two series of 5 stations; no dropout."""
    sizes: dict[str, Any] = {
        "modalities": {"precip": "grid", "temp": "grid", "evap": "series", "riverflow": "series"},
        "d_model": 16,
        "nhead": 2,
        "grid_encoder_layers": 3,
        "series_encoder_layers": 2,
        "decoder_dim": 8,
        "decoder_layers": 2,
        "dropout": 0.0,
        "patch_size": 5,
        "grid_height": 10,
        "grid_width": 15,
        "series_patch_size": 2,
        "stations_per_window": 5,
        "static_attr_dim": 3,
        "max_time_steps": 12,
    }
    return ModelConfig(**(sizes | changes))


def tiny_model(config: ModelConfig, dtype: torch.dtype = torch.float64, seed: int = 0) -> MultiModalMAE:
    """A model with all weights random, FiLM and biases too, as after training; the last patch is sea."""
    land = torch.arange(config.all_patches - 1) if "grid" in config.modalities.values() else None
    model = MultiModalMAE(config, land).to(dtype)
    randomise(model, seed)
    return model


def randomise(model: nn.Module, seed: int = 0) -> None:
    """Give every parameter random values, gains of norms about 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            for name, parameter in module.named_parameters(recurse=False):
                gain = isinstance(module, nn.LayerNorm) and name == "weight"
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator) + (1.0 if gain else 0.0))


def plain_dict(
    config: ModelConfig, *, size: int = 3, days: int = 5, ratio: float = 0.4, missing: float = 0.1, seed: int = 0
) -> dict[str, Tensor]:
    """Random windows and masks; a share `missing` of all values and attributes is NaN."""
    generator = torch.Generator().manual_seed(seed)

    def values(*shape: int) -> Tensor:
        some = torch.randn(shape, generator=generator)
        return some.masked_fill(torch.rand(shape, generator=generator) < missing, torch.nan)

    plain: dict[str, Tensor] = {}
    for name, kind in config.modalities.items():
        if kind == "grid":
            plain[name] = values(size, days, config.grid_height, config.grid_width)
            mask = (size, -(-days // config.grid_patch_days), config.all_patches)
        else:
            plain[name] = values(size, config.stations_per_window, days)
            groups = -(-config.stations_per_window // config.series_patch_size)
            mask = (size, groups, -(-days // config.series_patch_days))
        plain[f"{name}_mask"] = torch.rand(mask, generator=generator) < ratio
    if config.static_attr_dim:
        plain["static_attr"] = values(size, config.stations_per_window, config.static_attr_dim)
    plain["day_of_year"] = torch.randint(1, 366, (size, 1), generator=generator) + torch.arange(days)
    return plain


def predictions(model: MultiModalMAE, batch: Batch | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Predictions as windows, where NaN says that nothing was predicted."""
    return model.reconstruct(model.as_batch(batch))


def gradients(model: MultiModalMAE, output: Tensor) -> dict[str, Tensor]:
    """Gradient of one number to every parameter; an error where a parameter has none."""
    names, parameters = zip(*model.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(output, parameters), strict=True))


def sum_of_squares(predicted: Mapping[str, Tensor], sample: int | None = None) -> Tensor:
    """One number that depends on every prediction (of one sample)."""
    chosen = [value if sample is None else value[sample] for value in predicted.values()]
    return torch.stack([value.nan_to_num().square().sum() for value in chosen]).sum()


def map_tokens(batch: Batch, change: Any) -> Batch:
    """The batch with `change(ModalityTokens)` in place of each modality's tokens."""
    return replace(batch, tokens={name: change(tokens) for name, tokens in batch.tokens.items()})


def only(batch: Batch, sample: int) -> Batch:
    """One sample as a batch of its own, without padding."""

    def select(selection: Selection) -> Selection:
        return Selection(selection.index[sample : sample + 1, selection.real[sample]], None)

    def tokens(every: ModalityTokens) -> ModalityTokens:
        kept = slice(sample, sample + 1)
        return replace(
            every,
            values=every.values[kept],
            valid=every.valid[kept],
            visible=select(every.visible),
            target=select(every.target),
        )

    alone = map_tokens(batch, tokens)
    attributes = None if batch.attributes is None else batch.attributes[sample : sample + 1]
    dates = None if batch.day_of_year is None else batch.day_of_year[sample : sample + 1]
    return replace(alone, attributes=attributes, day_of_year=dates)


def more_padding(batch: Batch, extra: int, seed: int = 0) -> Batch:
    """The same batch with `extra` entries of padding, anywhere in the sequence, added to every selection."""
    generator = torch.Generator().manual_seed(seed)

    def pad(selection: Selection, n_tokens: int) -> Selection:
        size = selection.index.shape[0]
        index = torch.cat([selection.index, torch.randint(n_tokens, (size, extra), generator=generator)], dim=1)
        padding = torch.cat([~selection.real, torch.ones(size, extra, dtype=torch.bool)], dim=1)
        return Selection(index, padding)

    def tokens(every: ModalityTokens) -> ModalityTokens:
        n_tokens = every.values.shape[1]
        return replace(every, visible=pad(every.visible, n_tokens), target=pad(every.target, n_tokens))

    return map_tokens(batch, tokens)


def assert_same(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], tolerance: float = 0.0) -> None:
    """Equal up to `tolerance`, and NaN in the same places; 0 means bit for bit."""
    assert found.keys() == expected.keys()
    for name in found:
        torch.testing.assert_close(
            found[name],
            expected[name],
            rtol=tolerance,
            atol=tolerance,
            equal_nan=True,
            msg=lambda m, n=name: f"{n}: {m}",
        )

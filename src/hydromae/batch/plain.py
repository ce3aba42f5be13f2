"""The plain-dict interface: whole windows and boolean masks, no loader and no store."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from einops import rearrange
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional

from hydromae.batch.batch import Batch
from hydromae.batch.batcher import batch_of
from hydromae.config import DataConfig, ModelConfig
from hydromae.masks.exact import order_keys, select, states
from hydromae.masks.mask import Mask, ModalityMask, Observed
from hydromae.sources.cleaning import LARGEST
from hydromae.tokens.selection import TARGET, VISIBLE
from hydromae.tokens.shape import TokenShape

_CODES: Final[tuple[float, ...]] = tuple(
    code for code in DataConfig.model_fields["missing_values"].default if abs(code) < LARGEST
)


def batch_from_dict(
    plain: Mapping[str, Any],
    config: ModelConfig,
    shapes: Mapping[str, TokenShape],
    valid_patches: Int[Tensor, " patches"],
) -> Batch:
    """A batch from whole windows; the numbers of visible and hidden tokens may differ between samples.

    Args:
        plain: `<grid>` [B, T, H, W], `<series>` [B, stations, T], all scaled; missing are NaN, -99999 and magnitudes of
            1e19 or more; `<grid>_mask` [B, slots, all patches], `<series>_mask` [B, groups, slots], True = to be
            predicted; `static_attr` [B, stations, attributes], missing as above; optional `day_of_year` [B, T]. A slot
            is a span of `grid_patch_days` or `series_patch_days`.
        config: sizes of the model.
        shapes: token shape of each modality.
        valid_patches: [P] indices of the valid patches; what the masks say of others is ignored.

    Raises:
        ValueError: an entry is absent, does not have the shape that the model expects, or is infinite somewhere; the
            message names it.
    """
    needed = [key for name in shapes for key in (name, f"{name}_mask")]
    if config.static_attr_dim > 0 and any(shape.kind == "series" for shape in shapes.values()):
        needed.append("static_attr")
    _check(plain, needed, config, shapes)
    windows: dict[str, Tensor] = {}
    hidden: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        window, mask = _without_codes(name, plain[name]), plain[f"{name}_mask"].bool()
        if shape.kind == "grid":
            side = config.patch_size
            below, right = -config.grid_height % side, -config.grid_width % side
            window = functional.pad(window, (0, right, 0, below), value=torch.nan)  # to whole patches
            window = rearrange(window, "b t (h p) (w q) -> b t (h w) (p q)", p=side, q=side)  # [B, T, all, cells]
            windows[name] = window[:, :, valid_patches]  # [B, T, P, cells]
            hidden[name] = mask[:, :, valid_patches].flatten(1)  # [B, tokens]
        else:
            windows[name] = window.transpose(1, 2)  # [B, T, stations]
            hidden[name] = mask.transpose(1, 2).flatten(1)  # [B, tokens]

    def mask_of(observed: Observed) -> Mask:
        masks = {}
        for name, valid in observed.valid.items():
            state = states(valid.any(-1), hidden[name])  # [B, tokens]
            keys = order_keys(state)
            masks[name] = ModalityMask(select(state == VISIBLE, keys), select(state == TARGET, keys))
        return masks

    attributes = _without_codes("static_attr", plain["static_attr"]) if "static_attr" in needed else None
    return batch_of(windows, shapes, mask_of, attributes=attributes, day_of_year=plain.get("day_of_year"))


def _without_codes(name: str, values: Tensor) -> Tensor:
    """Values with NaN in the place of codes that no scaled value can be."""
    if torch.isinf(values).any():
        raise ValueError(f"{name} is infinite somewhere; write what is missing as NaN")
    missing = values.abs() >= LARGEST
    for code in _CODES:
        missing |= values == code
    return torch.where(missing, torch.nan, values)


def _check(
    plain: Mapping[str, Any], needed: Sequence[str], config: ModelConfig, shapes: Mapping[str, TokenShape]
) -> None:
    for key in needed:
        if not isinstance(plain.get(key), Tensor):
            tensors = sorted(name for name, value in plain.items() if isinstance(value, Tensor))
            raise ValueError(f"the batch has no tensor {key}; it has {', '.join(tensors) or 'none'}")
    size, n_days = _samples_and_days(plain, config, *next(iter(shapes.items())))
    expected = _expected_shapes(config, shapes, size, n_days)
    for key in (*needed, "day_of_year"):
        if plain.get(key) is not None and tuple(plain[key].shape) != expected[key]:
            raise ValueError(f"{key} has shape {tuple(plain[key].shape)}; the model expects {expected[key]}")


def _samples_and_days(plain: Mapping[str, Any], config: ModelConfig, name: str, shape: TokenShape) -> tuple[int, int]:
    given = tuple(plain[name].shape)
    axes = ("batch", "days", "rows", "columns") if shape.kind == "grid" else ("batch", "stations", "days")
    if len(given) != len(axes):
        raise ValueError(f"{name} has shape {given}; the model expects [{', '.join(axes)}]")
    size, n_days = given[0], given[axes.index("days")]
    if size == 0 or not 1 <= n_days <= config.max_time_steps:
        raise ValueError(
            f"{name} has shape {given}; the model takes one sample or more of 1 to {config.max_time_steps} days "
            "(max_time_steps)"
        )
    return size, n_days


def _expected_shapes(
    config: ModelConfig, shapes: Mapping[str, TokenShape], size: int, n_days: int
) -> dict[str, tuple[int, ...]]:
    expected: dict[str, tuple[int, ...]] = {
        "static_attr": (size, config.stations_per_window, config.static_attr_dim),
        "day_of_year": (size, n_days),
    }
    for name, shape in shapes.items():
        slots = shape.slots(n_days)
        if shape.kind == "grid":
            expected[name] = (size, n_days, config.grid_height, config.grid_width)
            expected[f"{name}_mask"] = (size, slots, config.all_patches)
        else:
            expected[name] = (size, shape.width, n_days)
            expected[f"{name}_mask"] = (size, shape.places, slots)
    return expected

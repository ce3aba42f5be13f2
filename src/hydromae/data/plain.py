"""The plain-dict interface: whole windows and boolean masks, no loader and no store."""

from collections.abc import Mapping
from typing import Any

from einops import rearrange
from jaxtyping import Int
from torch import Tensor

from hydromae.data.batch import TARGET, VISIBLE, Batch, ModalityTokens, split_missing
from hydromae.data.masks import order_keys, select, states
from hydromae.data.tokens import TokenShape, to_tokens


def batch_from_dict(
    plain: Mapping[str, Any], shapes: Mapping[str, TokenShape], valid_patches: Int[Tensor, " patches"], patch_size: int
) -> Batch:
    """A batch from whole windows; the numbers of visible and hidden tokens may differ between samples.

    Args:
        plain: `<grid>` [B, T, H, W], `<series>` [B, stations, T], all scaled, NaN = missing; `<grid>_mask` [B, slots, all
            patches], `<series>_mask` [B, groups, slots], True = to be predicted; `static_attr` [B, stations, attributes];
            optional `day_of_year` [B, T].
        shapes: token shape of each modality.
        valid_patches: [P] indices of the valid patches; what the masks say of others is ignored.
        patch_size: cells along a side of a patch.

    Raises:
        ValueError: a modality or its mask is absent or does not have the shape that the model expects.
    """
    for name in shapes:
        for key in (name, f"{name}_mask"):
            if key not in plain:
                raise ValueError(f"the batch has no {key}; it has {', '.join(sorted(plain))}")
    tokens: dict[str, ModalityTokens] = {}
    n_days = 0
    for name, shape in shapes.items():
        window, mask = plain[name], plain[f"{name}_mask"].bool()
        if shape.kind == "grid":
            n_days = window.shape[1]
            window = rearrange(window, "b t (h p) (w q) -> b t (h w) (p q)", p=patch_size, q=patch_size)
            if window.shape[2] <= int(valid_patches.max()):
                raise ValueError(f"{name}: a grid of {window.shape[2]} patches, too few for the model's valid patches")
            window, mask = window[:, :, valid_patches], mask[:, :, valid_patches]  # [B, T, P, cells], [B, slots, P]
        else:
            n_days = window.shape[2]
            window, mask = window.transpose(1, 2), mask.transpose(1, 2)  # [B, T, stations], [B, slots, G]
            if window.shape[2] != shape.width:
                raise ValueError(f"{name}: {window.shape[2]} stations, the model has {shape.width}")
        if mask.shape[1:] != (shape.slots(n_days), shape.places):
            raise ValueError(
                f"{name}_mask: {tuple(mask.shape[1:])} tokens a window, the model has "
                f"{(shape.slots(n_days), shape.places)} (slots of days, places)"
            )
        values, valid = split_missing(to_tokens(window, shape))
        state = states(valid.any(-1), mask.flatten(1))  # [B, tokens]
        keys = order_keys(state)
        tokens[name] = ModalityTokens(
            values, valid, select(state == VISIBLE, keys), select(state == TARGET, keys), shape
        )
    return Batch(tokens, plain.get("static_attr"), plain.get("day_of_year"), n_days)

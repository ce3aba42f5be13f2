"""What the model is given: tokens, which of them it sees, which it must predict."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydromae.masks.mask import Issued
from hydromae.tokens.selection import Selection, places_of
from hydromae.tokens.shape import TokenShape, from_tokens


@dataclass(frozen=True)
class ModalityTokens:
    """All tokens of one modality of a batch.

    Attributes:
        values: [B, tokens, cells] scaled, 0 where missing and not filled.
        valid: [B, tokens, cells], True where a value was observed.
        visible: the tokens the encoder sees.
        target: the tokens to predict.
        shape: how the modality was cut.
        readable: [B, tokens, cells], True where the encoder may read a visible token: what was observed or filled (see
            `hydromae.batch.fills`) and the mask does not hide; None where that is `valid`.
        scored: [B, tokens, cells], True where a target's value is compared with what was observed; None where that is
            `valid`.
        issued: what each target may know, see `hydromae.masks.mask.Issued`; None where all read what is visible.
        weights: [B, tokens, cells] of the errors in the loss, 0 where there is no day or station; None is 1.
    """

    values: Float[Tensor, "batch tokens cells"]
    valid: Bool[Tensor, "batch tokens cells"]
    visible: Selection
    target: Selection
    shape: TokenShape
    readable: Bool[Tensor, "batch tokens cells"] | None = None
    scored: Bool[Tensor, "batch tokens cells"] | None = None
    weights: Float[Tensor, "batch tokens cells"] | None = None
    issued: Issued | None = None

    @property
    def shown(self) -> Bool[Tensor, "batch tokens cells"]:
        """Where an encoder may read a value: what is readable of the visible tokens."""
        readable = self.valid if self.readable is None else self.readable
        return readable & places_of(self.visible, readable.shape[1])[..., None]


@dataclass(frozen=True)
class Context:
    """What the stations around those of each sample show.

    Attributes:
        values: series -> [B, T, K] scaled, 0 where nothing is seen.
        seen: series -> [B, T, K].
        north: [B, stations, K] km that each lies north of each station of the sample; NaN where unknown.
        east: the same to the east.
    """

    values: dict[str, Float[Tensor, "batch days context"]]
    seen: dict[str, Bool[Tensor, "batch days context"]]
    north: Float[Tensor, "batch stations context"]
    east: Float[Tensor, "batch stations context"]


@dataclass(frozen=True)
class CellPlaces:
    """Which cells of the grids lie around the stations of each sample, and where.

    Attributes:
        index: [B, stations, K] places among the cells of the valid patches, patch by patch.
        north: [B, stations, K] km that each lies north of its station; NaN where there is no cell.
        east: the same to the east.
    """

    index: Int[Tensor, "batch stations cell"]
    north: Float[Tensor, "batch stations cell"]
    east: Float[Tensor, "batch stations cell"]


@dataclass(frozen=True)
class Batch:
    """One step's input.

    Attributes:
        tokens: modality -> its tokens.
        attributes: [B, stations, attributes] scaled, NaN where missing; None in a model without attributes.
        day_of_year: [B, T], 1 to 366; None where the dates are unknown.
        n_days: T.
        context: of the stations around; None without.
        cells: of the grids around the stations, for models that read them (`recurrent_grids`); None without.
    """

    tokens: dict[str, ModalityTokens]
    attributes: Float[Tensor, "batch stations attributes"] | None
    day_of_year: Int[Tensor, "batch days"] | None
    n_days: int
    context: Context | None = None
    cells: CellPlaces | None = None

    def __post_init__(self) -> None:
        sizes = {t.values.shape[0] for t in self.tokens.values()}
        if len(sizes) != 1:
            raise ValueError(f"the modalities of a batch differ in batch size: {sorted(sizes)}")

    def __repr__(self) -> str:
        """A line for each modality, with counts in place of tensors."""
        lines = [f"Batch of {self.size} {'window' if self.size == 1 else 'windows'} of {self.n_days} days"]
        for name, tokens in self.tokens.items():
            total, cells = tokens.values.shape[1:]
            visible, target = (_counted(chosen) for chosen in (tokens.visible, tokens.target))
            lines.append(
                f"  {name}: {tokens.shape.kind}, {total} tokens of {cells} values, {visible} visible, {target} targets"
            )
        if self.attributes is not None:
            _, stations, attributes = self.attributes.shape
            lines.append(f"  attributes: {attributes} of {stations} stations")
        return "\n".join(lines)

    @property
    def size(self) -> int:
        """Samples in the batch."""
        return int(next(iter(self.tokens.values())).values.shape[0])


def _counted(chosen: Selection) -> str:
    """Tokens of each sample: one number, or the smallest and the largest."""
    counts = chosen.real.sum(1)
    fewest, most = int(counts.min()), int(counts.max())
    return str(most) if fewest == most else f"{fewest} to {most}"


def split_missing(
    tokens: Float[Tensor, "batch tokens cells"],
) -> tuple[Float[Tensor, "batch tokens cells"], Bool[Tensor, "batch tokens cells"]]:
    """Tokens with NaN for missing -> values with 0 there, and where they are valid."""
    valid = ~torch.isnan(tokens)
    return torch.where(valid, tokens, 0.0), valid


def scatter(
    predicted: Float[Tensor, "batch targets cells"], tokens: ModalityTokens, n_days: int
) -> Float[Tensor, "batch days *place"]:
    """Put predictions at the targets back into windows, NaN where nothing was predicted.

    Args:
        predicted: [B, targets, cells], as the model predicts them.
        tokens: the modality's tokens, whose targets they are.
        n_days: T, days in the window.

    Returns:
        Grid [B, T, patches, cells] or series [B, T, stations], in the scale and type of the predictions.
    """
    n_tokens = tokens.values.shape[1]
    # Padding lands on one token past the last, which is dropped.
    index = torch.where(tokens.target.real, tokens.target.index, n_tokens)
    empty = predicted.new_full((predicted.shape[0], n_tokens + 1, predicted.shape[2]), torch.nan)
    at_tokens = empty.scatter(1, index[..., None].expand_as(predicted), predicted)  # [B, tokens + 1, cells]
    return from_tokens(at_tokens[:, :-1], tokens.shape, n_days)

"""Draws the masks of a training and its validation: which tokens the model sees and which it must predict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydromae.base.hashing import random_numbers
from hydromae.config import MaskingConfig
from hydromae.masks.exact import arrange, hide_first, states, take
from hydromae.masks.gaps import hide_gaps
from hydromae.masks.hiding import Hiding
from hydromae.masks.mask import Mask, MaskRule, ModalityMask, Observed
from hydromae.masks.planner import UNCHANGING, MaskPlanner, Plan
from hydromae.masks.registry import strategy_of
from hydromae.masks.rolling import roll
from hydromae.masks.strategy import Drawing, drawing_of
from hydromae.masks.whole import forecast_modalities
from hydromae.store.store import Store
from hydromae.tokens.selection import IGNORED, MISSING, TARGET, Selection
from hydromae.tokens.shape import TokenShape
from hydromae.windows.windows import Windows


class Masker:
    """Draws masks where the batches are made, with counts that are known on the host: no device is waited for.

    Args:
        planner: decides what is hidden.
    """

    def __init__(self, planner: MaskPlanner) -> None:
        self.planner, self.masking, self.seed = planner, planner.settings.masking, planner.seed

    @classmethod
    def of_store(cls, store: Store, shapes: Mapping[str, TokenShape], masking: MaskingConfig, seed: int) -> "Masker":
        """The masks of a configuration for a store.

        Args:
            store: whose units tell what a forecast predicts, see `forecast_modalities`.
            shapes: token shape of each modality.
            masking: how and how much to hide.
            seed: of the masks.
        """
        units = {name: store.units(name) for name in shapes}
        return cls(MaskPlanner(masking, shapes, forecast_modalities(units, shapes, masking.forecast), seed))

    def training(self, epoch: int) -> MaskRule:
        """The masks of an epoch, cut to the smallest counts of the batch so that nothing is padded.

        All samples of a batch are masked by one strategy, drawn by the batch's number.
        """
        return partial(self._mask, epoch=epoch)

    def without_attributes(
        self, attributes: Float[Tensor, "batch stations attributes"], windows: Windows, epoch: int
    ) -> Float[Tensor, "batch stations attributes"]:
        """Attributes of a training step, NaN where `masking.drop_attributes` leaves them out."""
        share, count = self.masking.drop_attributes, attributes.shape[-1]
        if not share:
            return attributes
        drawn = self._drawn(windows, 1 + count, epoch, "attributes drop")  # [B, 1 + A]
        window = drawn[:, :1]
        dropped = (window < share / 2) | ((window < share) & (drawn[:, 1:] < 0.5))  # [B, A]
        return attributes.masked_fill(dropped[:, None], torch.nan)

    def evaluation(self, windows: Windows, observed: Observed) -> Mask:
        """Masks fixed by seed and window; every target is kept, padded where gaps make the counts differ.

        Each window has a strategy of its own; where more than `random` is drawn, the first days of the windows are
        fetched from the device.
        """
        return self._mask(windows, observed, None)

    def _plan(self, windows: Windows, epoch: int | None) -> Plan:
        """What is hidden: in training of each sample of the whole batch, in evaluation of those that are here."""
        if epoch is not None:
            return self.planner.of_batch(windows.available_by_slot, windows.days, windows.number, epoch)
        starts = [] if self.planner.always_random else windows.identity.tolist()
        here = {name: samples[windows.here] for name, samples in windows.available_by_slot.items()}
        return self.planner.of_windows(here, windows.days, starts)

    def _mask(self, windows: Windows, observed: Observed, epoch: int | None) -> Mask:
        drawn = UNCHANGING if epoch is None else epoch
        here = slice(None) if epoch is None else windows.here
        masks, left_out = {}, self._left_out(windows, epoch)
        for name, hidings in self._plan(windows, epoch).items():
            mask = self._of_tokens(name, windows, observed, hidings, epoch)
            gapped = [hiding.gapped and not windows.idle for hiding in hidings[here]]
            if any(gapped):
                valid, shape = observed.valid[name], observed.shapes[name]
                stream = self.planner.settings.group_stream(name)
                mask = hide_gaps(mask, valid, windows, shape, gapped, seed=self.seed, epoch=drawn, stream=stream)
            if any(hiding.rolling for hiding in hidings[here]):
                settings = self.planner.settings
                forecast = name in settings.forecast
                valid, shape = observed.valid[name], observed.shapes[name]
                mask = roll(mask, valid, shape, windows.days, hidings[here], settings, forecast)
            if windows.context is not None and observed.shapes[name].kind == "series":
                hidden = _future_around(windows, observed.shapes[name], hidings[here])
                mask = replace(mask, context=hidden if left_out is None else hidden | left_out)
            masks[name] = mask
        drops = self.masking.drop or self.masking.drop_forcing
        return masks if epoch is None or not drops else self._dropped(masks, windows, epoch)

    def _dropped(self, masks: Mask, windows: Windows, epoch: int) -> Mask:
        """The masks with modalities left out of some windows (`masking.drop`, `masking.drop_forcing`).

        Of each window one at least is kept.
        """
        drawn = {
            name: self._drawn(windows, 1, epoch, f"{name} drop")[:, 0] < share  # [B]
            for name, share in self.masking.drop.items()
        }
        if self.masking.drop_forcing:
            without = self._drawn(windows, 1, epoch, "forcing drop")[:, 0] < self.masking.drop_forcing  # [B]
            for name in masks.keys() - set(self.planner.settings.forecast):
                drawn[name] = drawn[name] | without if name in drawn else without
        shown = torch.stack(
            [mask.visible.real.any(1) & ~drawn[name] if name in drawn else mask.visible.real.any(1)
             for name, mask in masks.items()]
        ).any(0)  # fmt: skip
        for name, dropped in drawn.items():
            mask, dropped = masks[name], (dropped & shown)[:, None]
            unseen = ~mask.visible.real | dropped
            around = mask.context
            if windows.context is not None:
                around = dropped[..., None] if around is None else around | dropped[..., None]
            masks[name] = replace(mask, visible=Selection(mask.visible.index, unseen), context=around)
        return masks

    def _left_out(self, windows: Windows, epoch: int | None) -> Bool[Tensor, "batch 1 context"] | None:
        """Stations around that training does not show; how many is drawn for each window, so that any number does."""
        if windows.context is None or epoch is None:
            return None
        count = windows.context.stations.shape[1]
        drawn = self._drawn(windows, 1 + count, epoch, "context")  # [B, 1 + K]
        return (drawn[:, 1:] < drawn[:, :1].square())[:, None]

    def _drawn(self, windows: Windows, count: int, epoch: int, stream: str) -> Float[Tensor, "batch number"]:
        """Random numbers of an epoch for each window, whatever batch it is in."""
        return random_numbers(windows.identity, count, seed=self.seed, epoch=epoch, stream=stream)

    def _of_tokens(
        self, name: str, windows: Windows, observed: Observed, hidings: Sequence[Hiding], epoch: int | None
    ) -> ModalityMask:
        """The whole tokens that are hidden of one modality."""
        shape, filled, training = observed.shapes[name], name in observed.filled, epoch is not None
        drawing = drawing_of(
            observed.valid[name].any(-1),
            windows.identity,
            shape,
            self.planner.settings.ratio(name),
            seed=self.seed,
            epoch=UNCHANGING if epoch is None else epoch,
            stream=self.planner.settings.stream(name),
            per_day=self.masking.per_day,
        )
        n_target = [hiding.targets for hiding in hidings]
        n_visible = [hiding.visible + (hiding.gaps if filled else 0) for hiding in hidings]
        # Windows of a few stations have few tokens: one with gaps would rob all the others, so these are padded.
        if training and windows.stations is None:
            # Over the whole batch, so that how it is cut into shares changes no mask.
            n_visible, n_target = _smallest(n_visible), _smallest(n_target)
        if training:
            n_visible, n_target = n_visible[windows.here], n_target[windows.here]
            hidings = hidings[windows.here]
        all_targets = [hiding.targets for hiding in hidings]
        arranged = arrange(token_states(drawing, hidings, filled), drawing.keys)  # [B, tokens]
        if training:
            # CrossMAE's partial reconstruction (Fu et al. 2024): the gradient of a random part costs less and points
            # alike.
            n_target = [math.ceil(self.masking.prediction_ratio * n) for n in n_target]
        if windows.idle:
            n_target = [0]
        return ModalityMask(take(arranged, all_targets, n_visible), take(arranged, [0] * len(n_target), n_target))


def _future_around(windows: Windows, shape: TokenShape, hidings: Sequence[Hiding]) -> Bool[Tensor, "batch days 1"]:
    """The days that a forecast hides, which are not seen of the stations around either.

    A series that is hidden wholly is that of the window's own stations: others may be donors.
    """
    device = windows.starts.device
    until = [hiding.closed * shape.days if hiding.closed else windows.days for hiding in hidings]
    days = torch.arange(windows.days, device=device)
    return (days >= torch.tensor(until).to(device, non_blocking=True)[:, None])[..., None]


def token_states(drawing: Drawing, hidings: Sequence[Hiding], filled: bool) -> Int[Tensor, "batch tokens"]:
    """State of each token of one modality.

    Args:
        drawing: the tokens and what is random about them.
        hidings: what is hidden in each sample, counted on the host.
        filled: whether missing tokens are filled, and so visible.
    """
    device, n_tokens = drawing.available.device, drawing.available.shape[1]
    shares = torch.tensor([hiding.share for hiding in hidings]).to(device, non_blocking=True)
    hidden = hide_first(drawing.available, shares, _order(drawing, [hiding.strategy for hiding in hidings]))
    state = states(drawing.available | filled, hidden)  # [B, tokens]
    if all(hiding.closed * drawing.places == n_tokens for hiding in hidings):
        return state
    closed = torch.tensor([hiding.closed * drawing.places for hiding in hidings]).to(device, non_blocking=True)
    states_behind = torch.tensor([TARGET if hiding.predicted else IGNORED for hiding in hidings])
    behind = torch.where(drawing.available, states_behind.to(device, non_blocking=True)[:, None], MISSING)
    return torch.where(torch.arange(n_tokens, device=device) >= closed[:, None], behind, state)


def _order(drawing: Drawing, names: Sequence[str]) -> Int[Tensor, "batch tokens"]:
    """The order of each sample's strategy."""
    order = drawing.keys
    for name in sorted(set(names)):
        own = strategy_of(name).order(drawing)
        if len(set(names)) == 1:
            return own
        samples = torch.tensor([other == name for other in names]).to(own.device, non_blocking=True)
        order = torch.where(samples[:, None], own, order)
    return order


def _smallest(counts: list[int]) -> list[int]:
    """The smallest count above 0 for all: a sample without the modality must not rob the others of it."""
    smallest = min((n for n in counts if n), default=0)
    return [min(n, smallest) for n in counts]

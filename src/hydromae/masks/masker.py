"""Draws the masks of batches: which tokens the model sees and which it must predict."""

import math
from collections.abc import Collection, Mapping, Sequence

from jaxtyping import Bool
from torch import Tensor

from hydromae.config import MaskingConfig
from hydromae.masks.exact import arrange, take
from hydromae.masks.plan import UNCHANGING, Hiding, MaskPlanner
from hydromae.masks.strategies import drawing, hide
from hydromae.tokens.selection import Selection
from hydromae.tokens.shape import TokenShape
from hydromae.windows.windows import Windows

Masks = dict[str, tuple[Selection, Selection]]  # modality -> visible tokens, targets
Plan = Mapping[str, Sequence[Hiding]]  # modality -> what is hidden of each sample


class Masker:
    """Draws masks where the batches are made, with counts that are known on the host: no device is waited for.

    Args:
        masking: how and how much to hide.
        shapes: token shape of each modality.
        forecast: modalities that strategy forecast predicts.
        seed: of the masks.
        filled: modalities whose missing tokens are filled, and so visible.
    """

    def __init__(
        self,
        masking: MaskingConfig,
        shapes: Mapping[str, TokenShape],
        forecast: Sequence[str],
        seed: int,
        filled: Collection[str] = (),
    ) -> None:
        self.masking, self.shapes, self.seed, self.filled = masking, dict(shapes), seed, frozenset(filled)
        self.planner = MaskPlanner(masking, shapes, forecast, seed)

    def plan(self, windows: Windows, epoch: int | None) -> Plan:
        """What is hidden of each sample: in training by one strategy for the whole batch, drawn by `windows.number`.

        In evaluation by a strategy of each window's own, of the samples that are here; where more than `random` is
        drawn, their first days are fetched from the device.

        Args:
            windows: whose masks they are.
            epoch: of the training; None for evaluation.
        """
        if epoch is not None:
            return self.planner.of_batch(windows.available_by_slot, windows.days, windows.number, epoch)
        starts = [] if self.planner.always_random else windows.identity.tolist()
        here = {name: samples[windows.here] for name, samples in windows.available_by_slot.items()}
        return self.planner.of_windows(here, windows.days, starts)

    def masks(
        self, windows: Windows, available: Mapping[str, Bool[Tensor, "batch tokens"]], plan: Plan, epoch: int | None
    ) -> Masks:
        """Masks of this epoch, cut to the batch's smallest counts; in evaluation fixed by seed and window, and whole.

        Args:
            windows: whose masks they are.
            available: modality -> [B, tokens], True where a token holds any value.
            plan: of `plan`, with the same windows and epoch.
            epoch: of the training; None for evaluation.
        """
        return {name: self._draw(name, windows, available[name], hidings, epoch) for name, hidings in plan.items()}

    @staticmethod
    def gapped(windows: Windows, plan: Plan, epoch: int | None) -> dict[str, list[bool]]:
        """Modality -> samples of which a gap is hidden besides, see `hide_gaps`; none is named where no mask has any.

        Arguments as of `masks`.
        """
        here = slice(None) if epoch is None else windows.here
        chosen = {
            name: [hiding.gapped and not windows.idle for hiding in hidings[here]] for name, hidings in plan.items()
        }
        return {name: samples for name, samples in chosen.items() if any(samples)}

    def _draw(
        self,
        name: str,
        windows: Windows,
        available: Bool[Tensor, "batch tokens"],
        hidings: Sequence[Hiding],
        epoch: int | None,
    ) -> tuple[Selection, Selection]:
        shape, filled, training = self.shapes[name], name in self.filled, epoch is not None
        stream = name if self.masking.pattern == "independent" else shape.kind
        ratio = self.planner.ratio(name)
        drawn = UNCHANGING if epoch is None else epoch
        draw = drawing(available, windows.identity, shape, ratio, seed=self.seed, epoch=drawn, stream=stream)
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
        arranged = arrange(hide(draw, hidings, self.masking.per_day, filled), draw.keys)  # [B, tokens]
        if training:
            # CrossMAE's partial reconstruction (Fu et al. 2024): the gradient of a random part costs less and points
            # alike.
            n_target = [math.ceil(self.masking.prediction_ratio * n) for n in n_target]
        if windows.idle:
            n_target = [0]
        return take(arranged, all_targets, n_visible), take(arranged, [0] * len(n_target), n_target)


def _smallest(counts: list[int]) -> list[int]:
    """The smallest count above 0 for all: a sample without the modality must not rob the others of it."""
    smallest = min((n for n in counts if n), default=0)
    return [min(n, smallest) for n in counts]

"""Draws the masks of batches: which tokens the model sees and which it must predict."""

import math
from collections.abc import Collection, Mapping, Sequence

from jaxtyping import Bool
from torch import Tensor

from hydromae.config import MaskingConfig
from hydromae.data.batch import Selection
from hydromae.data.mask_plan import UNCHANGING, Hiding, MaskPlanner
from hydromae.data.masks import arrange, take
from hydromae.data.strategies import drawing, hide
from hydromae.data.tokens import TokenShape
from hydromae.data.windows import Windows

Masks = dict[str, tuple[Selection, Selection]]  # modality -> visible tokens, targets


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

    def training_masks(
        self, windows: Windows, available: Mapping[str, Bool[Tensor, "batch tokens"]], epoch: int
    ) -> Masks:
        """Masks of this epoch, by one strategy, drawn by `windows.number`, and cut to the batch's smallest counts.

        Args:
            windows: whose masks they are.
            available: modality -> [B, tokens], True where a token holds any value.
            epoch: of the training.
        """
        plan = self.planner.of_batch(windows.available_by_slot, windows.days, windows.number, epoch)
        return {
            name: self._draw(name, windows, available[name], hidings, epoch, training=True)
            for name, hidings in plan.items()
        }

    def evaluation_masks(self, windows: Windows, available: Mapping[str, Bool[Tensor, "batch tokens"]]) -> Masks:
        """Masks fixed by seed and window, each window's by a strategy of its own, with every target and every token.

        Where more than `random` is drawn, the first days are fetched from the device. Arguments as in training.
        """
        starts = [] if self.planner.always_random else windows.identity.tolist()
        here = {name: samples[windows.here] for name, samples in windows.available_by_slot.items()}
        plan = self.planner.of_windows(here, windows.days, starts)
        return {
            name: self._draw(name, windows, available[name], hidings, UNCHANGING, training=False)
            for name, hidings in plan.items()
        }

    def gapped(self, windows: Windows, epoch: int | None) -> dict[str, list[bool]]:
        """Modality -> samples of which a gap is hidden besides, see `hide_gaps`; none is named where no mask has any.

        Args:
            windows: whose masks they are.
            epoch: of the training; None for evaluation.
        """
        if "gap" not in self.planner.weights:
            return {}
        if epoch is None:
            here = {name: samples[windows.here] for name, samples in windows.available_by_slot.items()}
            plan = self.planner.of_windows(here, windows.days, windows.identity.tolist())
        else:
            whole = self.planner.of_batch(windows.available_by_slot, windows.days, windows.number, epoch)
            plan = {name: hidings[windows.here] for name, hidings in whole.items()}
        chosen = {name: [hiding.gapped and not windows.idle for hiding in hidings] for name, hidings in plan.items()}
        return {name: samples for name, samples in chosen.items() if any(samples)}

    def _draw(
        self,
        name: str,
        windows: Windows,
        available: Bool[Tensor, "batch tokens"],
        hidings: Sequence[Hiding],
        epoch: int,
        training: bool,
    ) -> tuple[Selection, Selection]:
        shape, filled = self.shapes[name], name in self.filled
        stream = name if self.masking.pattern == "independent" else shape.kind
        ratio = self.planner.ratio(name)
        draw = drawing(available, windows.identity, shape, ratio, seed=self.seed, epoch=epoch, stream=stream)
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

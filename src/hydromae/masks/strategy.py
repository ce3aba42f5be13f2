"""What a strategy is: a way to hide tokens, which a configuration names under `masking.strategies`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Bool, Int
from torch import Tensor

from hydromae.base.hashing import random_keys
from hydromae.masks.exact import target_counts
from hydromae.masks.hiding import Choice, Hiding, Settings, SlotCounts
from hydromae.tokens.shape import TokenShape

Order = Int[Tensor, "batch tokens"]


@dataclass(frozen=True)
class Drawing:
    """What the masks of one modality are drawn from.

    Attributes:
        available: [B, tokens], True where a token holds any value.
        keys: [B, tokens] random, see `random_keys`.
        places: tokens a slot (span of days).
        ratio: share of the available tokens that will be hidden.
        random: gives [B, n] keys for another use of the same windows, by its name.
        per_day: whether the share is to be hidden on every day (`masking.per_day`).
    """

    available: Bool[Tensor, "batch tokens"]
    keys: Int[Tensor, "batch tokens"]
    places: int
    ratio: float
    random: Callable[[int, str], Int[Tensor, "batch n"]]
    per_day: bool = False


class Strategy:
    """One way to hide; this one hides a share of the available tokens, those that come first in an order.

    A subclass that gives another `order` is a whole strategy. Counts are exact, since whoever hides n tokens hides the
    first n of the order, and known on the host, so that no device is waited for.

    Attributes:
        leaves_nothing: whether a whole modality or all later days are hidden, so that a sample may be left with nothing
            to see; training masks such a sample by `random` instead.
    """

    leaves_nothing: ClassVar[bool] = False

    def choose(
        self, name: str, settings: Settings, available: SlotCounts, days: int, shares: Sequence[float]
    ) -> Choice | None:
        """What is hidden of all samples of a batch; None where nothing could be predicted, or nothing seen.

        Args:
            name: under which the strategy is registered.
            settings: of the run.
            available: tokens that hold any value.
            days: in the windows.
            shares: three random numbers from 0 to below 1.
        """
        targets = settings.masking.targets.get(name)
        observed = targets is None or any(any(map(any, available[modality])) for modality in targets)
        return Choice(name, targets=targets) if observed else None

    def hiding(self, settings: Settings, name: str, choice: Choice, counts: Sequence[int]) -> Hiding:
        """How one modality of one sample is hidden, which has `counts` available tokens in each slot."""
        share = target_counts([sum(counts)], settings.ratio(name))[0] if choice.hides(name) else 0
        return Hiding.of(choice.strategy, settings.shapes[name], counts, share=share)

    def order(self, drawing: Drawing) -> Order:
        """In which order tokens are hidden, from 0 upwards: any token of the window, all alike."""
        return drawing.keys


def drawing_of(
    available: Bool[Tensor, "batch tokens"],
    windows: Int[Tensor, " batch"],
    shape: TokenShape,
    ratio: float,
    *,
    seed: int,
    epoch: int,
    stream: str,
    per_day: bool = False,
) -> Drawing:
    """A `Drawing` for windows; `seed`, `epoch` and `stream` are those of `random_keys`."""

    def random(count: int, use: str) -> Int[Tensor, "batch n"]:
        return random_keys(windows, count, seed=seed, epoch=epoch, stream=f"{stream} {use}")

    keys = random_keys(windows, available.shape[1], seed=seed, epoch=epoch, stream=stream)
    return Drawing(available, keys, shape.places, ratio, random, per_day)

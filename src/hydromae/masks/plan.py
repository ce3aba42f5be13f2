"""What a mask hides, decided on the host: the strategy, how many tokens, and from which day on nothing is shown."""

import math
from bisect import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from hydromae.base.hashing import random_shares
from hydromae.config import MaskingConfig, Strategy
from hydromae.masks.exact import target_counts
from hydromae.tokens.shape import TokenShape

SlotCounts = Mapping[str, Sequence[Sequence[int]]]  # modality -> sample -> available tokens of each slot
UNCHANGING = -1  # the epoch of masks that must be the same every time
Drawn = tuple[Strategy, "Choice | None"]


@dataclass(frozen=True)
class Choice:
    """One draw from the mixture.

    Attributes:
        strategy: its name.
        modality: the one that strategy modality hides.
        issue_day: days of the window that a forecast knows.
        perfect: whether the other modalities' future is known, too.
        targets: modalities that random, span or place hides; None is all.
    """

    strategy: Strategy
    modality: str | None = None
    issue_day: int = 0
    perfect: bool = False
    targets: tuple[str, ...] | None = None

    def hides(self, name: str) -> bool:
        """Whether random, span, gap or place hides anything of a modality."""
        return self.targets is None or name in self.targets


@dataclass(frozen=True)
class Hiding:
    """How one modality of one sample is hidden.

    Attributes:
        strategy: whose order is followed.
        share: available tokens to hide in that order, all of them targets.
        closed: first slot from which on all is hidden, and no fill is shown; past the last where there is none.
        behind: available tokens from that slot on.
        predicted: whether these are targets; else they are ignored.
        gaps: missing tokens before that slot, which a fill would show.
        available: available tokens in all.
        gapped: whether a gap of some days is hidden besides, token or not.
    """

    strategy: Strategy
    share: int
    closed: int
    behind: int
    predicted: bool
    gaps: int
    available: int
    gapped: bool = False

    @property
    def targets(self) -> int:
        """Tokens to predict."""
        return self.share + (self.behind if self.predicted else 0)

    @property
    def hides(self) -> bool:
        """Whether anything is hidden that may have been observed, and so is predicted and scored."""
        return self.targets > 0 or (self.gapped and self.available > 0)

    @property
    def visible(self) -> int:
        """Observed tokens that are neither hidden nor ignored."""
        return self.available - self.share - self.behind


_NOTHING = Choice("random", targets=())


class MaskPlanner:
    """Draws strategies and counts what they hide, on the host.

    In training a strategy that would leave nothing to predict or nothing to see, as a forecast where no flow was
    observed, gives way to `random`. In evaluation it hides nothing there: what is not trained is not scored.

    Args:
        masking: the mixture and its settings.
        shapes: token shape of each modality.
        forecast: modalities that strategy forecast predicts.
        seed: of the run.
    """

    def __init__(
        self, masking: MaskingConfig, shapes: Mapping[str, TokenShape], forecast: Sequence[str], seed: int
    ) -> None:
        self.masking, self.shapes, self.forecast, self.seed = masking, dict(shapes), tuple(forecast), seed
        self.weights = {name: weight for name, weight in sorted(masking.strategies.items()) if weight > 0}
        # Tokens may span several days: what is known ends where tokens of every modality end.
        self.token_days = math.lcm(*(shape.days for shape in shapes.values()))

    @property
    def always_random(self) -> bool:
        """Whether nothing but `random` is ever drawn."""
        return list(self.weights) == ["random"]

    def ratio(self, name: str) -> float:
        """Share of a modality's available tokens that random, span and place hide."""
        grid = self.shapes[name].kind == "grid"
        return self.masking.image_mask_ratio if grid else self.masking.vector_mask_ratio

    def of_batch(self, available: SlotCounts, days: int, number: int, epoch: int) -> dict[str, list[Hiding]]:
        """One choice for all samples of a training batch, so that their counts are equal where their gaps are.

        A sample that would have something to predict and nothing to see is masked by `random` instead.

        Args:
            available: tokens that hold any value.
            days: in the windows.
            number: the batch's number in its epoch.
            epoch: of the training.
        """
        strategy, drawn = self._choose(available, days, number, epoch)
        choice = drawn or self._in_its_place(strategy, available)
        plan = {name: [self._hiding(name, choice, counts) for counts in samples] for name, samples in available.items()}
        if choice.strategy in ("modality", "forecast"):
            for i, of_sample in enumerate(zip(*plan.values(), strict=True)):
                # As a sample that holds the hidden modality alone: it would be predicted from nothing.
                if any(h.targets for h in of_sample) and not any(h.visible for h in of_sample):
                    for name, samples in available.items():
                        plan[name][i] = self._hiding(name, Choice("random"), samples[i])
        return plan

    def of_windows(self, available: SlotCounts, days: int, starts: Sequence[int]) -> dict[str, list[Hiding]]:
        """A choice for each window, the same in every batch and at any time; nothing is hidden where it cannot be made.

        Args:
            available: tokens that hold any value.
            days: in the windows.
            starts: first day of each, which tells them apart; not read where all is random.
        """
        plan: dict[str, list[Hiding]] = {name: [] for name in available}
        for i in range(len(next(iter(available.values())))):
            of_window = {name: [samples[i]] for name, samples in available.items()}
            _, drawn = self._choose(of_window, days, 0 if self.always_random else starts[i], UNCHANGING)
            choice = drawn or _NOTHING
            for name, samples in of_window.items():
                plan[name].append(self._hiding(name, choice, samples[0]))
        return plan

    def _choose(self, available: SlotCounts, days: int, number: int, epoch: int) -> Drawn:
        """The strategy drawn, and what it hides; None where it would leave nothing to predict or nothing to see."""
        if self.always_random:
            return "random", self._kept_to_targets("random", available)
        shares = random_shares(number, 4, seed=self.seed, epoch=epoch, stream="strategy")
        limits = list(accumulate(self.weights.values()))
        strategy = list(self.weights)[bisect(limits[:-1], shares[0] * limits[-1])]
        if strategy == "modality":
            present = [name for name, samples in available.items() if any(map(any, samples))]
            wanted = [name for name in present if name in self.masking.targets.get(strategy, present)]
            possible = len(present) > 1 and wanted
            return strategy, Choice(strategy, wanted[int(shares[1] * len(wanted))]) if possible else None
        if strategy == "forecast":
            issue_day = self.issue_day(days, 1 + int(shares[2] * min(self.masking.horizon, max(days - 1, 1))))
            choice = Choice(strategy, issue_day=issue_day, perfect=shares[3] < self.masking.forcing)
            return strategy, choice if self._has_both(choice, available) else None
        return strategy, self._kept_to_targets(strategy, available)

    def _kept_to_targets(
        self, strategy: Literal["random", "span", "gap", "place"], available: SlotCounts
    ) -> Choice | None:
        """The strategy for its modalities only; None where none of them was observed."""
        targets = self.masking.targets.get(strategy)
        observed = targets is None or any(any(map(any, available[name])) for name in targets)
        return Choice(strategy, targets=targets) if observed else None

    def _in_its_place(self, strategy: Strategy, available: SlotCounts) -> Choice:
        """What training hides instead: `random`, of its own modalities where the strategy drawn names none."""
        kept = self._kept_to_targets("random", available) if strategy in ("modality", "forecast") else None
        return kept or Choice("random")

    def issue_day(self, days: int, horizon: int) -> int:
        """Days of a window that are known if the last `horizon` are not: whole tokens of every modality, at least one.

        It is 0 where the window holds no such part, so that nothing could be known.
        """
        known = (days - horizon) // self.token_days * self.token_days
        return max(known, self.token_days) if days > self.token_days else 0

    def _has_both(self, choice: Choice, available: SlotCounts) -> bool:
        hidings = [self._hiding(name, choice, counts) for name, samples in available.items() for counts in samples]
        return choice.issue_day > 0 and any(h.targets for h in hidings) and any(h.visible for h in hidings)

    def _hiding(self, name: str, choice: Choice, counts: Sequence[int]) -> Hiding:
        total, shape = sum(counts), self.shapes[name]
        closed, share = len(counts), 0
        predicted = choice.strategy == "modality" or name in self.forecast
        if choice.strategy == "modality":
            closed = 0 if name == choice.modality else closed
        elif choice.strategy == "forecast":
            closed = closed if choice.perfect and name not in self.forecast else choice.issue_day // shape.days
        elif choice.strategy == "gap":
            pass  # values are hidden, not tokens: see `hydromae.batch.gap_masks`
        elif choice.hides(name):
            share = target_counts([total], self.ratio(name))[0]
        gaps = closed * shape.places - sum(counts[:closed])
        gapped = choice.strategy == "gap" and choice.hides(name)
        return Hiding(choice.strategy, share, closed, sum(counts[closed:]), predicted, gaps, total, gapped)

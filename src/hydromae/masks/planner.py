"""Which strategy hides what of each batch or window, and how much, decided on the host."""

from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import accumulate

from hydromae.base.errors import ConfigError
from hydromae.base.hashing import random_shares
from hydromae.config import MaskingConfig
from hydromae.masks.hiding import Choice, Hiding, Settings, SlotCounts
from hydromae.masks.registry import strategy_of
from hydromae.tokens.shape import TokenShape

UNCHANGING = -1  # the epoch of masks that must be the same every time
Plan = dict[str, list[Hiding]]  # modality -> what is hidden of each sample

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

    Raises:
        ConfigError: there is no strategy of a name, or the tokens of a group (`masking.groups`) are cut differently.
    """

    def __init__(
        self, masking: MaskingConfig, shapes: Mapping[str, TokenShape], forecast: Sequence[str], seed: int
    ) -> None:
        self.settings, self.seed = Settings(masking, dict(shapes), tuple(forecast)), seed
        self.weights = {name: weight for name, weight in sorted(masking.strategies.items()) if weight > 0}
        self.strategies = {name: strategy_of(name) for name in {*self.weights, "random"}}
        _check_groups(masking.groups, shapes)

    @property
    def shapes(self) -> Mapping[str, TokenShape]:
        """Token shape of each modality."""
        return self.settings.shapes

    @property
    def always_random(self) -> bool:
        """Whether nothing but `random` is ever drawn."""
        return list(self.weights) == ["random"]

    def of_batch(self, available: SlotCounts, days: int, number: int, epoch: int) -> Plan:
        """One choice for all samples of a training batch, so that their counts are equal where their gaps are.

        A sample that would have something to predict and nothing to see is masked by `random` instead.

        Args:
            available: tokens that hold any value.
            days: in the windows.
            number: the batch's number in its epoch.
            epoch: of the training.
        """
        name, drawn = self._choose(available, days, number, epoch)
        choice = drawn or self._in_its_place(name, available, days)
        plan = {name: [self._hiding(name, choice, counts) for counts in samples] for name, samples in available.items()}
        if self.strategies[choice.strategy].leaves_nothing:
            for i, of_sample in enumerate(zip(*plan.values(), strict=True)):
                # As a sample that holds only the hidden modality: it would be predicted from nothing.
                if any(h.targets for h in of_sample) and not any(h.visible for h in of_sample):
                    for modality, samples in available.items():
                        plan[modality][i] = self._hiding(modality, Choice("random"), samples[i])
        return plan

    def of_windows(self, available: SlotCounts, days: int, starts: Sequence[int]) -> Plan:
        """A choice for each window, the same in every batch and at any time; nothing is hidden where it cannot be made.

        Args:
            available: tokens that hold any value.
            days: in the windows.
            starts: first day of each, which tells them apart; not read where all is random.
        """
        plan: Plan = {name: [] for name in available}
        for i in range(len(next(iter(available.values())))):
            of_window = {name: [samples[i]] for name, samples in available.items()}
            _, drawn = self._choose(of_window, days, 0 if self.always_random else starts[i], UNCHANGING)
            choice = drawn or _NOTHING
            for name, samples in of_window.items():
                plan[name].append(self._hiding(name, choice, samples[0]))
        return plan

    def _choose(self, available: SlotCounts, days: int, number: int, epoch: int) -> tuple[str, Choice | None]:
        """The strategy drawn, and what it hides; None where it would leave nothing to predict or nothing to see."""
        if self.always_random:
            return "random", self._choice("random", available, days, (0.0, 0.0, 0.0))
        shares = random_shares(number, 4, seed=self.seed, epoch=epoch, stream="strategy")
        limits = list(accumulate(self.weights.values()))
        name = list(self.weights)[bisect(limits[:-1], shares[0] * limits[-1])]
        return name, self._choice(name, available, days, shares[1:])

    def _choice(self, name: str, available: SlotCounts, days: int, shares: Sequence[float]) -> Choice | None:
        return self.strategies[name].choose(name, self.settings, available, days, shares)

    def _in_its_place(self, name: str, available: SlotCounts, days: int) -> Choice:
        """What training hides instead: `random`, of its own modalities where the strategy drawn names none."""
        kept = self.strategies[name].leaves_nothing
        return (self._choice("random", available, days, (0.0, 0.0, 0.0)) if kept else None) or Choice("random")

    def _hiding(self, name: str, choice: Choice, counts: Sequence[int]) -> Hiding:
        return self.strategies[choice.strategy].hiding(self.settings, name, choice, counts)


def _check_groups(groups: Sequence[Sequence[str]], shapes: Mapping[str, TokenShape]) -> None:
    """Refuse groups whose modalities do not exist, or have no tokens at the same places and days."""
    for group in groups:
        for name in group:
            if name not in shapes:
                raise ConfigError(f"masking.groups names {name}, which is none of {', '.join(shapes)}; take it out")
        first, *others = ((name, shapes[name]) for name in group)
        for name, shape in others:
            if (shape.kind, shape.days, shape.places) != (first[1].kind, first[1].days, first[1].places):
                raise ConfigError(
                    f"masking.groups hides {first[0]} and {name} together, whose tokens differ: {_said(first[1])}, "
                    f"and {_said(shape)}; group grids with grids and series with series"
                )


def _said(shape: TokenShape) -> str:
    places = "patches" if shape.kind == "grid" else "groups of stations"
    return f"{shape.places} {places} over {shape.days} day{'s' if shape.days > 1 else ''}"

"""What a strategy decides on the host before any token is touched: what is drawn, and how much it hides."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hydromae.config import MaskingConfig
from hydromae.tokens.shape import TokenShape

SlotCounts = Mapping[str, Sequence[Sequence[int]]]  # modality -> sample -> available tokens of each slot


@dataclass(frozen=True)
class Settings:
    """What all strategies read.

    Attributes:
        masking: the configuration.
        shapes: modality -> how it is cut into tokens.
        forecast: modalities that strategy forecast predicts.
    """

    masking: MaskingConfig
    shapes: Mapping[str, TokenShape]
    forecast: tuple[str, ...]

    @property
    def token_days(self) -> int:
        """Days after which tokens of every modality end."""
        return math.lcm(*(shape.days for shape in self.shapes.values()))

    def together(self, name: str) -> tuple[str, ...]:
        """The modalities that are hidden where this one is, itself among them."""
        return next((group for group in self.masking.groups if name in group), (name,))

    def group_stream(self, name: str) -> str:
        """What the gaps of a modality are drawn by: those of a group are the same."""
        return "+".join(self.together(name))

    def stream(self, name: str) -> str:
        """What a modality's masks are drawn by: modalities of one stream hide the same tokens."""
        return self.shapes[name].kind if self.masking.pattern == "unified" else self.group_stream(name)

    def ratio(self, name: str) -> float:
        """Share of a modality's available tokens that is hidden."""
        grid = self.shapes[name].kind == "grid"
        return self.masking.grid_mask_ratio if grid else self.masking.series_mask_ratio


@dataclass(frozen=True)
class Choice:
    """One draw from the mixture.

    Attributes:
        strategy: its name.
        modality: the one that strategy modality hides.
        issue_day: days of the window that a forecast knows.
        perfect: whether the other modalities' future is known, too.
        targets: modalities that are hidden; None is all.
    """

    strategy: str
    modality: str | None = None
    issue_day: int = 0
    perfect: bool = False
    targets: tuple[str, ...] | None = None

    def hides(self, name: str) -> bool:
        """Whether anything of a modality is hidden."""
        return self.targets is None or name in self.targets


@dataclass(frozen=True)
class Hiding:
    """How one modality of one sample is hidden.

    Attributes:
        strategy: whose order is followed.
        share: available tokens to hide in that order, all of them targets.
        closed: first slot from which on all is hidden, and nothing is filled; past the last where there is none.
        behind: available tokens from that slot on.
        predicted: whether these are targets; else they are ignored.
        gaps: missing tokens before that slot, which a fill would make visible.
        available: available tokens in all.
        gapped: whether a gap of some days is hidden besides, token or not.
        rolling: whether the sample is forecast from every issue day.
        rolled: targets of all these issue days.
    """

    strategy: str
    share: int
    closed: int
    behind: int
    predicted: bool
    gaps: int
    available: int
    gapped: bool = False
    rolling: bool = False
    rolled: int = 0

    @classmethod
    def of(
        cls,
        strategy: str,
        shape: TokenShape,
        counts: Sequence[int],
        *,
        share: int = 0,
        closed: int | None = None,
        predicted: bool = True,
        gapped: bool = False,
        rolling: bool = False,
        rolled: int = 0,
    ) -> "Hiding":
        """Count what a strategy hides of a sample that has `counts` available tokens in each slot."""
        closed = len(counts) if closed is None else closed
        gaps = closed * shape.places - sum(counts[:closed])
        behind, available = sum(counts[closed:]), sum(counts)
        return cls(strategy, share, closed, behind, predicted, gaps, available, gapped, rolling, rolled)

    @property
    def targets(self) -> int:
        """Tokens to predict."""
        return self.share + (self.behind if self.predicted else 0)

    @property
    def hides(self) -> bool:
        """Whether anything is hidden that may have been observed, and so is predicted and scored."""
        return self.targets > 0 or self.rolled > 0 or (self.gapped and self.available > 0)

    @property
    def visible(self) -> int:
        """Observed tokens that are neither hidden nor ignored."""
        return self.available - self.share - self.behind

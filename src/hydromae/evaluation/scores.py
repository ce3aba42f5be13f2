"""Scores of a reconstruction, and what they mean in words."""

import math
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

REFERENCES = {"mean": "the mean", "nearest_day": "the nearest visible day"}


class ModalityScore(BaseModel):
    """Mean squared errors of one modality at hidden places; `mse` maps `model` and each reference to its error."""

    model_config = ConfigDict(frozen=True)

    kind: str
    units: str
    measure: str
    mse: dict[str, float | None]
    values: int

    def error(self, of: str) -> float:
        """Mean squared error of the model or of a reference, in units squared; NaN if there is none."""
        value = self.mse.get(of)
        return math.nan if value is None else value

    def skill(self, reference: str) -> float:
        """1 - MSE / MSE of the reference (Murphy 1988): 1 is perfect, below 0 is worse; NaN if undefined."""
        own, other = self.error("model"), self.error(reference)
        return 1 - own / other if math.isfinite(own) and math.isfinite(other) and other > 0 else math.nan


class Scores(BaseModel):
    """The scores of a reconstruction over one period."""

    model_config = ConfigDict(frozen=True)

    split: str
    period: tuple[str, str]
    windows: int
    modalities: dict[str, ModalityScore]

    @property
    def references(self) -> tuple[str, ...]:
        """The references that the model is compared with, in the order of the file."""
        return tuple(dict.fromkeys(key for score in self.modalities.values() for key in score.mse if key != "model"))


def reference_label(reference: str) -> str:
    """A reference that the model is compared with, in words."""
    return REFERENCES.get(reference, reference.replace("_", " "))


def wins(scores: Scores, reference: str) -> tuple[int, int]:
    """Number of modalities whose error is below the reference's, and number that can be compared."""
    skills = [score.skill(reference) for score in scores.modalities.values()]
    return sum(skill > 0 for skill in skills), sum(math.isfinite(skill) for skill in skills)


def verdict(scores: Scores, label: Callable[[str], str]) -> str:
    """For how many modalities the model beats each reference, and where it is weakest."""
    parts = []
    for reference in scores.references:
        won, compared = wins(scores, reference)
        if compared:
            parts.append(f"with {reference_label(reference)} for {won} of {compared}")
    if not parts:
        return "The scores hold no number that can be compared."
    parts[0] += " modality" if parts[0].endswith("of 1") else " modalities"
    return f"Reconstruction beats filling {_listing(parts)}. {_weakest(scores, label)}{_unknown(scores, label)}"


def _weakest(scores: Scores, label: Callable[[str], str]) -> str:
    skills = [
        (score.skill(reference), name, reference)
        for name, score in scores.modalities.items()
        for reference in scores.references
        if math.isfinite(score.skill(reference))
    ]
    skill, name, reference = min(skills)
    compared = f"{abs(skill) * 100:.0f} % {'below' if skill > 0 else 'above'}" if skill else "equal to"
    word = "Weakest" if skill > 0 else "Worst"
    return f"{word} is {label(name)}: its squared error is {compared} that of {reference_label(reference)}."


def _unknown(scores: Scores, label: Callable[[str], str]) -> str:
    names = [label(name) for name, score in scores.modalities.items() if not math.isfinite(score.error("model"))]
    if not names:
        return ""
    return f" The model's error is not a finite number for {_listing(names)}."


def _listing(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"

"""Scores in words: one sentence a person can act on, computed from the numbers."""

import math
from collections.abc import Callable

import numpy as np

from hydromae.report.inputs import Metrics, Scores

REFERENCES = {"mean": "the mean", "nearest_day": "the nearest visible day"}


def reference_label(reference: str) -> str:
    """What the model is compared with, in words."""
    return REFERENCES.get(reference, reference.replace("_", " "))


def wins(scores: Scores, reference: str) -> tuple[int, int]:
    """Number of modalities whose error is below the reference's, and number that can be compared."""
    skills = [score.skill(reference) for score in scores.modalities.values()]
    return sum(skill > 0 for skill in skills), sum(math.isfinite(skill) for skill in skills)


def verdict(scores: Scores, label: Callable[[str], str]) -> str:
    """Against how many modalities each reference loses, and where the model is weakest."""
    parts = []
    for reference in scores.references:
        won, compared = wins(scores, reference)
        if compared:
            parts.append(f"with {reference_label(reference)} for {won} of {compared}")
    if not parts:
        return "The scores hold no number that can be compared."
    parts[0] += " variable" if parts[0].endswith("of 1") else " variables"
    return f"Reconstruction beats filling {_listing(parts)}. {_weakest(scores, label)}{_unknown(scores, label)}"


def learning(metrics: Metrics) -> str:
    """How the validation loss (else the training loss) went, from its first to its best and last value."""
    which, curve = ("Validation", metrics.validation) if len(metrics.validation) else ("Training", metrics.train)
    finite = np.flatnonzero(np.isfinite(curve.loss))
    if not finite.size:
        return "No loss is a finite number: nothing was learnt that this page could show."
    first, last = finite[0], finite[-1]
    if first == last:
        return f"{which} loss is {curve.loss[first]:.3g} at step {curve.step[first]}, its only record."
    best = finite[np.argmin(curve.loss[finite])]
    if best == first:
        return f"{which} loss never fell below its first value, {curve.loss[first]:.3g} at step {curve.step[first]}."
    fall = f"{which} loss fell from {curve.loss[first]:.3g} at step {curve.step[first]}"
    fall += f" to {curve.loss[best]:.3g} at step {curve.step[best]}"
    return f"{fall}, its last record." if best == last else f"{fall}; the last is {curve.loss[last]:.3g}."


def not_finite(metrics: Metrics) -> list[str]:
    """A sentence for each curve that holds NaN or infinite losses, and one for lines that could not be read."""
    sentences = []
    for which, curve in (("training", metrics.train), ("validation", metrics.validation)):
        bad = ~np.isfinite(curve.loss)
        bad |= np.any([~np.isfinite(values) for values in curve.losses.values()], axis=0) if curve.losses else False
        if bad.any():
            count = f"{int(bad.sum())} of {len(curve)}"
            step = curve.step[np.flatnonzero(bad)[0]]
            sentences.append(
                f"{count} {which} records lack a finite loss (first at step {step}): the curves leave them out."
            )
    if metrics.unreadable:
        sentences.append(f"{metrics.unreadable} lines of metrics.jsonl could not be read and are left out.")
    return sentences


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

"""How a training went, in sentences that a person can act on."""

import numpy as np

from hydromae.report.inputs import Metrics


def learning(metrics: Metrics) -> str:
    """How the validation loss (else the training loss) went, from its first to its best and last value."""
    which, curve = ("Validation", metrics.validation) if len(metrics.validation) else ("Training", metrics.train)
    finite = np.flatnonzero(np.isfinite(curve.loss))
    if not finite.size:
        return "No loss is a finite number: this page has nothing to show of what was learnt."
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
        bad = curve.broken
        if bad.any():
            count = f"{int(bad.sum())} of {len(curve)}"
            step = curve.step[np.flatnonzero(bad)[0]]
            sentences.append(
                f"{count} {which} records lack a finite loss (first at step {step}): the curves leave them out."
            )
    if metrics.unreadable:
        sentences.append(f"{metrics.unreadable} lines of metrics.jsonl are not what was written and are left out.")
    return sentences

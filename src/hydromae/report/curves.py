"""Loss curves: the total, one for each modality, and the learning rate."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hydromae.drawing.encode import BLACK, BLUE, GREY, ORANGE, Picture, plain, svg
from hydromae.report.inputs import Curve, Metrics

POINTS = 600


def smooth(values: Float[np.ndarray, " record"], width: int) -> Float[np.ndarray, " record"]:
    """Centred running mean over `width` records, without values that are not finite; NaN where none is left."""
    finite = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])  # [record + 1]
    counts = np.concatenate([[0], np.cumsum(finite)])
    centre = np.arange(len(values))
    low, high = np.maximum(centre - width // 2, 0), np.minimum(centre + width // 2 + 1, len(values))
    with np.errstate(invalid="ignore"):
        mean = (sums[high] - sums[low]) / (counts[high] - counts[low])
    return np.asarray(mean, dtype=np.float64)


def loss_curves(metrics: Metrics, label: Callable[[str], str]) -> list[Picture]:
    """Pictures of the total loss, of each modality's loss and of the learning rate.

    A modality's loss is a mean squared error of scaled values, so predicting the mean would score about 1.
    """
    train, validation = metrics.train, metrics.validation
    pictures = [_panel("Total loss", train, train.loss, validation, validation.loss, reference=False)]
    for name in dict.fromkeys([*train.losses, *validation.losses]):
        own, held_out = (curve.losses.get(name, np.full(len(curve), np.nan)) for curve in (train, validation))
        pictures.append(_panel(label(name), train, own, validation, held_out, reference=True))
    if np.isfinite(train.lr).any():
        pictures.append(_learning_rate(train))
    return pictures


def _panel(
    title: str,
    train: Curve,
    own: Float[np.ndarray, " record"],
    validation: Curve,
    held_out: Float[np.ndarray, " validation_record"],
    reference: bool,
) -> Picture:
    figure, axes = _axes(plain(title), "step")
    own, held_out = (np.where(np.isfinite(values), values, np.nan) for values in (own, held_out))
    if np.isfinite(own).any():
        step, values = _thin(train.step, own)
        axes.plot(step, values, color=BLUE, alpha=0.25, linewidth=0.7)
        step, values = _thin(train.step, smooth(own, width=max(len(own) // 30, 1)))
        axes.plot(step, values, color=BLUE, linewidth=1.6, label="training (smoothed)")
    if np.isfinite(held_out).any():
        finite = np.isfinite(held_out)
        marker = "o" if finite.sum() <= 40 else ""
        axes.plot(validation.step[finite], held_out[finite], marker, ls="-", color=ORANGE, ms=3.5, label="validation")
    values = np.concatenate([own, held_out])
    if not np.isfinite(values).any():
        axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, ha="center", color=GREY)
        return svg(figure, f"{title}: no finite value to draw.")
    if reference:
        axes.axhline(1.0, color=BLACK, linewidth=0.9, linestyle="--", label="predicting the mean")
    _limit(axes, values, reference)
    axes.legend(loc="best")
    parts = (f"{title} against step.", _describe("Training", own), _describe("Validation", held_out))
    return svg(figure, " ".join(part for part in parts if part))


def _learning_rate(train: Curve) -> Picture:
    figure, axes = _axes("Learning rate", "step")
    step, rate = _thin(train.step, train.lr)
    axes.plot(step, rate, color=BLACK, linewidth=1.4)
    axes.set_ylim(bottom=0)
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 3))
    return svg(figure, f"Learning rate against step, highest {np.nanmax(train.lr):.3g}.")


def _axes(title: str, xlabel: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.4, 2.7), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=xlabel)
    axes.grid(axis="y", color="#e6e8eb", linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def _limit(axes: Axes, values: Float[np.ndarray, " record"], reference: bool) -> None:
    finite = values[np.isfinite(values)]
    if finite.min() > 0 and finite.max() > 20 * finite.min():
        axes.set_yscale("log")
        return
    # One spike must not flatten the rest of the curve.
    top = max(float(np.quantile(finite, 0.98)) * 1.15, 1.1 if reference else 0.0)
    axes.set_ylim(min(0.0, float(finite.min())), top or None)


def _thin(
    step: Int[np.ndarray, " record"], values: Float[np.ndarray, " record"]
) -> tuple[Int[np.ndarray, " point"], Float[np.ndarray, " point"]]:
    keep = np.unique(np.linspace(0, len(step) - 1, min(len(step), POINTS)).round().astype(int))
    return step[keep], values[keep]


def _describe(which: str, values: Float[np.ndarray, " record"]) -> str:
    finite = values[np.isfinite(values)]
    return f"{which}: from {finite[0]:.3g} to {finite[-1]:.3g}, lowest {finite.min():.3g}." if finite.size else ""

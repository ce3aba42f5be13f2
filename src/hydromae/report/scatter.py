"""Reconstructed against observed values where they were hidden, as a density."""

import numpy as np
from jaxtyping import Float
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from hydromae.drawing.encode import BLACK, Picture, plain, png
from hydromae.store.scaling import Transform

BINS = 80


def draw_scatter(
    observed: Float[np.ndarray, " value"],
    estimated: Float[np.ndarray, " value"],
    scaling: Transform,
    label: str,
    units: str,
) -> Picture | None:
    """Density of pairs on axes stretched as the modality is scaled; None without a pair of finite values."""
    finite = np.isfinite(observed) & np.isfinite(estimated)
    observed, estimated = observed[finite].astype(np.float64), estimated[finite].astype(np.float64)
    if not finite.any():
        return None
    stretched = scaling in ("log", "log1p", "sqrt") and observed.min() >= 0
    # A log axis starts at the value that all but one observation in 200 exceeds, so dry zeros do not fill the plot.
    positive = observed[observed > 0]
    floor = float(np.quantile(positive, 0.005)) if stretched and scaling == "log" and positive.size else 1.0

    def stretch(values: Float[np.ndarray, " value"]) -> Float[np.ndarray, " value"]:
        if not stretched:
            return values
        if scaling == "log":
            return np.asarray(np.log(np.maximum(values, floor)))
        above = np.maximum(values, 0.0)
        return np.asarray(np.sqrt(above) if scaling == "sqrt" else np.log1p(above))

    x, y = stretch(observed), stretch(estimated)
    low, high = float(x.min()), float(x.max())
    if high <= low:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    counts = np.histogram2d(x, np.clip(y, low, high), bins=[edges, edges])[0]  # [observed, estimated]

    figure = Figure(figsize=(3.5, 3.3), dpi=110, layout="constrained")
    axes = figure.add_subplot(title=plain(label), aspect="equal")
    drawn = np.ma.masked_equal(counts.T, 0)  # [estimated, observed]
    mesh = axes.pcolormesh(edges, edges, drawn, cmap="viridis", norm=LogNorm(1, max(2.0, float(counts.max()))))
    axes.plot([low, high], [low, high], color=BLACK, linewidth=0.9, linestyle="--")
    unit = f" [{units}]" if units and units != "1" else ""
    axes.set(xlabel=f"observed{unit}", ylabel=f"reconstructed{unit}", xlim=(low, high), ylim=(low, high))
    if stretched:
        ticks = _ticks(floor if scaling == "log" else 0.0, float(observed.max()), log=scaling == "log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(list(stretch(ticks)), labels=[f"{tick:g}" for tick in ticks])
    figure.colorbar(mesh, ax=axes, label="values in a bin", shrink=0.85)

    correlation = np.corrcoef(x, y)[0, 1] if np.ptp(x) > 0 and np.ptp(y) > 0 else np.nan
    outside = int(((y < low) | (y > high)).sum())
    beyond = f"; {outside:,} estimates beyond the observed range are drawn at its edge" if outside else ""
    on_axes = " on these axes" if stretched else ""
    agreement = f"; correlation {correlation:.2f}{on_axes}" if np.isfinite(correlation) else ""
    caption = f"{label}: {len(x):,} hidden values{agreement}. The dashed line is perfect{beyond}."
    return png(figure, f"Density of reconstructed against observed {label} at hidden places.", caption)


def _ticks(low: float, high: float, log: bool) -> Float[np.ndarray, " tick"]:
    if log:
        decades = 10.0 ** np.arange(np.ceil(np.log10(low)), np.floor(np.log10(max(high, low))) + 1)
        return decades if len(decades) > 1 else np.array([low, high])
    ticks = np.array([0.0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000])
    return ticks[ticks <= high] if high >= 1 else np.array([0.0, high])

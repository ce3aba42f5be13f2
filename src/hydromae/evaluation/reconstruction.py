"""Scores of reconstructions: mean squared error at hidden values, beside two simple fills."""

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hydromae.config import Kind


@dataclass
class SquaredErrors:
    """Sums of squared errors over windows.

    The mean squared error of a grid is over all hidden land cells. That of series is the median over the stations'
    mean squared errors, so that no large river dominates.

    Args:
        kind: grid or series.
        units: unit of the values that are compared.
    """

    kind: Kind
    units: str
    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: Tensor | None = None

    def add(
        self, truth: Float[Tensor, "batch days *place"], filled: dict[str, Float[Tensor, "batch days *place"]]
    ) -> None:
        """Add windows: `truth` is NaN wherever nothing is scored; `filled` has a field for each method."""
        scored = ~torch.isnan(truth)
        over = (0, 1) if self.kind == "series" else tuple(range(truth.ndim))
        counts = scored.sum(over).double()
        self.counts = counts if self.counts is None else self.counts + counts
        for method, values in filled.items():
            error = torch.where(scored, (values - truth).double(), 0.0).square().sum(over)
            self.sums[method] = self.sums[method] + error if method in self.sums else error

    def result(self) -> dict[str, Any]:
        """Mean squared errors by method, the unit of the values, what the mean is over, and the number of values."""
        if self.counts is None:
            raise ValueError("no window was added")
        has = self.counts > 0
        mse = {m: (s[has] / self.counts[has]).quantile(0.5).item() if has.any() else None for m, s in self.sums.items()}
        measure = "median over stations" if self.kind == "series" else "land cells"
        values = int(self.counts.sum().item())
        return {"kind": self.kind, "units": self.units, "measure": measure, "mse": mse, "values": values}

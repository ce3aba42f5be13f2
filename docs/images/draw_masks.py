"""Draws masks.png: each strategy on one made-up window, by the functions that draw the masks in training.

python docs/images/draw_masks.py
"""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import torch
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from torch import Tensor

from hydromae.config import MaskingConfig
from hydromae.masks.mask import Observed
from hydromae.masks.masker import Masker
from hydromae.masks.planner import MaskPlanner
from hydromae.tokens.selection import IGNORED, MISSING, STATE_MEANINGS, TARGET, VISIBLE
from hydromae.tokens.shape import TokenShape
from hydromae.windows.windows import Windows

DAYS = 30
SHAPES = {
    "precip": TokenShape("grid", 100, 1, 24),
    "temp": TokenShape("grid", 100, 1, 24),
    "riverflow": TokenShape("series", 8, 1, 12 * 8),
}
STRATEGIES: dict[str, dict[str, Any]] = {
    "random": {},
    "random\nper_day: true": {"per_day": True},
    "random\npattern: unified": {"pattern": "unified"},
    "span": {"strategies": {"span": 1}},
    "place": {"strategies": {"place": 1}},
    "modality": {"strategies": {"modality": 1}},
    "forecast\nforcing: 0": {"strategies": {"forecast": 1}, "forcing": 0},
    "forecast\nforcing: 1": {"strategies": {"forecast": 1}, "forcing": 1},
}
COLOURS = {VISIBLE: "#9ecae1", TARGET: "#d95f0e", IGNORED: "#f0f0f0", MISSING: "#525252"}


def window() -> tuple[Windows, dict[str, Tensor]]:
    """Grids without a gap but one day, and a river flow with gaps: a late station group and some single days."""
    available = {name: torch.ones(DAYS, shape.places, dtype=torch.bool) for name, shape in SHAPES.items()}
    available["temp"][11] = False
    available["riverflow"][:14, 3] = False
    available["riverflow"][torch.rand(DAYS, 12, generator=torch.Generator().manual_seed(1)) < 0.06] = False
    by_slot = {name: [of_slot.sum(1).tolist()] for name, of_slot in available.items()}
    values = {name: torch.empty(1, DAYS, 0) for name in SHAPES}
    tokens = {name: of_slot.flatten()[None] for name, of_slot in available.items()}  # [1, tokens]
    return Windows(values, torch.tensor([0]), by_slot, number=4), tokens


def states(masker: Masker) -> dict[str, Tensor]:
    """State of each token, [days, places] of each modality."""
    windows, available = window()
    found = {}
    observed = Observed(SHAPES, {name: of_name[..., None] for name, of_name in available.items()})
    for name, mask in masker.training(epoch=0)(windows, observed).items():
        state = torch.where(available[name][0], IGNORED, MISSING)
        state[mask.visible.index[0, mask.visible.real[0]]] = VISIBLE
        state[mask.target.index[0, mask.target.real[0]]] = TARGET
        found[name] = state.unflatten(0, (DAYS, SHAPES[name].places))
    return found


def main() -> None:
    """Draw all strategies beside each other."""
    colours = ListedColormap([COLOURS[state] for state in sorted(COLOURS)])
    figure, axes = plt.subplots(
        len(SHAPES), len(STRATEGIES), figsize=(15, 5.2), sharex=True, height_ratios=[24, 24, 12], layout="constrained"
    )
    for column, (title, masking) in enumerate(STRATEGIES.items()):
        found = states(Masker(MaskPlanner(MaskingConfig(**masking), SHAPES, ["riverflow"], seed=0)))
        axes[0, column].set_title(title, fontsize=10)
        for row, (name, state) in enumerate(found.items()):
            panel = axes[row, column]
            panel.imshow(state.T, cmap=colours, vmin=0, vmax=3, aspect="auto", interpolation="none")
            panel.set_yticks([])
            if column == 0:
                panel.set_ylabel(
                    f"{name}\n{'patches' if SHAPES[name].kind == 'grid' else 'station groups'}", fontsize=9
                )
        axes[-1, column].set_xlabel("day", fontsize=9)
    handles = [Patch(color=COLOURS[state], label=STATE_MEANINGS[state]) for state in sorted(COLOURS)]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.savefig(Path(__file__).with_name("masks.png"), dpi=80)


if __name__ == "__main__":
    main()

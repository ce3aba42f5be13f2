"""Daily states of stations, and which of them each value to predict is read from."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydromae.batch.batch import ModalityTokens


@dataclass(frozen=True)
class LastSeen:
    """The last day on which a station showed a value, up to each day of a window; -1 before the first.

    Attributes:
        anything: [B, T, stations] of any series.
        weather: [B, T, stations] of those that are not forecast from several issue days.
    """

    anything: Int[Tensor, "batch days stations"]
    weather: Int[Tensor, "batch days stations"]


@dataclass(frozen=True)
class Later:
    """The recurrence from the last day to the first, where it stands apart.

    Attributes:
        days: [B, T, stations, R] its states.
        more_follows: [B, T, stations] whether a series that is forecast from several issue days shows a value on a
            later day.
    """

    days: Float[Tensor, "batch days stations width"]
    more_follows: Bool[Tensor, "batch days stations"]


@dataclass(frozen=True)
class States:
    """Daily states of stations.

    Attributes:
        days: [B, T, stations, R] of a window, from all that is visible.
        rolled: [B, issue days, horizon, stations, R] of the days after each issue day with the weather of its horizon;
            None where no forecast knows it.
        last_seen: in a model with rolling series, whose states of days on which nothing is known are not read; None in
            the others.
        later: of the recurrence from the last day, in a model where it stands apart; None in the others.
    """

    days: Float[Tensor, "batch days stations width"]
    rolled: Float[Tensor, "batch issue lead stations width"] | None = None
    last_seen: LastSeen | None = None
    later: Later | None = None

    def later_of_cells(self, tokens: ModalityTokens) -> Float[Tensor, "batch n cells width"] | None:
        """The state of `later` on the day of every cell of the targets; 0 where nothing is to be learnt from it.

        That is where no later day of the series that are forecast may be seen: a forecast never reads it.
        """
        if self.later is None:
            return None
        n_days, n_stations = self.days.shape[1:3]
        sample, day, station = cell_places(tokens, n_days, n_stations)
        rows = (sample * n_days + day) * n_stations + station
        read = reads_later(tokens, self.later.more_follows)
        return torch.where(read[..., None], _taken(self.later.days.flatten(0, 2), rows), 0.0)

    def of_cells(
        self, tokens: ModalityTokens
    ) -> tuple[Float[Tensor, "batch n cells width"], Int[Tensor, "batch n cells"] | None]:
        """The state that every cell of the targets is read from, and how many days before the cell's it lies.

        In a model without rolling series it is that of the cell's own day, and None. In one with, it is that of the
        last day on which the target knows anything of its station.
        """
        n_days, n_stations = self.days.shape[1:3]
        sample, day, station = cell_places(tokens, n_days, n_stations)
        issued = tokens.issued
        states = self.days.flatten(0, 2)  # [B T S, R]

        def row(of_day: Int[Tensor, "batch n cells"]) -> Int[Tensor, "batch n cells"]:
            return (sample * n_days + of_day) * n_stations + station

        if self.last_seen is None:
            return _taken(states, row(day)), None
        if not day.shape[1]:  # of a series that is no target nothing is read
            return _taken(states, row(day)), day
        known = day if issued is None else torch.minimum(day, issued.day[..., None] - 1)
        last = self.last_seen.anything.flatten()[row(known)]  # [B, n, cells]
        if issued is not None:
            known = torch.minimum(day, issued.weather[..., None] - 1)
            last = torch.maximum(last, self.last_seen.weather.flatten()[row(known)])
        last = last.clamp(min=0)
        rows = row(last)
        if issued is not None and self.rolled is not None:
            _, issues, horizon, *_ = self.rolled.shape
            issue = ((issued.day - issued.first) // issued.step).clamp(0, issues - 1)[..., None]
            lead = (last - issued.day[..., None]).clamp(0, horizon - 1)
            of_rolled = ((sample * issues + issue) * horizon + lead) * n_stations + station
            rows = torch.where(last >= issued.day[..., None], of_rolled + len(states), rows)
            states = torch.cat([states, self.rolled.flatten(0, 3)])
        return _taken(states, rows), day - last


def reads_later(
    tokens: ModalityTokens, more_follows: Bool[Tensor, "batch days stations"]
) -> Bool[Tensor, "batch n cells"]:
    """Which cells of the targets read the recurrence from the last day; see `Later`."""
    n_days, n_stations = more_follows.shape[1:]
    sample, day, station = cell_places(tokens, n_days, n_stations)
    read = more_follows.flatten()[(sample * n_days + day) * n_stations + station]
    # A target that is no forecast has an issue day past the window.
    return read if tokens.issued is None else read & (tokens.issued.day >= n_days)[..., None]


def cell_places(
    tokens: ModalityTokens, days: int, stations: int
) -> tuple[Int[Tensor, "batch 1 1"], Int[Tensor, "batch n cells"], Int[Tensor, "batch n cells"]]:
    """Sample, day and station of each cell of the targets.

    Cells past the last day or station, which nothing is made of, are given those.
    """
    shape, index = tokens.shape, tokens.target.index
    cells = torch.arange(shape.cells, device=index.device)
    day = (index // shape.places)[..., None] * shape.days + cells % shape.days  # [B, n, cells]
    station = shape.place(index)[..., None] * shape.size + cells // shape.days  # [B, n, cells]
    sample = torch.arange(index.shape[0], device=index.device)[:, None, None]
    return sample, day.clamp(max=days - 1), station.clamp(max=stations - 1)


def last_seen(
    seen: Bool[Tensor, "batch days stations modality"],
    weather: Bool[Tensor, " modality"],
    grids: Sequence[Bool[Tensor, "batch days stations"]] = (),
) -> LastSeen:
    """When a station last showed a value.

    Args:
        seen: where one of a series is visible.
        weather: which series are not forecast from several issue days.
        grids: where a cell around the station is visible, of each grid.
    """
    seen = torch.cat([seen, *(of_grid[..., None] for of_grid in grids)], dim=-1)
    weather = torch.cat([weather, weather.new_ones(len(grids))])
    days = torch.arange(seen.shape[1], device=seen.device)[:, None]

    def last(of_day: Bool[Tensor, "batch days stations"]) -> Int[Tensor, "batch days stations"]:
        return torch.where(of_day, days, -1).cummax(dim=1).values

    return LastSeen(last(seen.any(-1)), last((seen & weather).any(-1)))


def more_follows(
    seen: Bool[Tensor, "batch days stations modality"], weather: Bool[Tensor, " modality"]
) -> Bool[Tensor, "batch days stations"]:
    """Whether a station shows a value that is no weather on a later day; arguments as those of `last_seen`."""
    flow = (seen & ~weather).any(-1)
    return (flow.flip(1).cumsum(1).flip(1) - flow.long()) > 0


def _taken(states: Float[Tensor, "row width"], rows: Int[Tensor, "batch n cells"]) -> Tensor:
    """Only the targets' states are copied: of a series that nothing is asked of, none."""
    return states.index_select(0, rows.flatten()).reshape(*rows.shape, states.shape[-1])

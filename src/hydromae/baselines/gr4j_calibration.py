"""Parameters of GR4J for many stations at once, by differential evolution (Storn and Price 1997)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hydromae.baselines.gr4j import GR4JParameters, gr4j

WARM_UP = 365  # days at the start of each simulation that are not scored
# ln X1 (mm), asinh X2 (mm/d), ln X3 (mm), ln X4 (d): wider than where 80 % of the catchments of Perrin et al. lie.
LOWEST = np.array([np.log(10), np.arcsinh(-10), np.log(2), np.log(0.5)])
HIGHEST = np.array([np.log(4000), np.arcsinh(10), np.log(1500), np.log(5)])
MEDIAN = np.array([np.log(350), 0.0, np.log(90), np.log(1.7)])  # of the 429 catchments of Perrin et al.
_CHUNK = 200  # stations at once: with all members some 4,000 places, the quickest
_SPAN = 365  # days that are simulated before they are scored, which bounds the memory


@dataclass(frozen=True)
class Calibration:
    """How parameters are searched.

    Attributes:
        years: the last years of the training period that are simulated, the first of which warms up.
        members: candidates of each station.
        generations: how often each candidate is challenged.
        seed: of the draws, which are the same for every station, so that none depends on the others.
    """

    years: int = 15
    members: int = 20
    generations: int = 25
    seed: int = 0


def parameters_of(points: Float[np.ndarray, "*place 4"]) -> GR4JParameters:
    """Parameters of points of the search, float32."""
    x1, x2, x3, x4 = np.moveaxis(points.astype(np.float32), -1, 0)
    return GR4JParameters(np.exp(x1), np.sinh(x2), np.exp(x3), np.exp(x4))


def calibrate(
    rain: Float[np.ndarray, "day station"],
    potential_evaporation: Float[np.ndarray, "day station"],
    flow: Float[np.ndarray, "day station"],
    settings: Calibration,
    on_progress: Callable[[float], None] = lambda done: None,
) -> Float[np.ndarray, "station 4"]:
    """The points with the least `losses`, each station by itself.

    Args:
        rain: mm/d, without gaps.
        potential_evaporation: mm/d, without gaps.
        flow: mm/d, NaN where missing; each station has different values after the warm-up.
        settings: of the search; `years` is not used.
        on_progress: called with the share of the search that is done.
    """
    n_stations = flow.shape[1]
    points = np.empty((n_stations, 4))
    for first in range(0, n_stations, _CHUNK):
        part = slice(first, first + _CHUNK)
        wet, dry, observed = (
            np.ascontiguousarray(values[:, part], np.float32) for values in (rain, potential_evaporation, flow)
        )

        def report(done: float, first: int = first, size: int = observed.shape[1]) -> None:
            on_progress((first + done * size) / n_stations)

        points[part] = _search(wet, dry, observed, settings, report)
    return points


def _search(
    rain: Float[np.ndarray, "day station"],
    potential_evaporation: Float[np.ndarray, "day station"],
    flow: Float[np.ndarray, "day station"],
    settings: Calibration,
    on_progress: Callable[[float], None],
) -> Float[np.ndarray, "station 4"]:
    """Differential evolution, current-to-best with one difference, from a Latin hypercube."""
    chance, members = np.random.default_rng(settings.seed), settings.members
    cells = np.stack([chance.permutation(members) for _ in range(4)], axis=1) + chance.random((members, 4))
    start = LOWEST + cells / members * (HIGHEST - LOWEST)  # [member, 4]
    points = np.repeat(start[:, None], flow.shape[1], axis=1)  # [member, station, 4]
    loss = losses(rain, potential_evaporation, flow, points)  # [member, station]
    for generation in range(settings.generations):
        best = np.take_along_axis(points, loss.argmin(axis=0)[None, :, None], axis=0)  # [1, station, 4]
        one, other = chance.integers(members, size=(2, members))
        step = chance.uniform(0.3, 0.9, (members, 1, 1))
        trial = points + step * (best - points + points[one] - points[other])
        trial = np.where(chance.random((members, 1, 4)) < 0.9, trial, points)
        # A step across a bound ends half way to it, so that candidates do not gather there.
        trial = np.where(trial < LOWEST, (points + LOWEST) / 2, trial)
        trial = np.where(trial > HIGHEST, (points + HIGHEST) / 2, trial)
        trial_loss = losses(rain, potential_evaporation, flow, trial)
        better = trial_loss < loss
        points, loss = np.where(better[..., None], trial, points), np.where(better, trial_loss, loss)
        on_progress((generation + 2) / (settings.generations + 1))
    return np.asarray(np.take_along_axis(points, loss.argmin(axis=0)[None, :, None], axis=0)[0])


def losses(
    rain: Float[np.ndarray, "day station"],
    potential_evaporation: Float[np.ndarray, "day station"],
    flow: Float[np.ndarray, "day station"],
    points: Float[np.ndarray, "member station 4"],
) -> Float[np.ndarray, "member station"]:
    """1 - NSE of flow plus 1 - NSE of its root: floods count in the first, the usual and low flows in the second."""
    parameters, state = parameters_of(points), None
    observed = np.stack([flow, np.sqrt(np.maximum(flow, 0))])  # [transform, day, station]
    scored = observed[:, WARM_UP:].astype(np.float64)
    known = np.isfinite(scored)
    count = known.sum(axis=1)
    mean = np.where(known, scored, 0.0).sum(axis=1) / count
    spread = np.where(known, (scored - mean[:, None]) ** 2, 0.0).sum(axis=1)  # [transform, station]
    error = np.zeros((2, *points.shape[:-1]))
    for first in range(0, len(flow), _SPAN):
        span = slice(first, first + _SPAN)
        run = gr4j(rain[span, None], potential_evaporation[span, None], parameters, state)
        state = run.state
        late = max(WARM_UP - first, 0)
        for transform, simulated in enumerate((run.flow[late:], np.sqrt(run.flow[late:]))):
            difference = np.nan_to_num(simulated - observed[transform, span, None][late:])  # [day, member, station]
            error[transform] += np.einsum("dms,dms->ms", difference, difference)
    return np.asarray((error / spread[:, None]).sum(axis=0))

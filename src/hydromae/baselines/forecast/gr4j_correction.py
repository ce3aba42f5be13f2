"""What the last errors of a simulation say of the next days."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from hydromae.baselines.forecast.daily import carried_forward

_PRIOR_DAYS = 5.0  # how many days of data the simulation as it stands counts for
N_FEATURES = 6


@dataclass(frozen=True)
class Correction:
    """For each station and lead, the root of flow as a linear function of what was simulated and of its last errors.

    Roots make errors of floods and of low flows comparable. A mean forecast of roots is too low as a flow, so that it
    is multiplied by the ratio of mean observed to mean forecast flow over training (as Duan's smearing, 1983).

    Attributes:
        weights: of the constant, the root simulated for the lead, and of `recent_features`; they are added to the
            simulated root. NaN at a station without flow.
        bias: the ratio.
    """

    weights: Float[np.ndarray, "station lead feature"]
    bias: Float[np.ndarray, "station lead"]

    def __call__(
        self, ahead: Float[np.ndarray, "issue lead station"], recent: Float[np.ndarray, "issue station recent"]
    ) -> Float[np.ndarray, "issue lead station"]:
        """Corrected flow, mm/d.

        Args:
            ahead: simulated, mm/d; may have fewer leads than were fitted.
            recent: `recent_features` of the issue days.
        """
        leads = slice(0, ahead.shape[1])
        root = np.sqrt(ahead)
        constant, slope = self.weights[:, leads, 0].T, 1 + self.weights[:, leads, 1].T  # [lead, station]
        known = np.einsum("isf,slf->ils", recent, self.weights[:, leads, 2:])
        return np.asarray(self.bias[:, leads].T * np.maximum(constant + slope * root + known, 0.0) ** 2)

    def of(self, columns: Int[np.ndarray, "given"]) -> "Correction":
        """The corrections of some stations, by their positions."""
        return Correction(self.weights[columns], self.bias[columns])

    def without(self, stations: Bool[np.ndarray, "station"]) -> "Correction":
        """The same with NaN at some stations."""
        return Correction(self.weights, np.where(stations[:, None], np.nan, self.bias))


def root_errors(
    flow: Float[np.ndarray, "day station"],
    simulated: Float[np.ndarray, "day station"],
    persistence: Float[np.ndarray, "station"] | None = None,
) -> Float[np.ndarray, "day station"]:
    """Root of flow less root of simulated flow.

    Args:
        flow: mm/d, NaN where missing.
        simulated: mm/d.
        persistence: share of an error that is left a day later: where flow is missing, the last error fades away so.
            Without it errors there are NaN.
    """
    errors = np.sqrt(np.maximum(flow, 0.0)) - np.sqrt(simulated)
    if persistence is None:
        return np.asarray(errors)
    carried, age = carried_forward(errors)
    return np.where(age >= 0, carried * persistence ** np.maximum(age, 0), 0.0)


def fit_persistence(errors: Float[np.ndarray, "day station"]) -> Float[np.ndarray, "station"]:
    """The correlation of errors with those of the day before, at least 0; 0 where there are none."""
    both = np.isfinite(errors[1:]) & np.isfinite(errors[:-1])
    earlier, later = np.where(both, errors[:-1], 0.0), np.where(both, errors[1:], 0.0)
    size = (earlier**2).sum(axis=0)
    return np.asarray(np.clip((earlier * later).sum(axis=0) / np.where(size > 0, size, 1.0), 0.0, 1.0))


def recent_features(
    errors: Float[np.ndarray, "day station"], simulated: Float[np.ndarray, "day station"], rows: np.ndarray
) -> Float[np.ndarray, "issue station recent"]:
    """Error and root of simulated flow on the issue days and the days before.

    Args:
        errors: without gaps.
        simulated: mm/d.
        rows: of the issue days.
    """
    before = np.maximum(rows - 1, 0)
    root = np.sqrt(simulated)
    return np.stack([errors[rows], errors[before], root[rows], root[before]], axis=-1)


def fit_correction(
    ahead: Float[np.ndarray, "issue lead station"],
    recent: Float[np.ndarray, "issue station recent"],
    truth: Float[np.ndarray, "issue lead station"],
) -> Correction:
    """Least squares at each station and lead, drawn to no correction where there is little flow.

    Args:
        ahead: simulated, mm/d, NaN where there is no simulation.
        recent: `recent_features` of the issue days.
        truth: observed flow, mm/d, NaN where missing.
    """
    n_issues, n_leads, n_stations = ahead.shape
    weights, bias = np.zeros((n_stations, n_leads, N_FEATURES)), np.ones((n_stations, n_leads))
    for lead in range(n_leads):
        use = np.isfinite(truth[:, lead]) & np.isfinite(ahead[:, lead])  # [issue, station]
        root = np.sqrt(np.where(use, ahead[:, lead], 0.0))
        design = np.concatenate([np.ones((n_issues, n_stations, 1)), root[..., None], recent], axis=-1)
        design = design.transpose(1, 0, 2) * use.T[..., None]  # [station, issue, feature]
        missed = np.where(use, np.sqrt(np.where(use, np.maximum(truth[:, lead], 0), 0.0)) - root, 0.0).T
        gram = design.transpose(0, 2, 1) @ design  # [station, feature, feature]
        count = np.maximum(use.sum(axis=0), 1)[:, None]
        penalty = _PRIOR_DAYS * np.diagonal(gram, axis1=1, axis2=2) / count + 1e-9
        gram[:, np.arange(N_FEATURES), np.arange(N_FEATURES)] += penalty
        weights[:, lead] = np.linalg.solve(gram, design.transpose(0, 2, 1) @ missed[..., None])[..., 0]
    predicted = Correction(weights, bias)(ahead, recent)
    use = np.isfinite(truth) & np.isfinite(predicted)
    observed_sum, predicted_sum = (np.where(use, values, 0.0).sum(axis=0).T for values in (truth, predicted))
    enough = (observed_sum > 0) & (predicted_sum > 0)
    return Correction(weights, np.where(enough, observed_sum / np.where(enough, predicted_sum, 1.0), 1.0))

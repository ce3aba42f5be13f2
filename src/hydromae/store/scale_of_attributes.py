"""The scale of a series at a station that was not trained on, from what is known of the station.

A series may be scaled by each station's own mean and deviation, which a new station does not have. Ridge regression on
attributes and on the mean of the weather series tells them from the stations of the training, and the record of the
station, where it has one, corrects it by as much as its length is worth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from hydromae.store.store import Store

# Chosen by cross-validation on the 604 catchments of GB-Flow-7, as everything here: with quadratic terms the median
# error of the mean flow is 10 %, of its deviation 17 %; without climate 20 % and 23 %.
_RIDGE = 10.0
_STATIONS_A_FEATURE = 4  # fewer would fit chance: then without quadratic terms, or not at all
_LOGARITHM_FROM = 5.0  # a feature above 0 whose largest value is so many times its smallest enters as its logarithm
_LEAST_APART = 0.05  # added to correlations, since features such as altitudes hardly differ
_FARTHEST = 3.0  # standard deviations from the mean of the training, as far as anything is extrapolated
# Deviation of the logarithm of a mean, and of a deviation, of a year of daily flow from those of 39 years, measured on
# the same catchments. It falls with the root of the length, and a short record is no worse than the last number.
_A_YEAR, _LONGEST_ERROR = (0.29, 0.40), (0.9, 1.4)


@dataclass(frozen=True)
class ScaleOfAttributes:
    """A regression from what is known of a station to the logarithms of mean and deviation.

    Of few stations, which teach no regression, it is their average. Where a mean is not above 0, as of logarithms of a
    flow, the regression is of itself and not of its logarithm.

    Attributes:
        log_mean: whether the regression is of the logarithm of the mean.
        logarithm: [F] whether the logarithm of a feature is taken.
        centre: [F] means of the features over the stations of the training.
        spread: [F] their deviations.
        together: [F][F] correlations of the features, by which one that is unknown follows from those that are known.
        quadratic: whether products of features are features, too.
        weights: [2][features] of mean and deviation.
        level: [2] logarithms at the centre.
        error: [2] deviation of what cross-validation had wrong.
    """

    log_mean: bool
    logarithm: tuple[bool, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    together: tuple[tuple[float, ...], ...]
    quadratic: bool
    weights: tuple[tuple[float, ...], ...]
    level: tuple[float, ...]
    error: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ScaleOfAttributes":
        """The inverse of `to_dict`."""
        plain: dict[str, Any] = {key: tuple(of) if isinstance(of, list) else of for key, of in values.items()}
        return cls(**{**plain, **{key: tuple(map(tuple, values[key])) for key in ("weights", "together")}})

    @classmethod
    def fitted(
        cls, known: Float[np.ndarray, "station feature"], scale: Float[np.ndarray, "station 2"]
    ) -> "ScaleOfAttributes":
        """Fit to the stations of a training, two at least.

        Args:
            known: NaN where unknown.
            scale: mean and deviation of each station.
        """
        count, features = known.shape
        if count < _STATIONS_A_FEATURE * features:
            known, features = known[:, :0], 0  # only their average
        log_mean = bool((scale[:, 0] > 0).all())
        lowest, highest = np.nanmin(known, 0, initial=np.inf), np.nanmax(known, 0, initial=-np.inf)
        logarithm = (lowest > 0) & (highest > _LOGARITHM_FROM * lowest)
        known = _with_logarithms(known, logarithm)
        told = np.isfinite(known)
        centre = np.where(told, known, 0).sum(0) / told.sum(0).clip(1)
        spread = np.sqrt((np.where(told, known - centre, 0) ** 2).sum(0) / told.sum(0).clip(1))
        spread = np.where(spread > 0, spread, 1.0)
        quadratic = count >= _STATIONS_A_FEATURE * (features + features * (features + 1) // 2)
        scaled = (known - centre) / spread
        together = np.nan_to_num(scaled).T @ np.nan_to_num(scaled) / count
        terms, target = _terms(_completed(scaled, together), quadratic), _told(scale, log_mean)
        fold = np.arange(count) % 5
        missed = np.concatenate(
            [
                target[fold == i] - _predicted(terms[fold == i], *_ridge(terms[fold != i], target[fold != i]))
                for i in range(min(5, count))
            ]
        )
        level, weights = _ridge(terms, target)
        return cls(
            log_mean=log_mean,
            logarithm=tuple(logarithm.tolist()),
            centre=tuple(centre.tolist()),
            spread=tuple(spread.tolist()),
            together=tuple(map(tuple, together.tolist())),
            quadratic=quadratic,
            weights=tuple(map(tuple, weights.T.tolist())),
            level=tuple(level.tolist()),
            error=tuple(missed.std(0).tolist()),
        )

    def unusual(self, known: Float[np.ndarray, "station feature"]) -> Bool[np.ndarray, "station feature"]:
        """Which features are farther from those of the training than anything is extrapolated; not those unknown."""
        known = _with_logarithms(known[:, : len(self.centre)], np.array(self.logarithm, bool))
        return np.asarray(np.abs(known - np.array(self.centre)) > _FARTHEST * np.array(self.spread))

    @property
    def usual(self) -> Float[np.ndarray, "2 feature"]:
        """The lowest and the highest usual number of each feature, in its unit."""
        reach = _FARTHEST * np.array(self.spread)
        both = np.stack([np.array(self.centre) - reach, np.array(self.centre) + reach])
        return np.where(np.array(self.logarithm, bool), np.exp(both), both)

    def __call__(
        self,
        known: Float[np.ndarray, "station feature"],
        record: Float[np.ndarray, "station 2"],
        days: Int[np.ndarray, " station"],
    ) -> Float[np.ndarray, "station 2"]:
        """Mean and deviation of each station.

        Args:
            known: the features of the training, NaN where unknown.
            record: mean and deviation of the station's own record.
            days: that the record has; 0 where there is none.
        """
        known = _with_logarithms(known[:, : len(self.centre)], np.array(self.logarithm, bool))
        scaled = (known - np.array(self.centre)) / np.array(self.spread)
        terms = _terms(_completed(scaled, np.array(self.together).reshape(2 * [len(self.centre)])), self.quadratic)
        expected = _predicted(terms, np.array(self.level), np.array(self.weights).T)  # [station, 2] logarithms
        usable = (record > 0) & (days > 0)[:, None]
        usable[:, 0] |= ~np.array(self.log_mean) & (days > 0)
        years = np.where(days > 0, days, 1)[:, None] / 365.0
        of_record = np.minimum(np.array(_A_YEAR) / np.sqrt(years), _LONGEST_ERROR) ** 2
        share = np.where(usable, np.square(self.error) / (np.square(self.error) + of_record), 0.0)
        mixed = (1 - share) * expected + share * _told(np.where(usable, record, 1.0), self.log_mean)
        return np.stack([np.exp(mixed[:, 0]) if self.log_mean else mixed[:, 0], np.exp(mixed[:, 1])], axis=1)


def climate_of(store: Store, names: Sequence[str]) -> Float[np.ndarray, "station series"]:
    """Means of some series at the stations of a store over its training period, float64; NaN where it lacks one."""
    unknown = np.full(len(store.station_ids), np.nan)
    means = [store.mean(name) if name in store.names else unknown for name in names]
    return np.stack([unknown, *means], axis=1).astype(np.float64)[:, 1:]


def _told(scale: Float[np.ndarray, "station 2"], log_mean: bool) -> Float[np.ndarray, "station 2"]:
    """What the regression tells: logarithms of mean and deviation, or the mean itself."""
    return np.stack([np.log(scale[:, 0]) if log_mean else scale[:, 0], np.log(scale[:, 1])], axis=1)


def _with_logarithms(
    known: Float[np.ndarray, "station feature"], logarithm: Bool[np.ndarray, " feature"]
) -> Float[np.ndarray, "station feature"]:
    """What is not above 0 and has no logarithm is unknown."""
    positive = np.where(known > 0, known, np.nan)
    return np.where(logarithm, np.log(positive), known)


def _completed(
    scaled: Float[np.ndarray, "station feature"], together: Float[np.ndarray, "feature feature"]
) -> Float[np.ndarray, "station feature"]:
    """What is unknown, as expected of what is known of the same station: 0, the centre, where that is nothing."""
    completed = scaled.clip(-_FARTHEST, _FARTHEST)
    for known in np.unique(np.isfinite(scaled), axis=0):
        rows = (np.isfinite(scaled) == known).all(1)
        inner = together[np.ix_(known, known)] + _LEAST_APART * np.eye(known.sum())
        follows = np.linalg.solve(inner, together[np.ix_(known, ~known)])  # [known, unknown]
        completed[np.ix_(rows, ~known)] = completed[np.ix_(rows, known)] @ follows
    return completed.clip(-_FARTHEST, _FARTHEST)


def _terms(scaled: Float[np.ndarray, "station feature"], quadratic: bool) -> Float[np.ndarray, "station term"]:
    """The features, and with them their products."""
    if not quadratic:
        return scaled
    first, second = np.triu_indices(scaled.shape[1])
    return np.concatenate([scaled, scaled[:, first] * scaled[:, second]], axis=1)


def _ridge(
    terms: Float[np.ndarray, "station term"], target: Float[np.ndarray, "station 2"]
) -> tuple[Float[np.ndarray, "2"], Float[np.ndarray, "term 2"]]:
    """Level at 0 and weights."""
    centre, level = terms.mean(0), target.mean(0)
    apart = terms - centre
    weights = np.linalg.solve(apart.T @ apart + _RIDGE * np.eye(terms.shape[1]), apart.T @ (target - level))
    return level - centre @ weights, weights


def _predicted(
    terms: Float[np.ndarray, "station term"], level: Float[np.ndarray, "2"], weights: Float[np.ndarray, "term 2"]
) -> Float[np.ndarray, "station 2"]:
    predicted: np.ndarray = level + terms @ weights
    return predicted

"""Ridge regression of many stations at once, with its strength chosen on held-out blocks of years."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float

STRENGTHS = (1.0, 10.0, 100.0, 1000.0, 10000.0)  # squared units of standardised features, against counts of days
FOLDS = 5  # consecutive blocks of the training period


@dataclass(frozen=True)
class Moments:
    """Sums over the days of each fold: all that a ridge regression needs.

    Attributes:
        gram: of the features [fold, station, feature, feature].
        cross: of features and target [fold, station, feature].
        square: of the target [fold, station].
    """

    gram: Float[np.ndarray, "fold station feature feature"]
    cross: Float[np.ndarray, "fold station feature"]
    square: Float[np.ndarray, "fold station"]

    def of(self, features: np.ndarray) -> "Moments":
        """The moments of some of the features, given by their positions."""
        return Moments(self.gram[:, :, features[:, None], features], self.cross[:, :, features], self.square)


def fold_moments(
    features: Float[np.ndarray, "station day feature"],
    target: Float[np.ndarray, "station day"],
    use: Bool[np.ndarray, "station day"],
) -> Moments:
    """Sum up each fold; days that are not in use do not count, whatever their target."""
    edges = np.linspace(0, features.shape[1], FOLDS + 1).round().astype(np.int64)
    grams, crosses, squares = [], [], []
    for first, last in pairwise(edges):
        used = use[:, first:last]
        used_target = np.where(used, target[:, first:last], 0.0)
        rows = features[:, first:last] * used[..., None]  # [station, day, feature]
        across = rows.transpose(0, 2, 1)  # [station, feature, day]
        grams.append(across @ rows)
        crosses.append((across @ used_target[..., None])[..., 0])
        squares.append((used_target**2).sum(axis=1))
    return Moments(np.stack(grams), np.stack(crosses), np.stack(squares))


def solve(
    moments: Moments, penalised: Bool[np.ndarray, "feature"]
) -> tuple[Float[np.ndarray, "station feature"], Float[np.ndarray, "fold station feature"]]:
    """Weights of a ridge regression (Hoerl and Kennard 1970), closed form, each station with its own strength.

    The strength is the one with the least squared error over the folds, each predicted by the others; the error
    follows from the moments, y'y - 2 w'X'y + w'X'Xw, so nothing is predicted to find it.

    Args:
        moments: of each fold.
        penalised: features whose weights are drawn to 0; the constant is not.

    Returns:
        Weights on all folds, and on all folds but each at the same strength.
    """
    gram, cross = moments.gram.sum(axis=0), moments.cross.sum(axis=0)
    others_gram, others_cross = gram - moments.gram, cross - moments.cross  # [fold, station, ...]
    # A tiny penalty on the constant keeps the equations solvable when one fold holds all days of a station.
    penalty = np.diag(np.where(penalised, 1.0, 1e-6))
    errors, weights = [], []
    for strength in STRENGTHS:
        weight = np.linalg.solve(others_gram + strength * penalty, others_cross[..., None])[..., 0]
        quadratic = ((moments.gram @ weight[..., None])[..., 0] * weight).sum(axis=-1)
        errors.append((moments.square - 2 * (moments.cross * weight).sum(axis=-1) + quadratic).sum(axis=0))
        weights.append(weight)
    best = np.argmin(errors, axis=0)  # [station]
    chosen = np.asarray(STRENGTHS)[best]
    final = np.linalg.solve(gram + chosen[:, None, None] * penalty, cross[..., None])[..., 0]
    held_out = np.stack(weights)[best, :, np.arange(len(best))].transpose(1, 0, 2)  # [fold, station, feature]
    return final, held_out


def held_out_prediction(
    features: Float[np.ndarray, "station day feature"], weights: Float[np.ndarray, "fold station feature"]
) -> Float[np.ndarray, "station day"]:
    """Predictions for each fold by the weights of the other folds."""
    edges = np.linspace(0, features.shape[1], FOLDS + 1).round().astype(np.int64)
    parts = [
        (features[:, first:last] @ weight[..., None])[..., 0]
        for (first, last), weight in zip(pairwise(edges), weights, strict=True)
    ]
    return np.concatenate(parts, axis=1)

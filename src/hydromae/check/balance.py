"""Water balance: flow over the catchment's area against the rain that fell on it, and flow against area."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Int

from hydromae.base.areas import MM_PER_DAY, is_flow
from hydromae.base.units import conversion, same_units
from hydromae.check.exclusions import Exclusion
from hydromae.check.network import Course, Network, Rain
from hydromae.check.quantity import doubt_runoff, flow_factors
from hydromae.check.report import CheckReport
from hydromae.check.subject import counted, listed

Factors = Mapping[str, Float[np.ndarray, "station"]]

_YEAR = 365.25
# Days with rain and flow: fewer prove nothing; below the second, a single wet year may weigh much.
_SHORT, _LONG = 300, 1000
# Runoff over rain; single stations with springs or diversions go beyond, whole data sets do not.
_LOW, _HIGH, _HIGH_SHORT = 0.01, 1.3, 2.0
_MEDIAN_LOW, _MEDIAN_HIGH = 0.01, 1.1  # the same of the median station
# Share of stations within the bounds under a guess, and how much more than with the units as given.
_FIT, _BETTER = 0.9, 0.15
_FEWEST = 3  # stations, to tell one unit from another by how they differ
# Deviation of log runoff over rain, and the share of it that may be left under another unit.
_SPREAD_OF_RATIOS, _CLOSER = 0.8, 0.6
_ODD = 5.0  # times more or less than other stations with as much rain
_REGRESSION = 20  # stations for a regression on rain
_AREA_UNITS = {"ha": "hectare", "square miles": "mile**2", "m2": "m2", "acres": "acre"}
_SPREAD, _DOUBT = 0.5, 3.0  # deviation of log areas from which flow is compared with them; standard errors of the slope


def guesses(units: str, areas: Float[np.ndarray, "station"]) -> Factors:
    """What could be wrong -> the factor that would correct the runoff of each station."""
    ones = np.ones(len(areas))
    if is_flow(units):
        return {
            "the flow is in mm/d": areas / MM_PER_DAY,
            **{f"the areas are in {name}": ones / conversion(unit, "km2")[0] for name, unit in _AREA_UNITS.items()},
            **{f"the flow is in {unit}": ones * factor for unit, factor in flow_factors().items()},
        }
    return {
        "the flow is in m3/s": MM_PER_DAY / areas,
        "the flow is in m/d": ones * 1e3,
        "the flow is in inches": ones * 25.4,
    }


def judge_balance(report: CheckReport, network: Network, flow: Course, rain: Rain | None) -> None:
    """Add what rain and areas say against the unit of flow, against the areas, and against single stations."""
    units, areas = flow.subject.units, network.areas
    if is_flow(units):
        runoff = np.nanmean(flow.values, axis=0) * MM_PER_DAY / areas * _YEAR if flow.values.size else areas
    elif same_units(units, "mm/d"):
        runoff = np.nanmean(flow.values, axis=0) * _YEAR
    else:
        return
    finite_runoff = runoff[np.isfinite(runoff)]
    if finite_runoff.size and doubt_runoff(float(np.median(finite_runoff))) is not None:
        return  # judge_runoff says so already, without rain
    if rain is not None and same_units(rain.course.subject.units, "mm/d"):
        ratio, days = _ratio(flow, rain, runoff)
        if _whole(report, flow, rain, ratio, days, areas):
            return
        _stations(report, network, flow, rain, ratio, days)
    _slope(report, flow, areas)


def _ratio(
    flow: Course, rain: Rain, runoff: Float[np.ndarray, "station"]
) -> tuple[Float[np.ndarray, "station"], Int[np.ndarray, "station"]]:
    """Runoff over rain of the days with flow, and how many days have flow; NaN where they are too few."""
    fell = rain.course.values[:, rain.column]
    both = np.isfinite(flow.values) & np.isfinite(fell)
    count = both.sum(axis=0)
    yearly = np.where(both, fell, 0).sum(axis=0) / np.maximum(count, 1) * _YEAR
    days = np.isfinite(flow.values).sum(axis=0)
    # A sampled grid has rain on some days only: their mean stands for all days, unless they are few.
    enough = (count >= _SHORT / 5) & (days >= _SHORT) & (yearly > 0)
    return np.where(enough, runoff / np.where(enough, yearly, 1), np.nan), days


def _within(ratio: np.ndarray, days: np.ndarray) -> Bool[np.ndarray, "station"]:
    return (ratio >= _LOW) & (ratio <= np.where(days >= _LONG, _HIGH, _HIGH_SHORT))


def _whole(
    report: CheckReport, flow: Course, rain: Rain, ratio: np.ndarray, days: np.ndarray, areas: np.ndarray
) -> bool:
    """Whether the data set as a whole is at fault."""
    has_ratio = np.isfinite(ratio)
    if not has_ratio.any():
        return False
    fit, median = float(_within(ratio, days)[has_ratio].mean()), float(np.median(ratio[has_ratio]))
    under = {}
    for guess, times in guesses(flow.subject.units, areas).items():
        guessed = np.where(np.isfinite(times), ratio * times, np.nan)[has_ratio]
        level = float(np.median(guessed))
        if _within(guessed, days[has_ratio]).mean() >= _FIT and 2 * _MEDIAN_LOW < level < 1:
            under[guess] = level
    unit, factor = next(iter(guesses(flow.subject.units, areas).items()))  # m3/s for mm/d, or the reverse
    few = int(days[has_ratio].max()) < _LONG
    wrong = median < _MEDIAN_LOW or median > (_HIGH_SHORT if few else _MEDIAN_HIGH)
    telling = has_ratio.sum() >= _FEWEST and _closer(ratio[has_ratio], (ratio * factor)[has_ratio]) and unit in under
    if not wrong and not telling and not (fit < _FIT - _BETTER and under and has_ratio.sum() >= _FEWEST):
        return False
    ordered = sorted(under, key=lambda guess: (guess != unit or not telling, abs(np.log(under[guess] / 0.4))))[:3]
    guess = f": {' or '.join(ordered)}, perhaps" if ordered else ""
    report.error(
        f"{flow.subject.where}: {flow.subject.name} over the catchment area is {median:.3g} times the rain "
        f"({rain.course.subject.name}) at the median station, and beyond what is possible at {1 - fit:.0%} of "
        f"{counted(int(has_ratio.sum()), 'station')}{guess}. Correct data.modalities.{flow.subject.name}.units, or "
        f"convert the flow or the areas (km2)"
    )
    return True


def _closer(ratio: Float[np.ndarray, "station"], other: Float[np.ndarray, "station"]) -> bool:
    """Whether the stations differ far more in one ratio than in another, and more than real rivers do."""
    spread, under = (float(np.nanstd(np.log(r[r > 0]))) if (r > 0).any() else np.nan for r in (ratio, other))
    return bool(spread > _SPREAD_OF_RATIOS and under < _CLOSER * spread)


def _stations(
    report: CheckReport, network: Network, flow: Course, rain: Rain, ratio: np.ndarray, days: np.ndarray
) -> None:
    """Warn of single stations whose runoff does not fit the rain."""
    expected = _expected(ratio, flow, rain)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.abs(np.log(ratio / expected)) > np.log(_ODD)
    odd = np.flatnonzero(np.isfinite(ratio) & (days >= _LONG) & (~_within(ratio, days) | far) & (ratio > 0))
    if not odd.size:
        return
    factors = guesses(flow.subject.units, network.areas)
    details = []
    for i in odd[np.argsort(-np.abs(np.log(ratio[odd] / expected[odd])), kind="stable")].tolist():
        likely = {guess: abs(float(np.log(ratio[i] * factor[i] / expected[i]))) for guess, factor in factors.items()}
        best = min(likely, key=lambda guess: likely[guess])
        hint = f", as if {best}" if likely[best] < np.log(1.5) else ""
        details.append(f"{network.stations[i]}: {ratio[i]:.2g} times{hint}")
    report.warning(
        f"{flow.subject.where}: {flow.subject.name} over the catchment area does not fit the rain "
        f"({rain.course.subject.name}) at {counted(odd.size, 'station')}: {listed(details)}; a spring, an aquifer or a "
        f"canal, or another unit or area there",
        tuple(details),
        Exclusion(stations=tuple(network.stations[i] for i in odd.tolist())),
    )


def _expected(ratio: np.ndarray, flow: Course, rain: Rain) -> Float[np.ndarray, "station"]:
    """The usual ratio of stations with as much rain: a larger share runs off where more falls."""
    has_ratio = np.isfinite(ratio) & (ratio > 0)
    level = np.full(len(ratio), np.median(ratio[has_ratio]) if has_ratio.any() else np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        fell = np.log(np.nanmean(rain.course.values, axis=0))[rain.column]
    if has_ratio.sum() < _REGRESSION or np.std(fell[has_ratio]) < 0.1:
        return level
    # Wrong stations must not bend the regression: medians of the driest and the wettest third give the line.
    ordered = np.flatnonzero(has_ratio)[np.argsort(fell[has_ratio])]
    third = len(ordered) // 3
    low, high = ordered[:third], ordered[-third:]
    x0, x1 = np.median(fell[low]), np.median(fell[high])
    y0, y1 = np.median(np.log(ratio[low])), np.median(np.log(ratio[high]))
    slope = (y1 - y0) / max(x1 - x0, 1e-6)
    rest = np.median(np.log(ratio[has_ratio]) - slope * fell[has_ratio])
    line: np.ndarray = np.exp(rest + slope * fell)
    return line


def _slope(report: CheckReport, flow: Course, areas: Float[np.ndarray, "station"]) -> None:
    """Flow in m3/s grows with the area, flow in mm/d does not."""
    level = np.nanmean(flow.values, axis=0)
    usable = np.isfinite(areas) & (areas > 0) & (level > 0)
    x, y = np.log(areas[usable]), np.log(level[usable])
    if x.size < 5 or x.std() < _SPREAD:
        return
    volume = is_flow(flow.subject.units)
    x, y = x - x.mean(), y - y.mean()
    slope = float((x * y).sum() / (x * x).sum())
    error = float(np.sqrt(((y - slope * x) ** 2).sum() / (x.size - 2) / (x * x).sum()))
    if (volume and slope + _DOUBT * error < 0.6) or (not volume and slope - _DOUBT * error > 0.4):
        is_, not_, grows = ("mm/d", "m3/s", "does not grow") if volume else ("m3/s", "mm/d", "grows")
        report.error(
            f"{flow.subject.where}: {flow.subject.name} {grows} with the catchment area (a power of {slope:.2f}, "
            f"+-{error:.2f}), as if it were in {is_} and not in {not_}; set data.modalities.{flow.subject.name}.units "
            f"to {is_}{', and per_area to false' if volume else ''}, or correct the areas"
        )

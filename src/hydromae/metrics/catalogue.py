"""Every metric: its name in words, unit, best value, formula and paper; `docs/metrics.md` is generated from it."""

from dataclasses import dataclass
from typing import Final

import xarray as xr

FLOW: Final = "flow"


@dataclass(frozen=True)
class Metric:
    """One metric.

    Args:
        long_name: the metric in words.
        units: CF units; `flow` stands for those of the observations.
        best: the value of a perfect prediction.
        formula: with Q the observed and P the predicted flow.
        references: where it is published.
    """

    long_name: str
    units: str
    best: str
    formula: str
    references: str


_NASH = "Nash and Sutcliffe (1970), doi:10.1016/0022-1694(70)90255-6"
_GUPTA = "Gupta et al. (2009), doi:10.1016/j.jhydrol.2009.08.003"
_KLING = "Kling et al. (2012), doi:10.1016/j.jhydrol.2012.01.011"
_YILMAZ = "Yilmaz et al. (2008), doi:10.1029/2007WR006716"
_KRATZERT = "Kratzert et al. (2021), doi:10.5194/hess-25-2685-2021"
_NEURALHYDROLOGY = "Kratzert et al. (2022), doi:10.21105/joss.04050"
_KOENKER = "Koenker and Bassett (1978), doi:10.2307/1913643"
_GNEITING = "Gneiting and Ranjan (2011), doi:10.1198/jbes.2010.08110"
_GNEITING_2007 = "Gneiting et al. (2007), doi:10.1111/j.1467-9868.2007.00587.x"
_EVENTS = "Nearing et al. (2024), doi:10.1038/s41586-024-07145-1"
_SPELLS = "Yevjevich (1967), Hydrology Papers 23, Colorado State University"

METRICS: Final[dict[str, Metric]] = {
    "pairs": Metric("days with a prediction and an observation", "1", "", "n", ""),
    "nse": Metric("Nash-Sutcliffe efficiency", "1", "1", "1 - sum((P - Q)^2) / sum((Q - mean Q)^2)", _NASH),
    "kge": Metric(
        "Kling-Gupta efficiency (2009)", "1", "1", "1 - sqrt((r - 1)^2 + (alpha - 1)^2 + (beta - 1)^2)", _GUPTA
    ),
    "kge_2012": Metric(
        "Kling-Gupta efficiency (2012)", "1", "1", "1 - sqrt((r - 1)^2 + (gamma - 1)^2 + (beta - 1)^2)", _KLING
    ),
    "kge_r": Metric("correlation, of KGE", "1", "1", "r = cov(P, Q) / (sd P * sd Q); 0 where P is constant", _GUPTA),
    "kge_alpha": Metric("ratio of standard deviations, of KGE 2009", "1", "1", "alpha = sd P / sd Q", _GUPTA),
    "kge_beta": Metric("ratio of means, of KGE", "1", "1", "beta = mean P / mean Q", _GUPTA),
    "kge_gamma": Metric(
        "ratio of coefficients of variation, of KGE 2012", "1", "1", "gamma = (sd P / mean P) / (sd Q / mean Q)", _KLING
    ),
    "rmse": Metric("root mean squared error", FLOW, "0", "sqrt(mean((P - Q)^2))", ""),
    "mae": Metric("mean absolute error", FLOW, "0", "mean(abs(P - Q))", ""),
    "bias": Metric("mean error", FLOW, "0", "mean(P - Q)", ""),
    "percent_bias": Metric(
        "mean error as a share of the mean flow", "percent", "0", "100 sum(P - Q) / sum(Q)", _YILMAZ
    ),
    "fhv": Metric(
        "bias of the highest 2 % of flows", "percent", "0",
        "100 (sum P_h - sum Q_h) / sum Q_h, over the max(1, round(0.02 n)) highest of P and of Q, "
        "each sorted separately",
        _YILMAZ,
    ),
    "flv": Metric(
        "bias of the lowest 30 % of flows, in logarithms", "percent", "0",
        "-100 (L(P) - L(Q)) / (L(Q) + 1e-6), L(X) = sum(log X_l - log min X) over the round(0.3 n) lowest of X; "
        "flows of at most 0 become 1e-6",
        _YILMAZ,
    ),
    "fms": Metric(
        "bias of the slope of the flow duration curve from 20 % to 70 %", "percent", "0",
        "100 (S(P) - S(Q)) / (S(Q) + 1e-6), S(X) = log X_20 - log X_70, X_k the flow of falling rank round(k n / 100); "
        "flows of at most 0 become 1e-6",
        _YILMAZ,
    ),
    "peak_timing": Metric(
        "mean absolute error of the day of peaks", "days", "0",
        "mean(abs(day of the highest P within 3 days of a peak of Q - day of that peak)), 0 where P peaks on that very "
        "day; peaks of Q are 100 samples apart with a prominence of at least sd Q",
        _KRATZERT,
    ),
    "missed_peaks": Metric(
        "share of peaks that are missed", "1", "0",
        "share of the peaks of Q above its 80th percentile without a peak of P above its own within 1 day; peaks are "
        "30 samples apart",
        _NEURALHYDROLOGY,
    ),
    "persistence_skill": Metric(
        "skill of the RMSE against persistence", "1", "1", "1 - RMSE(P) / RMSE(last flow known at the issue time)",
        "Kitanidis and Bras (1980), doi:10.1029/WR016i006p01034 (there with squared errors); "
        "Murphy (1988), doi:10.1175/1520-0493(1988)116<2417:SSBOTM>2.0.CO;2",
    ),
    "pinball": Metric(
        "pinball loss, mean over the quantiles", FLOW, "0", "mean(max(q (Q - P_q), (q - 1) (Q - P_q)))", _KOENKER
    ),
    "crps": Metric(
        "continuous ranked probability score, from quantiles", FLOW, "0",
        "2 * integral of the pinball loss over the level q, by trapezia, the loss being 0 at levels 0 and 1", _GNEITING,
    ),
    "coverage": Metric(
        "share of observations inside a central interval", "1", "the interval's probability",
        "mean(P_q <= Q <= P_q') of the k-th lowest and the k-th highest quantile", _GNEITING_2007,
    ),
    "pit_density": Metric(
        "histogram of the probability integral transform", "1", "1 in every bin",
        "share of observations above the quantile before and up to the quantile after, over the difference of levels",
        _GNEITING_2007,
    ),
    "quantile_crossings": Metric(
        "predictions whose quantiles cross", "1", "0", "number of pairs with P_q > P_q' for neighbouring q < q'", ""
    ),
    "flood_hits": Metric(
        "flood events that were predicted", "1", "all", "observed events with a predicted day above", _EVENTS
    ),
    "flood_misses": Metric("flood events that were missed", "1", "0", "observed events without", _EVENTS),
    "flood_predicted": Metric(
        "flood events in the prediction", "1", "as many as observed", "predicted events", _EVENTS
    ),
    "flood_false_alarms": Metric(
        "flood events predicted in vain", "1", "0", "predicted events without an observed day above", _EVENTS
    ),
    "flood_precision": Metric(
        "share of predicted flood events that came", "1", "1", "(predicted - false alarms) / predicted", _EVENTS
    ),
    "flood_recall": Metric("share of flood events that were predicted", "1", "1", "hits / (hits + misses)", _EVENTS),
    "flood_f1": Metric(
        "F1 of flood events", "1", "1", "2 precision recall / (precision + recall); 0 where there is no hit", _EVENTS
    ),
    "low_flow_hits": Metric(
        "low-flow spells that were predicted", "1", "all", "observed spells with a predicted day below", _SPELLS
    ),
    "low_flow_misses": Metric("low-flow spells that were missed", "1", "0", "observed spells without", _SPELLS),
    "low_flow_predicted": Metric(
        "low-flow spells in the prediction", "1", "as many as observed", "predicted spells", _SPELLS
    ),
    "low_flow_false_alarms": Metric(
        "low-flow spells predicted in vain", "1", "0", "predicted spells without an observed day below", _SPELLS
    ),
    "low_flow_precision": Metric(
        "share of predicted low-flow spells that came", "1", "1", "(predicted - false alarms) / predicted", _SPELLS
    ),
    "low_flow_recall": Metric(
        "share of low-flow spells that were predicted", "1", "1", "hits / (hits + misses)", _SPELLS
    ),
    "low_flow_f1": Metric(
        "F1 of low-flow spells", "1", "1", "2 precision recall / (precision + recall); 0 where there is no hit", _SPELLS
    ),
}  # fmt: skip


def described(array: xr.DataArray, name: str, flow_units: str = "") -> xr.DataArray:
    """The array under a metric's name, with its long_name, units and references as attributes.

    Args:
        array: the metric's values.
        name: one of `METRICS`.
        flow_units: units of the observations; empty where they are not known, and then the units are left out.
    """
    metric = METRICS[name]
    units = flow_units if metric.units == FLOW else metric.units
    attributes = {"long_name": metric.long_name, "units": units, "references": metric.references}
    result = array.rename(name)
    result.attrs = {key: value for key, value in attributes.items() if value}
    return result


def markdown() -> str:
    """The table of every metric."""
    head = "| name | metric | formula | unit | best | paper |\n|---|---|---|---|---|---|\n"
    rows = (
        f"| `{name}` | {m.long_name} | {m.formula} | {_units(m.units)} | {m.best or '-'} | {m.references or '-'} |\n"
        for name, m in METRICS.items()
    )
    return head + "".join(rows)


def _units(units: str) -> str:
    return {FLOW: "as the flow", "percent": "%", "1": "-"}.get(units, units)

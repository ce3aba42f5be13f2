"""Scores of `new_gauges.py`: medians over gauges and seeds, differences with their tests, tables and curves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from hydromae.base.files import atomic_path, write_text
from hydromae.drawing.encode import BLACK, BLUE, GREEN, GREY, ORANGE, style
from hydromae.evaluation.significance import bootstrap_difference
from hydromae.metrics.efficiency import nse

if TYPE_CHECKING:
    from new_gauges import Experiment, Fit

LEADS: Final = (1, 3, 5, 7)
CONTENDERS: Final = ("scratch", "zero-shot", "frozen", "tuned", "joint")
COLOURS: Final = dict(zip(CONTENDERS, (BLACK, GREY, GREEN, ORANGE, BLUE), strict=True))
MIN_PAIRS: Final = 50  # of a station and lead time, so that few issue times are scored, too
Forecasts = dict[str, xr.DataArray]  # regime -> [issue_time, lead_time, station]


def write_tables(experiment: Experiment, done: Sequence[Fit]) -> None:
    """Write `scores.csv`, `differences.csv`, `table.md` and `curves.svg` of what is done into the output."""
    scores, differences = [], []
    for years in sorted({fit.years for fit in done}):
        of_years = [fit for fit in done if fit.years == years]
        complete = common_parts(of_years)
        observed = together({f"{fold}/{seed}": experiment.observed(fold) for fold, seed in complete}, "station")
        made = {
            contender: {
                regime: together(
                    {f"{f.fold}/{f.seed}": experiment.forecast(f)[regime] for f in of_years
                     if f.contender == contender and (f.fold, f.seed) in complete}, "station")
                for regime in ("none", "perfect")
            }
            for contender in CONTENDERS if any(fit.contender == contender for fit in of_years)
        }  # fmt: skip
        number = f"{len({fold for fold, _ in complete})} x {len({seed for _, seed in complete})}"
        scores += list(score_rows(made, observed, years, number))
        differences += list(difference_rows(made, observed, years))
    table, tests = pd.DataFrame(scores), pd.DataFrame(differences)
    for name, frame in (("scores", table), ("differences", tests)):
        with atomic_path(experiment.output / f"{name}.csv") as temporary:
            frame.to_csv(temporary, index=False, float_format="%.4f")
    write_text(experiment.output / "table.md", markdown(table, tests))
    with atomic_path(experiment.output / "curves.svg") as temporary, style():
        curves(table).savefig(temporary, format="svg", metadata={"Date": None})


def common_parts(fits: Sequence[Fit]) -> list[tuple[int, int]]:
    """The folds and seeds, in order, for which every contender is done, so that all are scored on the same."""
    of_contender = {
        contender: {(fit.fold, fit.seed) for fit in fits if fit.contender == contender}
        for contender in {fit.contender for fit in fits}
    }
    return sorted(set.intersection(*of_contender.values()))


def together(parts: dict[str, xr.DataArray], dim: str) -> xr.DataArray:
    """Arrays side by side, their stations named `part/station`, so that each seed of a gauge counts as one."""
    named = [array.assign_coords({dim: [f"{part}/{s}" for s in array[dim].values]}) for part, array in parts.items()]
    return xr.concat(named, dim, coords="minimal", compat="override", join="outer", combine_attrs="override")


def score_rows(
    made: dict[str, Forecasts], observed: xr.DataArray, years: float, number: str
) -> Iterator[dict[str, object]]:
    """Median NSE of every contender and regime by lead time."""
    for contender, forecasts in made.items():
        for regime, forecast in forecasts.items():
            of_stations = nse(forecast, observed, MIN_PAIRS)
            medians = of_stations.median("station").sel(lead_time=list(LEADS)).values.tolist()
            yield {
                "years": years, "model": contender, "forcing": regime, "folds x seeds": number,
                "gauges": int(of_stations.notnull().any("lead_time").sum()),
                **{f"lead {lead}": score for lead, score in zip(LEADS, medians, strict=True)},
            }  # fmt: skip


def difference_rows(made: dict[str, Forecasts], observed: xr.DataArray, years: float) -> Iterator[dict[str, object]]:
    """Differences of the median NSE between the tuned model and each other one, by a block bootstrap over time."""
    for other in made:
        if "tuned" not in made or other == "tuned":
            continue
        for regime, forecast in made["tuned"].items():
            tests = bootstrap_difference(
                forecast.sel(lead_time=list(LEADS)), made[other][regime].sel(lead_time=list(LEADS)), observed,
                min_pairs=MIN_PAIRS,
            )  # fmt: skip
            for lead in LEADS:
                at_lead = {name: float(values.sel(lead_time=lead)) for name, values in tests.data_vars.items()}
                yield {"years": years, "tuned minus": other, "forcing": regime, "lead": lead, **at_lead}


def markdown(scores: pd.DataFrame, differences: pd.DataFrame) -> str:
    """Scores with `+` where the tuned model is significantly ahead of the row's, `-` where it is behind."""
    heads = [f"{regime} {lead}" for regime in ("none", "perfect") for lead in LEADS]
    lines = [
        f"| years of flow | model | folds x seeds | {' | '.join(heads)} |",
        f"|--:|---|---|{'--:|' * len(heads)}",
    ]
    for (years, model), rows in scores.groupby(["years", "model"], sort=False):
        cells = [
            number(float(rows.loc[rows["forcing"] == regime, f"lead {lead}"].iloc[0]))
            + sign(differences, years, model, regime, lead)
            for regime in ("none", "perfect")
            for lead in LEADS
        ]
        lines.append(f"| {years:g} | {model} | {rows['folds x seeds'].iloc[0]} | {' | '.join(cells)} |")
    note = "`+`: the tuned model is significantly ahead of this one, `-`: behind it (95 %, block bootstrap over time)."
    return "\n".join([*lines, "", note, ""])


def number(score: float) -> str:
    """A score as it stands in a table: .712."""
    return f"{score:.3f}".replace("0.", ".", 1) if abs(score) < 1 else f"{score:.2f}"


def sign(differences: pd.DataFrame, years: object, model: object, regime: str, lead: int) -> str:
    """Whether the tuned model differs significantly from another one."""
    if differences.empty:
        return ""
    chosen = differences[
        (differences["years"] == years) & (differences["tuned minus"] == model)
        & (differences["forcing"] == regime) & (differences["lead"] == lead)
    ]  # fmt: skip
    if chosen.empty:
        return ""
    return " +" if chosen["lower"].iloc[0] > 0 else " -" if chosen["upper"].iloc[0] < 0 else ""


def curves(scores: pd.DataFrame) -> Figure:
    """Median NSE against years of flow, at leads 1 and 5 of both regimes."""
    figure = Figure(figsize=(8.5, 5.6), layout="constrained")
    axes = figure.subplots(2, 2, sharex=True)
    years = sorted(scores["years"].unique())
    for row, regime in zip(axes, ("none", "perfect"), strict=True):
        for axis, lead in zip(row, (1, 5), strict=True):
            for model in present(scores["model"]):
                chosen = scores[(scores["model"] == model) & (scores["forcing"] == regime)]
                places = [years.index(year) for year in chosen["years"]]
                axis.plot(places, chosen[f"lead {lead}"], "o-", color=COLOURS[model], label=model, ms=4)
            words = "no later weather" if regime == "none" else "observed weather"
            axis.set_title(f"{lead} day{'s' if lead > 1 else ''} ahead, {words}")
            axis.set_xticks(range(len(years)), [f"{year:g}" for year in years])
    for axis in axes[1]:
        axis.set_xlabel("years of flow at the new gauge")
    for row in axes:
        row[0].set_ylabel("median NSE")
    axes[0, 0].legend()
    return figure


def present(models: Iterable[str]) -> list[str]:
    """The contenders that occur, in the order of `CONTENDERS`."""
    there = set(models)
    return [model for model in CONTENDERS if model in there]

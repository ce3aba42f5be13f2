"""The page of a run: numbers in words, tables and figures, in one file that needs no network."""

import math
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from markupsafe import Markup

from hydromae.base.errors import DataError
from hydromae.base.replacing import replace_text
from hydromae.base.shell import command
from hydromae.config.read import dump_config
from hydromae.drawing.assembly import assembled
from hydromae.drawing.encode import Picture, style
from hydromae.drawing.maps import draw_maps, sample_grid, words_of
from hydromae.drawing.page import page_environment
from hydromae.drawing.places import places_of
from hydromae.drawing.series import draw_series, sample_series
from hydromae.evaluation.scores import ModalityScore, reference_label, verdict
from hydromae.report.cross_modality import FILE as CROSS_MODALITY
from hydromae.report.cross_modality import CrossModality, cross_modality_section
from hydromae.report.curves import loss_curves
from hydromae.report.day_maps import day_maps_data
from hydromae.report.evaluation import Evaluation, read_evaluation, store_of
from hydromae.report.explorer import explorer_data
from hydromae.report.forecasts import Forecasts, forecasts_section
from hydromae.report.headline import headline
from hydromae.report.inputs import Run, load_run, open_reconstruction, reconstructed_names
from hydromae.report.scatter import draw_scatter
from hydromae.report.verdict import learning, not_finite
from hydromae.results.target import PAGES, check_target
from hydromae.runs.directory import RunDirectory
from hydromae.runs.shipped import located
from hydromae.store.scaling import Transform

# In the order in which they need each other.
_MODULES: Final = ("events", "station", "skill", "day_maps", "page")
SPLITS = {"train": "Training", "val": "Validation", "test": "Test"}


@dataclass(frozen=True)
class Cell:
    """An entry of the table of scores: its text, and whether it is better or worse than the reference."""

    text: str
    tone: str = ""  # better, worse or nothing


@dataclass(frozen=True)
class Row:
    """One modality of the table of scores."""

    name: str
    unit: str
    model: str
    references: tuple[tuple[str, Cell], ...]
    values: str
    measure: str


@dataclass(frozen=True)
class Gallery:
    """The figures of a reconstruction."""

    maps: tuple[tuple[str, Picture], ...] = ()
    series: tuple[tuple[str, tuple[Picture, ...]], ...] = ()
    scatter: tuple[Picture, ...] = ()
    without: tuple[str, ...] = ()
    day_maps: str | None = None  # packed, for the page's own modules


@dataclass(frozen=True)
class Figures:
    """The figures of a run; None where the run lacks their data."""

    curves: list[Picture] | None
    gallery: Gallery | None
    owed: CrossModality | None
    forecasts: Forecasts | None
    headlines: tuple[str, ...] = ()
    explorer: str | None = None  # packed, for the page's own modules


def write_report(
    run: str | Path,
    reconstruction: Path | None = None,
    scores: Path | None = None,
    output: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Write a run's page, and return its path.

    The same files give the same bytes. For parts that the run lacks, the page names the command that makes them.

    Args:
        run: the run directory, of which only config.yaml must exist, or a model that comes with the package, as `gb`.
        reconstruction: netCDF that `hydromae reconstruct` wrote; the run's own reconstruction.nc if None.
        scores: folder that `hydromae evaluate --task forecast` or the benchmark wrote; the run's own if None.
        output: the page; `report.html` in the run if None, where it is replaced.
        overwrite: replace an existing `output` that hydromae wrote.

    Raises:
        RunError: `run` is not the directory of a run.
        ConfigError: its config.yaml is wrong, or it comes with the package and no output is given.
        DataError: another of its files exists and cannot be read, or `reconstruction` or `scores` is given and absent.
    """
    run = located(run)
    target = RunDirectory(run).own_output("report.html") if output is None else Path(output)
    if output is not None:
        check_target(target, overwrite, [run, *(() if scores is None else (scores,))], PAGES)
    held = load_run(run)
    if reconstruction is not None and not Path(reconstruction).is_file():
        raise DataError(f"{reconstruction}: no such reconstruction; make it with {command('reconstruct', run)}")
    source = Path(reconstruction) if reconstruction is not None else run / "reconstruction.nc"
    evaluation = read_evaluation(run, None if scores is None else Path(scores))
    with style():
        owed = run / CROSS_MODALITY
        figures = Figures(
            loss_curves(held.metrics, held.label) if held.metrics and _any_record(held) else None,
            _gallery(held, source) if source.is_file() else None,
            cross_modality_section(owed, held.label) if owed.is_file() else None,
            None if evaluation is None else forecasts_section(evaluation),
            () if evaluation is None else tuple(headline(evaluation)),
            None if evaluation is None else _explorer(held, evaluation),
        )
    replace_text(target, _render(held, figures), overwrite or output is None)
    return target


def _any_record(run: Run) -> bool:
    return run.metrics is not None and bool(len(run.metrics.train) or len(run.metrics.validation))


def _explorer(run: Run, evaluation: Evaluation) -> str:
    forecast = next(iter(evaluation.made.values()))
    return explorer_data(evaluation, places_of(forecast, store_of(run.path, forecast)), run.label)


def _gallery(run: Run, source: Path) -> Gallery:
    with open_reconstruction(source) as dataset:
        configured = list(run.config.data.modalities)
        names = reconstructed_names(dataset)
        names.sort(key=lambda name: configured.index(name) if name in configured else len(configured))
        maps: list[tuple[str, Picture]] = []
        series: list[tuple[str, tuple[Picture, ...]]] = []
        scatter: list[Picture] = []
        without: list[str] = []
        for name in names:
            label = _label(run, dataset, name)
            if "station" in dataset[name].dims:
                pictures, density = _draw_series(run, dataset, name, label)
                series.append((label, tuple(pictures)))
            else:
                pictures, density = _draw_grid(run, dataset, name, label)
                maps.extend((label, picture) for picture in pictures)
            scatter.extend([density] if density else [])
            without.extend([] if pictures else [label])
        days = day_maps_data(
            dataset, names, lambda name: _label(run, dataset, name), lambda name: _words(run, dataset, name)
        )
    return Gallery(tuple(maps), tuple(series), tuple(scatter), tuple(without), days)


def _draw_grid(run: Run, dataset: xr.Dataset, name: str, label: str) -> tuple[list[Picture], Picture | None]:
    sample = sample_grid(dataset, name, _words(run, dataset, name))
    pairs = sample.observed[sample.hidden], sample.reconstructed[sample.hidden]
    return draw_maps(sample, label), draw_scatter(*pairs, _scaling(run, name), label, sample.units)


def _draw_series(run: Run, dataset: xr.Dataset, name: str, label: str) -> tuple[list[Picture], Picture | None]:
    sample = sample_series(dataset, name)
    scored = sample.scored
    pairs = sample.observed[scored], sample.reconstructed[scored]
    return draw_series(sample, label), draw_scatter(*pairs, _scaling(run, name), label, sample.units)


def _render(run: Run, figures: Figures) -> str:
    environment = page_environment()
    template = files("hydromae.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        **_outcome(run, figures),
        **_scores(run),
        **_provenance(run),
        parts=assembled("hydromae.report", _MODULES, uplot=figures.explorer is not None),
    )


def _outcome(run: Run, figures: Figures) -> dict[str, Any]:
    """The results, in words and pictures."""
    return {
        "name": run.config.name,
        "verdict": verdict(run.scores, run.label) if run.scores and run.scores.modalities else None,
        "learning": learning(run.metrics) if run.metrics and figures.curves else None,
        "warnings": not_finite(run.metrics) if run.metrics else [],
        "facts": _facts(run),
        "curves": figures.curves,
        "gallery": figures.gallery,
        "owed": figures.owed,
        "forecasts": figures.forecasts,
        "headlines": figures.headlines,
        "explorer": Markup(figures.explorer) if figures.explorer else None,
        "day_maps": Markup(figures.gallery.day_maps) if figures.gallery and figures.gallery.day_maps else None,
    }


def _scores(run: Run) -> dict[str, Any]:
    """The table of scores."""
    scores = run.scores
    return {
        "scores": scores,
        "split": SPLITS.get(scores.split, scores.split) if scores else "",
        "references": [reference_label(key) for key in scores.references] if scores else [],
        "rows": [_row(run, name, score) for name, score in scores.modalities.items()] if scores else [],
    }


def _provenance(run: Run) -> dict[str, Any]:
    """How the run was made, and how to make it again."""
    return {
        "settings": _settings(run),
        "configuration": dump_config(run.config),
        "commands": {
            "train": command("resume", run.path),
            "reconstruct": command("reconstruct", run.path),
            "evaluate": command("evaluate", run.path, "--task", "forecast"),
        },
        "again": command("train", run.path / "config.yaml", "output=NEW_FOLDER"),
        "version": _version(),
    }


def _row(run: Run, name: str, score: ModalityScore) -> Row:
    references = run.scores.references if run.scores else ()
    return Row(
        name=run.label(name),
        unit=_squared(score.units),
        model=number(score.error("model")),
        references=tuple((number(score.error(key)), _skill(score.skill(key))) for key in references),
        values=f"{score.values:,}",
        measure=score.measure,
    )


def _skill(skill: float) -> Cell:
    if not math.isfinite(skill):
        return Cell("no skill known")
    percent = f"{skill * 100:+.1f} %".replace("-", "\N{MINUS SIGN}")
    if skill > 0:
        return Cell(percent, "better")
    return Cell(f"{percent} {'worse' if skill < 0 else 'equal'}", "worse")


def number(value: float) -> str:
    """Three significant digits, without an exponent where that stays short."""
    if not math.isfinite(value):
        return "not finite"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Seconds in the two largest units that matter."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _squared(units: str) -> str:
    if units in ("", "1"):
        return "1"
    return f"{units}\N{SUPERSCRIPT TWO}" if units.isalpha() else f"({units})\N{SUPERSCRIPT TWO}"


def _facts(run: Run) -> list[tuple[str, str]]:
    facts = []
    summary = run.summary
    if summary is not None:
        recorded = {
            "parameters": f"{summary.parameters:,}" if summary.parameters is not None else None,
            "steps": f"{summary.steps:,}" if summary.steps is not None else None,
            "training time": duration(summary.seconds) if summary.seconds is not None else None,
            "device": summary.device,
        }
        facts += [(key, value) for key, value in recorded.items() if value is not None]
    speeds = run.metrics.train.windows_per_second if run.metrics else np.empty(0)
    if np.isfinite(speeds).any():
        median = float(np.median(speeds[np.isfinite(speeds)]))
        facts.append(("windows per second (median)", number(median)))
    return facts


def _settings(run: Run) -> list[tuple[str, str]]:
    config, model, data = run.config, run.config.model, run.config.data
    trained = run.summary.version if run.summary and run.summary.version else "not recorded"
    periods = {key: getattr(data, key) for key in ("train", "val", "test")}
    rows = [
        ("modalities", ", ".join(f"{run.label(name)} ({m.kind})" for name, m in data.modalities.items())),
        *[(f"{SPLITS[key].lower()} period", f"{days[0]} to {days[1]}") for key, days in periods.items() if days],
        ("window", f"{data.window} days"),
        ("grid", f"{model.grid_height} x {model.grid_width} cells"),
        ("patch", f"{model.patch_size} x {model.patch_size} cells"),
        ("series token", f"{model.series_patch_size} x {model.series_patch_days} (stations x days)"),
        ("width", f"{model.d_model} in encoders, {model.decoder_dim} in decoders, {model.nhead} heads"),
        ("layers", f"grid encoder {model.grid_encoder_layers}, series encoder {model.series_encoder_layers}, "
                   f"shared {model.shared_depth}, decoder {model.decoder_layers}"),
        ("fusion", model.fusion),
        ("hidden share", f"grids {config.masking.grid_mask_ratio:.0%}, series {config.masking.series_mask_ratio:.0%}"),
        ("training", f"{config.training.epochs} epochs, batches of {config.training.batch_size}, "
                     f"learning rate {config.training.lr:g}"),
        ("seed", str(config.seed)),
        ("hydromae that trained", trained),
    ]  # fmt: skip
    return rows


def _version() -> str:
    try:
        return version("hydromae")
    except PackageNotFoundError:
        return "(not installed)"


def _label(run: Run, dataset: xr.Dataset, name: str) -> str:
    configured = run.label(name)
    return configured if configured != name else str(dataset[name].attrs.get("long_name") or name)


def _words(run: Run, dataset: xr.Dataset, name: str) -> str:
    modality = run.config.data.modalities.get(name)
    return words_of(dataset, name, modality.model_dump() if modality else {})


def _scaling(run: Run, name: str) -> Transform:
    modality = run.config.data.modalities.get(name)
    return modality.scaling if modality else "standard"

"""The page of the server: what it needs to know of the stations, and its parts."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from jinja2 import Environment, StrictUndefined

from hydromae.base.version import VERSION
from hydromae.drawing.assembly import Assembly, assembled
from hydromae.drawing.packing import pack
from hydromae.drawing.places import places_of
from hydromae.serve.served import Served
from hydromae.store.view import open_store

_MODULES: Final = ("asking", "painting", "patches", "panels", "serve")  # in the order in which they need each other


def page(served: Served) -> tuple[str, str]:
    """The page, and the content security policy that it is sent with."""
    parts = _parts()
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text = environment.from_string(_file("page.html.j2")).render(
        title=", ".join(run.label for run in served.runs) or Path(served.store.path).name,
        data=str(served.store.path),
        days=f"{served.store.days[0]} to {served.store.days[-1]}",
        runs=bool(served.runs),
        grids=bool(served.grids),
        patches=_hides_patches(served),
        predicted=served.label(served.predicted[0]),
        several=len(served.predicted) > 1,
        content=_content(served),
        version=VERSION,
        parts=parts,
    )
    return text, f"{parts.policy}; frame-ancestors 'none'"


@cache
def _parts() -> Assembly:
    return assembled("hydromae.serve", _MODULES, style="serve", asks=True)


def _file(name: str) -> str:
    return files("hydromae.serve").joinpath(name).read_text(encoding="utf-8")


def _hides_patches(served: Served) -> bool:
    """Whether a run reads grids, so that a patch can be hidden from it."""
    return any(shape.kind == "grid" for run in served.runs for shape in run.predictor.model.shapes.values())


def _content(served: Served) -> str:
    """Stations with their places and what is known of their records, days and modalities, packed."""
    store, name = served.store, served.predicted[0]
    names = store.station_names or ("",) * len(store.station_ids)
    observed = store.present(name).mean(axis=0, dtype=np.float64)[served.in_store]
    scores = {
        "share": ({"words": f"days with {served.label(name)}", "units": "%", "best": "100"}, 100 * observed),
        "mean": (
            {"words": f"mean {served.label(name)} of the training period", "units": store.units(name), "best": ""},
            store.mean(name)[served.in_store],
        ),
    }
    described: dict[str, Any] = {
        "stations": list(served.stations),
        "names": [names[place] for place in served.in_store],
        "leads": [],
        "regimes": [{"key": "data", "words": "", "scores": [{"key": k, **of} for k, (of, _) in scores.items()]}],
        "first_day": int(store.days[0].astype(np.int64)),
        "last_day": int(store.days[-1].astype(np.int64)),
        "runs": [run.label for run in served.runs],
        "series": [{"name": of, "label": served.label(of), "units": served.units(of)} for of in served.series],
        "predicted": list(served.predicted),
        "grids": [{"name": of, "label": served.label(of)} for of in served.grids],
        "patches": store.valid_patches.tolist() if served.grids else [],
        "hides": sorted({of for run in served.runs for of in run.predictor.model.shapes}),
        "hides_patches": _hides_patches(served),
        "longest": min((run.predictor.window - run.predictor.token_days for run in served.runs), default=60),
    }
    arrays = {f"score data {place}": np.clip(of, -6e4, 6e4) for place, (_, of) in enumerate(scores.values())}
    places = places_of(open_store(store).isel(station=served.in_store), store)
    if places is not None:
        described["places"] = places.described()
        if places.land is not None:
            arrays["land"] = places.land.astype(np.uint8)
    return pack(described, arrays)

"""What `import hydromae` gives takes runs and data in any form, and shows its progress."""

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pandas as pd
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.base.shown_progress import Progress, ShownProgress
from hydromae.config import Config
from hydromae.prediction.known_data import data_of
from hydromae.prediction.several_runs import first_run
from hydromae.runs.directory import RunDirectory
from hydromae.store.store_of_frame import Given, Known, store_of_frame
from hydromae.training.share import Share

_RUNS: Final = ("run", "runs")
_REPORTS: Final = ("on_progress", "on_stage")
_PROGRESS: Final = """
        progress: True shows a bar, False none; None shows one in a terminal and in a notebook, if the work takes more
            than a second. Or a function, called with what is being done and the share that is done."""
_IN_MEMORY: Final = """
        attributes: where `data` are a frame or a data set in memory, see `Loaded`: what is known of the stations.
        units: likewise, of the series where they are not those of the run."""
_NONE: Final[Mapping[str, str]] = {}


def public(function: Callable[..., Any], title: str = "", in_memory: bool = False) -> Callable[..., Any]:
    """The same function with the argument `progress`, which takes runs as they are returned and data as they come.

    Args:
        function: has `on_progress` or `on_stage`, which stays in use; perhaps runs first, `data` and `callbacks`.
        title: of the bar, where the function tells only the share that is done; empty where it says what it does.
        in_memory: whether `data` may be a frame or a data set, which adds the arguments `attributes` and `units`.
    """
    signature = inspect.signature(function)
    names = list(signature.parameters)
    report = next(name for name in names if name in _REPORTS)

    @functools.wraps(function)
    def asked(
        *arguments: Any,
        progress: Progress = None,
        attributes: Known | None = None,
        units: Mapping[str, str] = _NONE,
        **options: Any,
    ) -> Any:
        if not in_memory and (attributes is not None or units):
            raise TypeError(f"{function.__name__}() takes no attributes and no units")
        bound = signature.bind(*arguments, **options)
        given = bound.arguments
        if names[0] in _RUNS and names[0] in given:
            given[names[0]] = _paths(given[names[0]])
        with ShownProgress(progress) as shown:
            if report not in given:
                given[report] = functools.partial(shown, title) if title else shown
                if "callbacks" in names:
                    given["callbacks"] = [*given.get("callbacks", ()), Share(shown)]
            data = given.get("data")
            if in_memory and isinstance(data, pd.DataFrame | xr.Dataset):
                return _of_memory(function, bound, data, attributes, units)
            if attributes is not None or units:
                raise ConfigError("attributes and units go with data in memory; give data a frame or a data set")
            if isinstance(data, Config | dict):
                given["data"] = data_of(data)
            return function(*bound.args, **bound.kwargs)

    added = {"progress": Progress, **({"attributes": Known | None, "units": Mapping[str, str]} if in_memory else {})}
    defaults = {"units": _NONE}
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults.get(name), annotation=kind)
        for name, kind in added.items()
    ]
    every = list(signature.parameters.values())
    rest = [parameter for parameter in every if parameter.kind is inspect.Parameter.VAR_KEYWORD]
    fixed = [parameter for parameter in every if parameter not in rest]
    asked.__signature__ = signature.replace(parameters=[*fixed, *more, *rest])  # type: ignore[attr-defined]
    words = _PROGRESS + (_IN_MEMORY if in_memory else "")
    asked.__doc__ = re.sub(r"(?=\n\n    (Returns|Raises):)", lambda _: words, function.__doc__ or "", count=1)
    return asked


def _of_memory(
    function: Callable[..., Any], bound: inspect.BoundArguments, data: Given, attributes: Known | None, units: Any
) -> Any:
    """What a function says of data in memory, without a file that is left behind."""
    given = bound.arguments
    run = first_run(next(iter(given.values())))
    own = {name: modality.units for name, modality in run.config().data.modalities.items()}
    with store_of_frame(data, list(own), {**own, **units}, attributes) as (store, folder):
        given["data"] = store
        if not {"output", "period"} <= bound.signature.parameters.keys() or given.get("output") is not None:
            return function(*bound.args, **bound.kwargs)
        given["output"] = folder / "made.nc"  # which would else be written into the run's directory
        with function(*bound.args, **bound.kwargs) as made:
            return made.load()


def _paths(runs: Any) -> Any:
    """Runs as paths or names: a run may be what `train` or `load` returned."""
    if isinstance(runs, str | Path):
        return runs
    if isinstance(runs, RunDirectory):
        return runs.path
    if isinstance(getattr(runs, "run", None), RunDirectory):
        return runs.run.path
    return [_paths(run) for run in runs]

"""A file of every kind that the package writes, from the reference runs: `python -m support.output_kinds FOLDER`."""

import sys
from pathlib import Path

import numpy as np

import hydromae
from hydromae.results.export import export
from hydromae.results.merge import merge
from hydromae.tasks.evaluate_forecast import evaluate_forecast
from hydromae.tasks.forecast_baselines import BaselineChoice
from support.readers_sources import write_netcdf
from support.reference import GAUGES, GRIDS, PERIOD, unpacked
from support.sources import day_range

CRS: dict[str, str | float] = {"grid_mapping_name": "transverse_mercator", "false_easting": 400000.0}


def write_kinds(folder: Path) -> dict[str, Path]:
    """The files in `folder/files`, by what wrote them; the cells of grids are numbered, but of one that is merged."""
    files = folder / "files"
    files.mkdir(parents=True)
    grids, gauges = unpacked(GRIDS, folder), unpacked(GAUGES, folder)
    for run, name in ((grids, "grids"), (gauges, "gauges")):
        hydromae.reconstruct(run.path, files / f"{name}_reconstruct.nc", period=PERIOD).close()
        hydromae.infill(run.path, files / f"{name}_infill.nc", period=PERIOD, grids=run is grids).close()
        export(run.store(), files / f"{name}_export.nc")
    hydromae.ungauged(gauges.path, files / "ungauged.nc", period=PERIOD).close()
    hydromae.forecast(gauges.path, ["2001-04-10", "2001-06-30"], files / "forecast.nc", horizon=3)
    hydromae.cross_modality(grids.path, output=files / "across.nc", windows=2, resamples=20)
    choice = BaselineChoice(names=("persistence",))
    scored = {"baselines": choice, "horizon": 3, "min_pairs": 2, "every": 10, "forcing": ["none"]}
    evaluate_forecast(gauges.path, files / "evaluate", **scored)
    days = day_range(PERIOD[0], PERIOD[1])
    rain = np.random.default_rng(0).gamma(0.5, 4, (len(days), 6, 4)).astype(np.float32)
    source = write_netcdf(folder / "rain.nc", rain, days, transverse_mercator=((), np.int32(0), CRS))
    merge(source, files / "merged.nc")
    return {path.stem: path for path in files.rglob("*.nc")}


if __name__ == "__main__":
    write_kinds(Path(sys.argv[1]))

"""The script of docs/operation.md runs as it stands."""

import os
import re
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from support.pages import ROOT, blocks, commands, is_marked

PAGE = "docs/operation.md"


def observations(folder: Path) -> None:
    """A gauge with a year of flow, rain and temperature up to yesterday."""
    folder.mkdir()
    random = np.random.default_rng(0)
    days = pd.date_range(end=date.today() - timedelta(days=1), periods=366)
    rain = random.gamma(0.4, 6.0, len(days))
    series = {"precipitation": rain, "temperature": random.normal(9, 4, len(days))}
    flow = pd.Series(rain).ewm(alpha=0.1).mean().to_numpy()
    table = pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "ID": 9001, **series, "discharge_spec": flow})
    table.to_csv(folder / "daily.csv", index=False)


def weather(path: Path) -> None:
    days = [str(date.today() + timedelta(days=lead)) for lead in range(8)]
    pd.DataFrame({"date": days, "precip [mm/d]": 5.0, "temp": 8.0}).to_csv(path, index=False)


@pytest.mark.slow  # four commands, each with its start
def test_the_script_forecasts_with_the_weather_and_without_one_that_cannot_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = next(re.finditer(r"```bash\n(.*?)```", (ROOT / PAGE).read_text(encoding="utf-8"), re.DOTALL))[1]
    parts = [(kind, text) for kind, text in blocks(PAGE) if not is_marked(text)]
    (tmp_path / "forecast.sh").write_text(script)
    program = tmp_path / "bin" / "hydromae"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m hydromae "$@"\n')
    program.chmod(0o755)
    observations(tmp_path / "obs")
    weather(tmp_path / "weather.csv")
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}

    def said(*command: str) -> str:
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    for arguments in [arguments for kind, text in parts if kind == "commands" for arguments in commands(text)]:
        said("hydromae", *arguments)
    assert "with the weather forecast" in said("bash", "forecast.sh")
    flows = []
    for content in (None, "date,station\n"):
        if content is not None:
            (tmp_path / "weather.csv").write_text(content)
            assert "without a weather forecast" in said("bash", "forecast.sh")
            assert "weather.csv" in next((tmp_path / "logs").iterdir()).read_text()
        with xr.open_dataset(tmp_path / "forecasts" / "latest.nc", engine="h5netcdf", decode_timedelta=False) as made:
            assert made["issue_time"].values.astype("datetime64[D]")[0] == np.datetime64(date.today(), "D") - 1
            flows.append(made["riverflow"].values.copy())
    monkeypatch.chdir(tmp_path)
    for text in [text for kind, text in parts if kind == "python"]:
        exec(compile(text, PAGE, "exec"), {})
    assert (flows[0] != flows[1]).all()

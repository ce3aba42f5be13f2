"""Made-up twins of the CAMELS data sets, as their papers and readme files lay them out."""

from pathlib import Path

import numpy as np
import pandas as pd

DAYS = pd.date_range("1999-01-01", "2001-12-31")
_TOO_LATE = 5  # row that is missing


def values(seed: int, scale: float = 1.0) -> np.ndarray:
    """Three decimals, above 0, [day]."""
    return np.round(np.random.default_rng(seed).gamma(2.0, scale, len(DAYS)) + 0.1, 3)


def write_us(root: Path, ids: tuple[str, ...] = ("01013500", "14301000")) -> dict[str, np.ndarray]:
    """Flow in ft3/s without a header, -999.00 where missing; forcing below three lines; attributes by `;`."""
    flow = {}
    for place, station in enumerate(ids):
        folder = root / "basin_dataset_public_v1p2"
        q = values(place, 100.0).round(2)
        q[_TOO_LATE] = -999.0
        flow[station] = q
        lines = [f"{station} {d.year} {d.month:02d} {d.day:02d} {v:8.2f} A" for d, v in zip(DAYS, q, strict=True)]
        _write(folder / "usgs_streamflow" / station[:2] / f"{station}_streamflow_qc.txt", lines)
        rain, cold, warm = values(10 + place, 3.0), values(20 + place) - 5, values(30 + place) + 5
        header = "Year\tMnth\tDay\tHr\tdayl(s)\tprcp(mm/day)\tsrad(W/m2)\tswe(mm)\ttmax(C)\ttmin(C)\tvp(Pa)"
        rows = [
            f"{d.year} {d.month:02d} {d.day:02d} 12\t30172.51\t{p:.3f}\t134.48\t0.00\t{x:.3f}\t{n:.3f}\t485.95"
            for d, p, x, n in zip(DAYS, rain, warm, cold, strict=True)
        ]
        name = f"{station}_lump_cida_forcing_leap.txt"
        for product, mark in (("daymet", "cida"), ("maurer", "maurer")):  # Maurer's in capitals
            path = folder / "basin_mean_forcing" / product / station[:2] / name.replace("cida", mark)
            own = header if product == "daymet" else header.replace("prcp", "PRCP").replace("tm", "Tm")
            _write(path, ["  47.23739", " 250.31", "2252696000", own, *rows])
    topo = ["gauge_id;gauge_lat;gauge_lon;elev_mean;slope_mean;area_gages2;area_geospa_fabric"]
    topo += [f"{s};{44.5 + i};{-68.5 + i};{250.3 + i};{21.6 + i};{573.6 + i};{574.1 + i}" for i, s in enumerate(ids)]
    _write(root / "camels_attributes_v2.0" / "camels_topo.txt", topo)
    return flow


def write_br(root: Path, ids: tuple[str, ...] = ("10500000", "11400000")) -> dict[str, np.ndarray]:
    """A folder a variable, blanks between columns, `nan` where missing; a simulated flow beside the observed one."""
    columns = {
        "02_CAMELS_BR_streamflow_m3s": "streamflow_m3s",
        "04_CAMELS_BR_streamflow_simulated": "simulated_streamflow_m3s",
        "05_CAMELS_BR_precipitation_chirps": "precipitation_chirps",
        "10_CAMELS_BR_potential_evapotransp_gleam": "potential_evapotransp_gleam",
        "12_CAMELS_BR_temperature_mean_cpc": "temperature_mean",
    }
    flow = {}
    for number, (folder, column) in enumerate(columns.items()):
        for place, station in enumerate(ids):
            q = values(100 * number + place, 5.0)
            texts = [f"{v:.3f}" for v in q]
            texts[_TOO_LATE] = "nan"
            q[_TOO_LATE] = np.nan
            observed = column == "streamflow_m3s"
            more, end = (" qual_control_by_ana qual_flag", " 1 1") if observed else ("", "")
            lines = [f"year month day {column}{more}"]
            lines += [f"{d.year} {d.month} {d.day} {t}{end}" for d, t in zip(DAYS, texts, strict=True)]
            stem = folder[len("02_CAMELS_BR_") :] if "cpc" in folder else column
            _write(root / folder / f"{station}_{stem}.txt", lines)
            if observed:
                flow[station] = q
    topo = ["gauge_id gauge_lat gauge_lon elev_mean slope_mean area"]
    topo += [f"{s} {-2.5 - i} {-60.5 - i} {100.3 + i} {21.6 + i} {5730.6 + i}" for i, s in enumerate(ids)]
    _write(root / "01_CAMELS_BR_attributes" / "camels_br_topography.txt", topo)
    return flow


def write_cl(root: Path, ids: tuple[str, ...] = ("1001001", "12930001")) -> dict[str, np.ndarray]:
    """A column a station, tabs and quotes, a quoted blank where missing."""
    names = {
        2: "streamflow_m3s",
        4: "precip_cr2met",
        10: "tmean_cr2met",
        11: "pet_8d_modis",
        12: "pet_hargreaves",
    }
    flow = {}
    for number, name in names.items():
        scale = 1.0 if name.startswith("tmean") else 5.0
        table = np.stack([values(100 * number + place, scale) for place in range(len(ids))], 1)
        texts = [[f'"{v:.3f}"' for v in row] for row in table]
        texts[_TOO_LATE][0] = '" "'
        table[_TOO_LATE, 0] = np.nan
        lines = ["\t".join(['"gauge_id"', *(f'"{s}"' for s in ids)])]
        lines += ["\t".join([f'"{d:%Y-%m-%d}"', *row]) for d, row in zip(DAYS, texts, strict=True)]
        _write(root / f"{number}_CAMELScl_{name}" / f"{number}_CAMELScl_{name}.txt", lines)
        if name == "streamflow_m3s":
            flow = dict(zip(ids, table.T, strict=True))
    return flow


def write_aus(root: Path, ids: tuple[str, ...] = ("912101A", "G0010005")) -> dict[str, np.ndarray]:
    """A column a station behind year, month and day; -99.99 where missing; megalitres a day."""
    files = {
        "03_streamflow/streamflow_MLd": 50.0,
        "03_streamflow/streamflow_MLd_inclInfilled": 50.0,
        "05_hydrometeorology/01_precipitation_timeseries/precipitation_AWAP": 3.0,
        "05_hydrometeorology/02_EvaporativeDemand_timeseries/et_morton_wet_SILO": 2.0,
    }
    flow = {}
    for number, (name, scale) in enumerate(files.items()):
        table = np.stack([values(100 * number + place, scale) for place in range(len(ids))], 1)
        table[_TOO_LATE, 0] = -99.99
        lines = [",".join(["year", "month", "day", *ids])]
        lines += [
            ",".join([f"{d.year},{d.month},{d.day}", *(f"{v:.3f}".replace("-99.990", "-99.99") for v in row)])
            for d, row in zip(DAYS, table, strict=True)
        ]
        _write(root / f"{name}.csv", lines)
        if name.endswith("streamflow_MLd"):
            flow = dict(zip(ids, table.T, strict=True))
    lines = ["station_id,catchment_area,lat_outlet,long_outlet,mean_slope_pct"]
    lines += [f"{s},{8176.5 + i},{-18.3 - i},{139.4 + i},{3.1 + i}" for i, s in enumerate(ids)]
    _write(root / "CAMELS_AUS_Attributes&Indices_MasterTable.csv", lines)
    return flow


def write_ch(root: Path, ids: tuple[str, ...] = ("2004", "2007"), separator: str = ";") -> dict[str, np.ndarray]:
    """Units in brackets, a degree sign in Latin-1, pet in a folder of simulations; `#` above the attributes."""
    columns = [
        "discharge_vol(m3/s)", "discharge_spec(mm/d)", "waterlevel(m)", "precipitation(mm/d)", "temperature_min(°C)",
        "temperature_mean(°C)", "temperature_max(°C)", "rel_sun_dur(%)", "swe(mm)",
    ]  # fmt: skip
    flow = {}
    for place, station in enumerate(ids):
        table = np.stack([values(100 * place + number, 4.0) for number in range(len(columns))], 1)
        texts = [[f"{v:.3f}" for v in row] for row in table]
        texts[_TOO_LATE][0] = "NaN"
        table[_TOO_LATE, 0] = np.nan
        flow[station] = table[:, 0]
        lines = [separator.join(["date", *columns])]
        lines += [separator.join([f"{d:%Y-%m-%d}", *row]) for d, row in zip(DAYS, texts, strict=True)]
        path = root / "timeseries" / "observation_based" / f"CAMELS_CH_obs_based_{station}.csv"
        _write(path, lines, "latin-1")
        pet = [separator.join(["date", "discharge_vol_sim(m3/s)", "pet_sim(mm/d)"])]
        pet += [separator.join([f"{d:%Y-%m-%d}", "1.0", f"{v:.3f}"]) for d, v in zip(DAYS, table[:, 3], strict=True)]
        _write(root / "timeseries" / "simulation_based" / f"CAMELS_CH_sim_based_{station}.csv", pet)
    topo = [
        "# topographic attributes of the catchments, 331 in all",
        "gauge_id,gauge_name,gauge_lat,gauge_lon,area,elev_mean",
    ]
    topo += [f"{s},Zürich {s},{46.9 + i},{7.1 + i},{712.5 + i},{650.5 + i}" for i, s in enumerate(ids)]
    _write(root / "static_attributes" / "CAMELS_CH_topographic_attributes.csv", topo, "latin-1")
    return flow


def write_de(root: Path, ids: tuple[str, ...] = ("DE110000", "DEA10000")) -> dict[str, np.ndarray]:
    """Commas, blanks where missing."""
    columns = [
        "discharge_vol_obs", "discharge_spec_obs", "water_level_obs", "precipitation_mean", "precipitation_stdev",
        "temperature_min", "temperature_mean", "temperature_max",
    ]  # fmt: skip
    flow = {}
    for place, station in enumerate(ids):
        table = np.stack([values(100 * place + number, 4.0) for number in range(len(columns))], 1)
        texts = [[f"{v:.3f}" for v in row] for row in table]
        texts[_TOO_LATE][0] = ""
        table[_TOO_LATE, 0] = np.nan
        flow[station] = table[:, 0]
        lines = [",".join(["date", *columns])]
        lines += [",".join([f"{d:%Y-%m-%d}", *row]) for d, row in zip(DAYS, texts, strict=True)]
        _write(root / "timeseries" / f"CAMELS_DE_hydromet_timeseries_{station}.csv", lines)
        sim = ["date,pet_hargreaves,discharge_vol_sim_lstm", *(f"{d:%Y-%m-%d},1.5,2.0" for d in DAYS)]
        _write(root / "timeseries_simulated" / f"CAMELS_DE_discharge_sim_{station}.csv", sim)
    topo = ["gauge_id,gauge_name,gauge_lon,gauge_lat,area,elev_mean"]
    topo += [f"{s},Kirchen {s},{8.1 + i},{47.9 + i},{954.5 + i},{850.5 + i}" for i, s in enumerate(ids)]
    _write(root / "CAMELS_DE_topographic_attributes.csv", topo)
    return flow


def _write(path: Path, lines: list[str], encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))

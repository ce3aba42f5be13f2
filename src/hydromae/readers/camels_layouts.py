"""How the data sets of the CAMELS family, and Caravan's CSVs, lay out their daily series: one table, read by `camels`.

- CAMELS-US: Newman et al. 2015, Hydrol. Earth Syst. Sci. 19, 209; Addor et al. 2017, Hydrol. Earth Syst. Sci. 21, 5293.
- CAMELS-BR: Chagas et al. 2020, Earth Syst. Sci. Data 12, 2075.
- CAMELS-CL: Alvarez-Garreton et al. 2018, Hydrol. Earth Syst. Sci. 22, 5817.
- CAMELS-AUS: Fowler et al. 2021, Earth Syst. Sci. Data 13, 3847.
- CAMELS-CH: Höge et al. 2023, Earth Syst. Sci. Data 15, 5755.
- CAMELS-DE: Loritz et al. 2024, Earth Syst. Sci. Data 16, 5625.
- Caravan: Kratzert et al. 2023, Sci. Data 10, 61.

CAMELS-GB and Caravan's netCDF have readers of their own, `camels_gb` and `caravan`. What is left out on purpose: flows
that a model simulated or filled in, sums of several days, and columns of quality.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_MM, _C, _VOLUME = "mm/d", "degC", "m3/s"


@dataclass(frozen=True)
class Layout:
    """One kind of file.

    Attributes:
        name: of the reader.
        title: of the data set, for messages.
        file: the whole name of a file. Its group `station` is the id where a file is of one station; `variable` names
            the variable where a file has a column for each station.
        begins: what the line of the header (or the first, where there is none) begins with.
        dates: the column of days, or those of year, month and day.
        units: variable -> units. Names are those of the columns, without brackets behind them.
        separator: a sign, "" for that of `,`, `;` and tabs which the header has most of, or " " for any blanks.
        columns: where a file has no header, its columns.
        skip: lines before the header.
        small_letters: whether names of columns are taken in small letters.
        missing: numbers that mean missing, beside blanks and NaN.
        means: variable -> the two whose mean it is, where a file lacks a daily mean.
    """

    name: str
    title: str
    file: re.Pattern[str]
    begins: re.Pattern[str]
    dates: tuple[str, ...]
    units: Mapping[str, str]
    separator: str = ""
    columns: tuple[str, ...] = ()
    skip: int = 0
    small_letters: bool = False
    missing: tuple[float, ...] = ()
    means: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def wide(self) -> bool:
        """Whether a file is one variable of all stations."""
        return "variable" in self.file.groupindex


def _of_stems(stems: Mapping[str, str], before: str, after: str) -> re.Pattern[str]:
    return re.compile(f"{before}(?P<variable>{'|'.join(map(re.escape, stems))}){after}")


_BR: Final = {
    "streamflow_m3s": _VOLUME, "streamflow_mm": _MM, "precipitation_chirps": _MM, "precipitation_mswep": _MM,
    "precipitation_cpc": _MM, "evapotransp_gleam": _MM, "evapotransp_mgb": _MM, "potential_evapotransp_gleam": _MM,
    "temperature_min": _C, "temperature_mean": _C, "temperature_max": _C,
}  # fmt: skip
_CL_OF_2018: Final = {
    "streamflow_m3s": _VOLUME, "streamflow_mm": _MM, "precip_cr2met": _MM, "precip_chirps": _MM, "precip_mswep": _MM,
    "precip_tmpa": _MM, "tmin_cr2met": _C, "tmax_cr2met": _C, "tmean_cr2met": _C, "pet_hargreaves": _MM,
}  # fmt: skip
_CL_OF_2022: Final = {
    "q_m3s": _VOLUME, "q_mm": _MM, "precip_cr2met": _MM, "precip_chirps": _MM, "precip_mswep": _MM, "precip_tmpa": _MM,
    "tmin_cr2met": _C, "tmax_cr2met": _C, "tmean_cr2met": _C, "pet_hargreaves": _MM,
}  # fmt: skip
_AUS: Final = {
    "streamflow_MLd": "ML/d", "streamflow_mmd": _MM, "precipitation_AWAP": _MM, "precipitation_AGCD": _MM,
    "precipitation_SILO": _MM, "et_morton_wet_SILO": _MM, "et_morton_actual_SILO": _MM, "et_short_crop_SILO": _MM,
    "et_tall_crop_SILO": _MM, "tmin_AWAP": _C, "tmax_AWAP": _C, "tmin_AGCD": _C, "tmax_AGCD": _C, "tmin_SILO": _C,
    "tmax_SILO": _C,
}  # fmt: skip

# Potential evaporation has its method behind its name since version 1.5.
_CARAVAN: Final = {
    "streamflow": _MM, "total_precipitation_sum": _MM, "potential_evaporation_sum": _MM,
    "potential_evaporation_sum_FAO_PENMAN_MONTEITH": _MM, "potential_evaporation_sum_ERA5_LAND": _MM,
    "temperature_2m_mean": _C, "temperature_2m_min": _C, "temperature_2m_max": _C,
}  # fmt: skip

LAYOUTS: Final = (
    Layout(
        "camels_us_flow",
        "CAMELS-US",
        re.compile(r"(?P<station>\d{8})_streamflow_qc\.txt"),
        re.compile(r"\s*\d{7,8}\s+\d{4}\s+\d{1,2}\s+\d{1,2}\s+\S+\s+\S+\s*"),
        ("Year", "Mnth", "Day"),
        {"streamflow": "ft3/s"},
        separator=" ",
        columns=("gauge_id", "Year", "Mnth", "Day", "streamflow", "flag"),
        missing=(-999.0,),
    ),
    *(
        Layout(
            f"camels_us_{product}",
            "CAMELS-US",
            re.compile(rf"(?P<station>\d{{8}})_lump_{mark}_forcing_leap\.txt"),
            re.compile(r"\s*Year\s+Mnth\s+Day\s"),
            ("year", "mnth", "day"),
            {"prcp": _MM, "srad": "W/m2", "swe": "mm", "tmax": _C, "tmin": _C, "tmean": _C, "vp": "Pa"},
            separator=" ",
            skip=3,  # latitude, elevation and area of the catchment
            small_letters=True,  # prcp of Daymet is PRCP of the others
            missing=(-999.0, -9999.0),
            means={"tmean": ("tmin", "tmax")},
        )
        for product, mark in (("daymet", "cida"), ("maurer", "maurer"), ("nldas", "nldas"))
    ),
    Layout(
        "camels_br",
        "CAMELS-BR",
        re.compile(rf"(?P<station>\d{{8}})_(?:{'|'.join(_BR)})\w*\.txt"),
        re.compile(r"\s*\"?year\"?\s+\"?month\"?\s+\"?day\"?\s"),
        ("year", "month", "day"),
        _BR,
        separator=" ",
    ),
    Layout(
        "camels_ch",
        "CAMELS-CH",
        re.compile(r"CAMELS_CH_(?:obs|sim)_based_(?P<station>\d+)\.csv"),
        re.compile(r"\"?date\"?[,;]"),
        ("date",),
        {
            "discharge_vol": _VOLUME, "discharge_spec": _MM, "precipitation": _MM, "temperature_min": _C,
            "temperature_mean": _C, "temperature_max": _C, "pet_sim": _MM,
        },
    ),
    Layout(
        "camels_de",
        "CAMELS-DE",
        re.compile(r"CAMELS_DE_hydromet_timeseries_(?P<station>DE\w+)\.csv"),
        re.compile(r"\"?date\"?,"),
        ("date",),
        {
            "discharge_vol_obs": _VOLUME, "discharge_spec_obs": _MM, "precipitation_mean": _MM, "temperature_min": _C,
            "temperature_mean": _C, "temperature_max": _C, "humidity_mean": "%", "radiation_global_mean": "W/m2",
        },
    ),
    Layout(
        "camels_cl",
        "CAMELS-CL",
        _of_stems(_CL_OF_2018, r"\d+_CAMELScl_", r"\.txt"),
        re.compile(r"\"?gauge_id\"?\t"),
        ("gauge_id",),
        _CL_OF_2018,
        separator="\t",
    ),
    Layout(
        "camels_cl_2022",
        "CAMELS-CL of 2022",
        _of_stems(_CL_OF_2022, "", r"_day\.csv"),
        re.compile(r"\"?date\"?,"),
        ("date",),
        _CL_OF_2022,
        separator=",",
    ),
    Layout(
        "camels_aus",
        "CAMELS-AUS",
        _of_stems(_AUS, "", r"\.csv"),
        re.compile(r"\"?year\"?,\"?month\"?,\"?day\"?,"),
        ("year", "month", "day"),
        _AUS,
        separator=",",
        missing=(-99.99, -99.0, -999.0, -9999.0),
    ),
    Layout(
        "caravan_csv",
        "Caravan",
        re.compile(r"(?P<station>[A-Za-z0-9]+_[\w.-]+)\.csv"),
        re.compile(r"date,(?=.*\bstreamflow\b)(?=.*\btotal_precipitation_sum\b)"),
        ("date",),
        _CARAVAN,
        separator=",",
    ),
)  # fmt: skip

"""Damaged files of every format are read, or refused in one sentence: no other exception, no hang, no large memory."""

import resource
import time
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydromae.base.errors import ConfigError, DataError
from support.fuzz_sources import Case, damages, make_cases

NAMES = (
    *("hdf5", "months", "netcdf", "classic", "caravan", "camels", "nrfa", "attributes"),
    *("zarr2_chunk", "zarr2_metadata", "zarr3_chunk", "zarr3_metadata", "zarr_zip"),
    *("series", "series_classic", "series_zarr"),
    *("table_parquet", "table_csv", "table_csv.gz", "mask_npy", "mask_pt", "mask_nc"),
)
SECONDS, MEMORY = 20, 2**30  # of one file, of all
QUIET = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}


@pytest.fixture(scope="module")
def cases(tmp_path_factory) -> dict[str, Case]:
    made = make_cases(tmp_path_factory.mktemp("fuzz"))
    assert set(made) == set(NAMES)
    return made


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _holds(case: Case, content: bytes) -> None:
    sound = case.damaged.read_bytes()
    before, began = _peak(), time.monotonic()
    try:
        # Removed first, as a file that is still open elsewhere must not change under its reader.
        case.damaged.unlink()
        case.damaged.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            case.read(case.top)
    except (DataError, ConfigError) as refused:
        text = str(refused)
        assert "\n" not in text and str(case.top.parent) in text and len(text) < 2000
    finally:
        case.damaged.unlink()
        case.damaged.write_bytes(sound)
    assert time.monotonic() - began < SECONDS and _peak() - before < MEMORY


@pytest.mark.parametrize("name", NAMES)
def test_a_sound_file_is_read(cases, name):
    cases[name].read(cases[name].top)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12, derandomize=True, **QUIET)
@given(st.data())
def test_a_damaged_file_is_read_or_refused(cases, name, data):
    case = cases[name]
    _holds(case, data.draw(damages(case.damaged.read_bytes())))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=300, **QUIET)
@given(st.data())
def test_a_damaged_file_is_read_or_refused_in_many_ways(cases, name, data):
    case = cases[name]
    _holds(case, data.draw(damages(case.damaged.read_bytes())))

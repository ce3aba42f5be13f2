"""`init` knows each data set of the CAMELS family, and what it writes can be prepared."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hydromae.config.read import load_config
from hydromae.init import init, write_config
from hydromae.store.prepare import prepare
from hydromae.store.view import open_store
from support import camels_twins as twins

Write = Callable[[Path], dict[str, np.ndarray]]
FT3, ML = 0.028316846592, 1000 / 86400


@pytest.mark.parametrize(
    ("write", "modalities", "factor", "areas"),
    [
        (twins.write_us, {"precip", "temp", "riverflow"}, FT3, [573.6, 574.6]),
        (twins.write_br, {"precip", "temp", "evap", "riverflow"}, 1.0, [5730.6, 5731.6]),
        (twins.write_cl, {"precip", "temp", "evap", "riverflow"}, 1.0, None),
        (twins.write_aus, {"precip", "evap", "riverflow"}, ML, [8176.5, 8177.5]),
        (twins.write_ch, {"precip", "temp", "evap", "riverflow"}, 1.0, [712.5, 713.5]),
        (twins.write_de, {"precip", "temp", "riverflow"}, 1.0, [954.5, 955.5]),
    ],
    ids=["us", "br", "cl", "aus", "ch", "de"],
)
def test_the_configuration_that_init_writes_is_prepared_with_the_right_values(
    tmp_path: Path, write: Write, modalities: set[str], factor: float, areas: list[float] | None
) -> None:
    flow = write(tmp_path / "data")
    result = init(tmp_path / "data")
    assert result.to_do == [] or list(result.to_do) == []
    config = load_config(write_config(result, tmp_path / "my.yaml"), [f"data.store={tmp_path / 'store'}"])
    assert set(config.data.modalities) == modalities
    with open_store(prepare(config)) as store:
        assert store["riverflow"].attrs["units"] == "m3/s"
        for station, values in flow.items():
            known = np.where(np.isin(values, [-999.0, -99.99]), np.nan, values)
            np.testing.assert_allclose(store["riverflow"].sel(station=station).values, factor * known, rtol=1e-3)
        if areas is not None:
            np.testing.assert_allclose(store["area"].values, areas, rtol=1e-5)

from pathlib import Path
from typing import Any

import pytest

from hydromae.base.errors import ConfigError
from hydromae.runs.changes import listed_changes, refuse_changes, settings_that_matter, with_later_keys
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store
from hydromae.training.setup import model_config_for
from support.small import small_config
from support.sources import World

Prepared = tuple[World, Store]


@pytest.fixture
def run(prepared: Prepared, tmp_path: Path) -> RunDirectory:
    """As a training begins it: its configuration holds the sizes that the data decided."""
    config = small_config(prepared[0], tmp_path / "run")
    whole = config.model_copy(update={"model": model_config_for(config, prepared[1])})
    return RunDirectory.create(whole, prepared[1])


def test_the_same_configuration_is_no_change(prepared: Prepared, run: RunDirectory) -> None:
    refuse_changes(run, small_config(prepared[0], run.path))


def test_other_folders_are_no_change(prepared: Prepared, run: RunDirectory, tmp_path: Path) -> None:
    refuse_changes(
        run, small_config(prepared[0], run.path, data={"root": "elsewhere", "store": str(tmp_path / "copy")})
    )


@pytest.mark.parametrize(
    ("sections", "expected"),
    [
        ({"training": {"lr": 0.5}}, r"training\.lr \(0\.001 in the run, now 0\.5\);"),
        (
            {"model": {"dropout": 0.2}, "data": {"stride": 3}},
            r"data\.stride \(14 .* now 3\), model\.dropout \(0\.1 .*0\.2",
        ),
        ({"training": {"task_weights": {"soil_loss": 2}}}, r"training\.task_weights\.soil_loss \(None .*now 2\.0\)"),
        ({"model": {"stations_per_window": 99}}, r"model\.stations_per_window \(4 in the run, now 99\)"),
        ({"data": {"exclude_dates": ["2001-02-03"]}}, r"data\.exclude_dates \(\[\] in the run, now \['2001-02-03"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_was_changed_is_listed_with_both_values(
    prepared: Prepared, run: RunDirectory, sections: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ConfigError, match=expected):
        refuse_changes(run, small_config(prepared[0], run.path, **sections))


def test_a_key_that_a_checkpoint_does_not_know_yet_had_its_default(prepared: Prepared, tmp_path: Path) -> None:
    now = settings_that_matter(small_config(prepared[0], tmp_path))
    new = ("training.station_weights", "model.recurrent_dropout")
    then = {key: value for key, value in now.items() if key not in new}
    assert then.keys() | set(new) == now.keys()
    assert not listed_changes(with_later_keys(then, now), now)
    changed = {**now, "model.recurrent_dropout": 0.5, "masking.strategies.span": 1.0}
    found = listed_changes(with_later_keys(then, changed), changed)
    # What is an entry of a mapping was chosen, or was not there.
    assert found == (
        "masking.strategies.span (None in the run, now 1.0), model.recurrent_dropout (0.0 in the run, now 0.5)"
    )


def test_a_changed_training_is_not_continued(hydromae: Any, prepared: Prepared, run: RunDirectory) -> None:
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    code, _, said = hydromae("train", run.config_file, "--continue", "seed=7")
    assert code == 2 and "seed (0 in the run, now 7); continue it as it was with `hydromae resume" in said
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before

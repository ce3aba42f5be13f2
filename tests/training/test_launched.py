"""Half of a launcher's environment is one sentence; what is empty is as what is not set."""

import pytest

from hydromae.base.errors import ConfigError
from hydromae.training.launched import Launched, launched

NAMES = (
    *("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "LOCAL_SIZE", "MASTER_ADDR", "MASTER_PORT"),
    *("TORCHELASTIC_RESTART_COUNT", "SLURM_RESTART_COUNT"),
)
WHOLE = {"WORLD_SIZE": "4", "RANK": "3", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
ALONE = Launched(rank=0, size=1, local_rank=0, local_size=1, restarts=0)


@pytest.fixture(autouse=True)
def _no_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def set_all(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def test_without_a_launcher_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launched() == ALONE
    for name in NAMES:
        monkeypatch.setenv(name, "")
    assert launched() == ALONE


def test_a_whole_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(
        monkeypatch, **WHOLE, LOCAL_RANK="1", LOCAL_SIZE="2", SLURM_RESTART_COUNT="", TORCHELASTIC_RESTART_COUNT="2"
    )
    assert launched() == Launched(rank=3, size=4, local_rank=1, local_size=2, restarts=2)


@pytest.mark.parametrize("lacking", ["RANK", "MASTER_ADDR", "MASTER_PORT"])
def test_several_processes_need_all_that_they_meet_by(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    set_all(monkeypatch, **{**WHOLE, lacking: ""})
    with pytest.raises(ConfigError, match=rf"SIZE is 4, but {lacking} is not set; start .* `unset WORLD_SIZE RANK`"):
        launched()


@pytest.mark.parametrize(("size", "said"), [(None, "WORLD_SIZE is not set"), ("2", "WORLD_SIZE is 2")])
def test_a_rank_that_is_none_of_the_processes_would_write_nothing_and_is_refused(
    monkeypatch: pytest.MonkeyPatch, size: str | None, said: str
) -> None:
    set_all(monkeypatch, **{**WHOLE, "WORLD_SIZE": size or ""})
    with pytest.raises(ConfigError, match=f"RANK is 3, but {said}"):
        launched()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("MASTER_ADDR", "LOCAL_SIZE")])
@pytest.mark.parametrize("value", ["x", "-1", "1.0", "2(x3)", "²"])
def test_what_is_no_number_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    set_all(monkeypatch, **{**WHOLE, name: value})
    with pytest.raises(ConfigError, match=f"the environment variable {name} is .*, not a number; .*`unset {name}`"):
        launched()


def test_what_the_remedy_says_to_unset_leaves_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, WORLD_SIZE="4", LOCAL_RANK="1")
    with pytest.raises(ConfigError) as refused:
        launched()
    for name in str(refused.value).split("`unset ")[1].rstrip("`").split():
        monkeypatch.delenv(name)
    assert launched() == ALONE

"""The page on CAMELS-GB, NRFA and HadUK-Grid: its configuration, and its commands but for the training."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from support.pages import ROOT, commands

DATA = ROOT.parent / "shared/data"
PAGE = (ROOT / "docs/camels_nrfa_haduk.md").read_text(encoding="utf-8")
# Each file of the rain is opened several times, so the quick test has those of four months and windows of six weeks.
SHORT = ("data.train=[2010-01-01, 2010-02-28]", "data.val=[2010-03-01, 2010-04-30]", "data.window=42")


@pytest.mark.skipif(not (DATA / "haduk/12km").is_dir(), reason="the three data sets are not beside the project")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("months", "overrides"),
    [pytest.param("*", (), marks=pytest.mark.slow, id="as it is"), pytest.param("*_20100[1-4]*", SHORT, id="short")],
)
def test_the_configuration_of_the_page_makes_one_store_of_the_three_data_sets(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    hydromae: Callable[..., tuple[int, str, str]],
    months: str,
    overrides: tuple[str, ...],
) -> None:
    blocks = list(MarkdownIt().parse(PAGE))
    (configuration,) = (block.content for block in blocks if block.info == "yaml")
    (said,) = (block.content for block in blocks if block.type == "code_block" and "hydromae" in block.content)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/haduk/12km").mkdir(parents=True)
    for path in (*DATA.glob("camels_gb"), *DATA.glob("nrfa"), *DATA.glob(f"haduk/12km/{months}.nc")):
        (tmp_path / "data" / path.relative_to(DATA)).symlink_to(path)
    (tmp_path / "gb.yaml").write_text(configuration, encoding="utf-8")
    *before, training = commands(said)
    assert training == ["train", "gb.yaml"]
    for arguments in before:
        code, output, errors = hydromae(*arguments, *overrides)
        assert code == 0, f"hydromae {' '.join(arguments)}: {output}{errors}"
    store = yaml.safe_load(next(tmp_path.rglob("store.json")).read_text(encoding="utf-8"))
    assert {"10002", "39025", "7001", "54057"} <= set(store["station_ids"])

"""A model goes to the hub and comes back, and what hinders it is said in a sentence; the hub is one of this machine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from hydromae.base.errors import RunError
from hydromae.runs.model_card import model_card
from hydromae.runs.pretrained import WEIGHTS, MultiModalMAE, load_pretrained, save_pretrained
from hydromae.store.store import Store
from hydromae.training.setup import build_model
from hydromae.training.start_from import start_from
from support.hub_server import TOKEN, Hub, serving
from support.pages import run_blocks
from support.small import small_config
from support.sources import World
from support.tiny import assert_same, plain_dict, predictions, randomise, tiny_config, tiny_model
from support.untrained import untrained_run

Prepared = tuple[World, Store]
NAME = "someone/rivers"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with serving() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        resolve = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", resolve)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no_token"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.chdir(tmp_path)  # where no folder has the name of a user
        yield hub


@pytest.fixture
def model() -> MultiModalMAE:
    return tiny_model(tiny_config(), torch.float32)


def test_a_model_comes_back_from_the_hub_as_it_was(hub: Hub, model: MultiModalMAE) -> None:
    model.task_weights, model.trained_on = {"temp_loss": 10.0}, {"period": ["2001-01-01", "2001-12-31"]}
    address = model.push_to_hub(NAME)
    assert address == f"{hub.address}/{NAME}/commit/{hub.heads[NAME]}"
    for loaded in (MultiModalMAE.from_pretrained(NAME), load_pretrained(NAME, revision=hub.heads[NAME])):
        assert loaded.config == model.config and not loaded.training
        assert loaded.task_weights == model.task_weights and loaded.trained_on == model.trained_on
        assert_same(loaded.state_dict(), model.state_dict())
        assert_same(predictions(loaded, plain_dict(model.config)), predictions(model.eval(), plain_dict(model.config)))


def test_the_blocks_of_the_page_run(
    hub: Hub, prepared: Prepared, hydromae: Callable[..., tuple[int, str, str]]
) -> None:
    untrained_run(*prepared, Path("output/my"))
    run_blocks("docs/hub.md", hydromae, {})
    assert set(hub.repositories) == {"someone/gb_small"}


def test_what_is_uploaded_is_our_folder_and_a_card(hub: Hub, model: MultiModalMAE, tmp_path: Path) -> None:
    save_pretrained(model, tmp_path / "model")
    model.push_to_hub(NAME)
    sent = hub.repositories[NAME]
    assert set(sent) - {".gitattributes"} == {"config.json", "model.safetensors", "README.md"}
    assert all(sent[path.name] == path.read_bytes() for path in (tmp_path / "model").iterdir())


def test_the_card_says_what_the_model_is(prepared: Prepared, tmp_path: Path) -> None:
    model = build_model(small_config(prepared[0], tmp_path / "run"), prepared[1])
    model.save_pretrained(tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text()
    assert card.startswith("---\n") and "library_name: hydromae" in card
    assert f"It has {sum(p.numel() for p in model.parameters()):,} parameters." in card
    for row in ("| precip | grid | mm/d | log1p |", "| riverflow | series | m3/s | log |"):
        assert row in card
    assert "Trained on: 2001-01-01 to 2001-05-20" in card and "Stations: 4" in card
    assert "Attributes of a station: latitude, catchment-area, bfihost" in card
    assert "Grid: 15 x 10 cells; 4 of 6 patches of 5 x 5 are modelled" in card
    assert "None" not in card and "{{" not in card


def test_training_starts_from_a_model_of_the_hub(hub: Hub, prepared: Prepared, tmp_path: Path) -> None:
    config = small_config(prepared[0], tmp_path / "run")
    trained = build_model(config, prepared[1])
    randomise(trained, 1)
    trained.push_to_hub(NAME)
    new = build_model(config, prepared[1])
    start = start_from(new, NAME, prepared[1])
    learned_there = {t.name for t in start.tensors if t.how != "loaded"}  # places of those stations, in that order
    assert all(name.endswith(".group_position.learned") for name in learned_there)
    assert torch.equal(new.norm_shared.weight, trained.norm_shared.weight)


def test_the_card_of_a_model_without_data_claims_nothing_of_them(model: MultiModalMAE) -> None:
    card = model_card(model)
    assert "| precip | grid | not recorded | not recorded |" in card and "Trained on: not recorded" in card


def test_scalers_go_with_the_model(prepared: Prepared, tmp_path: Path) -> None:
    store = prepared[1]
    model = build_model(small_config(prepared[0], tmp_path / "run"), store)
    model.save_pretrained(tmp_path / "model")
    known = load_pretrained(tmp_path / "model").trained_on["modalities"]
    assert {name: store.scaler(name).to_dict() for name in store.names} == {n: m["scaler"] for n, m in known.items()}


def test_a_card_that_is_there_is_kept(model: MultiModalMAE, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("my own words")
    model.save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "my own words"


def test_without_a_token_the_remedy_is_said(hub: Hub, model: MultiModalMAE, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(
        RunError, match=rf"^{NAME}: is no repository that you may write to.*log in with `hf auth login`"
    ):
        model.push_to_hub(NAME)
    assert not hub.repositories


def test_a_model_that_is_neither_here_nor_there_is_named(hub: Hub) -> None:
    with pytest.raises(
        RunError, match=r"^nobody/nothing: is neither a folder here nor a model on the Hugging Face hub"
    ):
        load_pretrained("nobody/nothing")


def test_a_revision_that_is_not_there_is_refused(hub: Hub, model: MultiModalMAE) -> None:
    model.push_to_hub(NAME)
    with pytest.raises(RunError, match="has no such revision on the Hugging Face hub"):
        load_pretrained(NAME, revision="v9")


def test_a_folder_of_the_users_name_means_a_place_here(hub: Hub, model: MultiModalMAE) -> None:
    model.push_to_hub(NAME)
    Path("someone").mkdir()
    with pytest.raises(RunError, match=rf"^{NAME}: holds no trained model"):
        load_pretrained(NAME)


def test_a_path_never_asks_the_hub(hub: Hub, model: MultiModalMAE) -> None:
    model.push_to_hub(NAME)
    with pytest.raises(RunError, match="holds no trained model"):
        load_pretrained(Path(NAME))


def test_without_a_network_the_cache_serves_and_else_a_sentence(
    hub: Hub, model: MultiModalMAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.push_to_hub(NAME)
    load_pretrained(NAME)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert_same(load_pretrained(NAME).state_dict(), model.state_dict())
    for use in (lambda: load_pretrained("someone/else"), lambda: model.push_to_hub(NAME)):
        with pytest.raises(RunError, match=r"^someone/\w+: the Hugging Face hub cannot be used \(.*; try again with a"):
            use()


def test_a_hub_that_does_not_answer_is_said_in_a_sentence(hub: Hub, model: MultiModalMAE) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(RunError, match=rf"^{NAME}: the Hugging Face hub cannot be used \(.*\); try again with a"):
        model.push_to_hub(NAME)


@pytest.mark.parametrize("name", ["--/..", "a/b/c", ""])
def test_what_is_no_name_is_refused(hub: Hub, model: MultiModalMAE, name: str) -> None:
    with pytest.raises(RunError, match="is no name of a model on the Hugging Face hub; write it as user/name"):
        model.push_to_hub(name)


def test_a_byte_that_the_hub_flipped_is_found(hub: Hub, model: MultiModalMAE) -> None:
    model.push_to_hub(NAME)
    content = bytearray(hub.repositories[NAME][WEIGHTS])
    content[-1] ^= 1
    hub.repositories[NAME][WEIGHTS] = bytes(content)
    with pytest.raises(RunError, match=r"model\.safetensors: is damaged \(its checksum differs\)"):
        load_pretrained(NAME)

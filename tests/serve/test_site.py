"""The application: what it answers, and what it refuses."""

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.testclient import TestClient

from hydromae.base.errors import ConfigError
from hydromae.runs.directory import RunDirectory
from hydromae.serve.answers import Answers
from hydromae.serve.guard import LARGEST_BODY
from hydromae.serve.served import Served
from hydromae.serve.site import site
from hydromae.store.store import Store
from support.packed import unpacked
from support.sources import World

ADDRESS = "http://127.0.0.1:8765"
QUESTION = {"page": "0123abcd", "number": 1, "station": "39001", "day": "2001-06-20", "horizon": 3}

Ask = Callable[..., dict[str, Any]]


def test_an_answer_holds_the_truth_of_the_window_and_a_reply_of_each_run(
    ask: Ask, prepared: tuple[World, Store]
) -> None:
    answer = ask(number=7, page="77777777")
    assert answer["number"] == 7 and [run["label"] for run in answer["runs"]] != []
    first = int((np.datetime64("1970-01-01") + answer["first"] - prepared[1].first_day).astype(int))
    expected = prepared[1].read("riverflow", slice(first, first + 8))[:, prepared[1].station_ids.index("39001")]
    np.testing.assert_array_equal(np.array(answer["series"]["riverflow"], np.float32), expected)
    assert len(answer["runs"]) == 2 and answer["runs"][0]["mean"] != answer["runs"][1]["mean"]


def test_a_map_shows_the_hidden_patches_and_what_the_model_makes_of_them(
    ask: Ask, prepared: tuple[World, Store]
) -> None:
    made, arrays = unpacked(ask(grid="precip", hidden_patches=[0])["grid"])
    observed, filled, hidden = (arrays[name].astype(np.float64) for name in ("observed", "reconstructed", "hidden"))
    assert made["grid"]["predicts"] and hidden.any() and not hidden.all()
    np.testing.assert_array_equal(np.isfinite(filled), hidden == 1)
    assert np.isfinite(observed[hidden == 0]).any()
    world, store = prepared
    day = int((np.datetime64("2001-06-20") - store.first_day).astype(int))
    rows, columns = made["grid"]["first_row"], made["grid"]["first_column"]
    truth = world.grids["precip"][day][rows : rows + observed.shape[0], columns : columns + observed.shape[1]]
    kept = np.isfinite(observed)
    back = observed[kept] * made["grid"]["scale"] + made["grid"]["offset"]
    np.testing.assert_allclose(back, truth[kept], atol=0.02 * made["grid"]["scale"] + 0.02 * truth[kept].max())


def test_the_record_is_that_of_the_station(client: Any, prepared: tuple[World, Store]) -> None:
    made, arrays = unpacked(client.post("/record", json=QUESTION).json()["packed"])
    values = arrays["values"].astype(np.float64) * made["scale"] + made["offset"]
    expected = prepared[1].read("riverflow", slice(None))[:, prepared[1].station_ids.index("39001")]
    np.testing.assert_allclose(values, expected, rtol=2e-3, atol=2e-3 * made["scale"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"station": "1"}, "there is no station '1'; choose one of 9002, 101"),
        ({"day": "1999-01-01"}, "choose a day from 2001-01-01 to 2001-07-19"),
        ({"day": "soon"}, "day: Input should be a valid date"),
        ({"horizon": 0}, "horizon: Input should be greater than or equal to 1"),
        ({"horizon": 300}, "the horizon is 300 days"),
        ({"hidden_days": [["2001-06-03", "2001-06-01"]]}, "end (2001-06-01) before they begin (2001-06-03)"),
        ({"hidden_modalities": ["snow"]}, "there is no modality 'snow'; choose one of evap, precip, riverflow, soil"),
        ({"hidden_patches": [1]}, "there is no patch 1"),
        ({"grid": "evap"}, "there is no grid 'evap'; choose one of precip, soil"),
        ({"series": "evap"}, "there is no series 'evap'; choose one of riverflow"),
        ({"page": "<script>"}, "page: String should match pattern"),
        ({"more": 1}, "more: Extra inputs are not permitted"),
    ],
)
def test_a_question_that_cannot_be_asked_is_a_sentence(client: Any, changes: dict[str, Any], said: str) -> None:
    for path in ("/ask",) if "horizon" in changes else ("/ask", "/record"):
        answer = client.post(path, json={**QUESTION, **changes})
        assert answer.status_code == 422 and said in answer.json()["error"]


def test_what_is_no_json_is_refused(client: Any) -> None:
    answer = client.post("/ask", content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 400 and "error" in answer.json()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1.evil.example:8765"}, 421),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"origin": ADDRESS, "sec-fetch-site": "same-origin"}, 200),
        ({"host": "localhost:8765"}, 200),
    ],
)
def test_requests_of_other_sites_are_refused(client: Any, headers: dict[str, str], status: int) -> None:
    answer = client.post("/ask", content=json.dumps(QUESTION), headers={"content-type": "application/json", **headers})
    assert answer.status_code == status


def test_a_large_body_is_refused(client: Any) -> None:
    answer = client.post("/ask", content=b"1" * (LARGEST_BODY + 1), headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_every_request_must_carry_the_token(prepared: tuple[World, Store]) -> None:
    guarded = TestClient(
        site(Served.open([], prepared[1]), names=["box"], addresses=True, token="secret"), base_url="http://10.0.0.7:80"
    )
    question = {**QUESTION}
    for given, status in (("", 401), ("?token=wrong", 401), ("?token=secret", 200)):
        assert guarded.get(f"/{given}").status_code == status
        assert guarded.post(f"/ask{given}", json=question).status_code == status
        assert guarded.post(f"/record{given}", json=question).status_code == status
    assert guarded.get("/?token=secret", headers={"host": "rebound.example"}).status_code == 421


def test_the_page_lets_only_its_own_scripts_run_and_is_in_no_frame(client: Any) -> None:
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and answer.headers["referrer-policy"] == "no-referrer"
    assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
    assert client.get("/nothing").status_code == 404 and client.get("/ask").status_code == 405


def test_a_store_is_looked_at_without_a_model(prepared: tuple[World, Store]) -> None:
    served = Served.open([prepared[1].path])
    answer = TestClient(site(served), base_url=ADDRESS).post("/ask", json={**QUESTION, "grid": "soil"}).json()
    assert answer["runs"] == [] and set(answer["series"]) == {"evap", "riverflow"}
    assert not unpacked(answer["grid"])[0]["grid"]["predicts"]


def test_what_cannot_be_served_is_said(all_stations: RunDirectory, prepared: tuple[World, Store]) -> None:
    with pytest.raises(ConfigError, match="nothing to serve"):
        Served.open([])
    with pytest.raises(ConfigError, match="data are named more than once"):
        Served.open([all_stations.path, prepared[1].path], prepared[1])


def test_a_run_that_lacks_a_station_says_so_beside_the_others(
    all_stations: RunDirectory, one_station: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Served.open([all_stations.path, one_station.path])
    monkeypatch.setattr(served.runs[1].predictor.data, "stations", ("9002",))
    answer = TestClient(site(served), base_url=ADDRESS).post("/ask", json=QUESTION).json()
    assert answer["runs"][0]["mean"] and "station 39001 is not among those" in answer["runs"][1]["error"]


def test_a_waiting_question_is_dropped_when_a_newer_one_comes(
    prepared: tuple[World, Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, begun, calls = threading.Event(), threading.Event(), list[int]()

    def slow(self: Answers, question: Any, between: Any) -> dict[str, Any]:
        calls.append(question.number)
        begun.set()
        assert go_on.wait(20)
        return {"number": question.number}

    monkeypatch.setattr(Answers, "answer", slow)
    application = site(Served.open([], prepared[1]))

    async def ask_all() -> list[int]:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS, timeout=30) as asking:

            def send(number: int, page: str = "0123abcd") -> Any:
                return asyncio.create_task(asking.post("/ask", json={**QUESTION, "number": number, "page": page}))

            first = send(1)
            await asyncio.to_thread(begun.wait, 20)
            other_page, second = send(1, "ffffffff"), send(2)
            await asyncio.sleep(0.05)
            third = send(3)
            dropped = await second  # while the first is still being answered
            assert dropped.status_code == 409 and dropped.json() == {"dropped": True} and calls == [1]
            go_on.set()
            return [(await one).status_code for one in (first, other_page, third)]

    assert asyncio.run(ask_all()) == [200, 200, 200]
    assert sorted(calls) == [1, 1, 3]

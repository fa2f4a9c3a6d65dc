"""The page as programs see it: the named endpoint, the plain route, and what is closed to visitors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio_client
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from maskedgender.networks.classifier import Classifier
from maskedgender.page import middleware
from maskedgender.page.middleware import FREE_TRIES, Brakes
from maskedgender.places import EXAMPLES
from maskedgender.prediction.answers import predict_file

API = "/gradio_api"
PHOTO = EXAMPLES / "barack_obama.jpg"


@pytest.fixture(scope="module")
def client(address: str) -> gradio_client.Client:
    """Gradio's own client, as a program uses it."""
    return gradio_client.Client(address, verbose=False)


def test_gradios_client_gets_the_faces_as_json(
    client: gradio_client.Client, model: Classifier, photos: dict[str, Path]
) -> None:
    told = client.predict(gradio_client.handle_file(PHOTO), api_name="/answer")
    (face,) = predict_file(model, PHOTO)
    assert told["not_sure_below"] == model.not_sure_below
    assert [(one["answer"], one["p_female"]) for one in told["faces"]] == [
        (face.answer, pytest.approx(face.p_female, abs=1e-6))
    ]
    masked = client.predict(gradio_client.handle_file(PHOTO), "surgical", api_name="/answer")
    assert masked["faces"][0]["with_mask"]["p_mask"] > 0.9
    none = client.predict(gradio_client.handle_file(photos["empty"]), api_name="/answer")
    whole = client.predict(gradio_client.handle_file(photos["empty"]), whole_picture=True, api_name="/answer")
    assert none["faces"] == [] and whole["faces"][0]["whole_picture"]
    refused = client.predict(gradio_client.handle_file(photos["text"]), api_name="/answer")
    assert refused["error"].startswith("text.jpg is not a photo")


def test_the_api_page_shows_one_endpoint_and_a_file_as_its_example(client: gradio_client.Client, address: str) -> None:
    assert list(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == ["/answer"]
    info = httpx.get(f"{address}{API}/info").json()["named_endpoints"]["/answer"]["parameters"]
    assert [one["parameter_name"] for one in info] == ["photo", "mask", "whole_picture"]
    assert info[0]["example_input"]["path"] == "photo.jpg" and "http" not in json.dumps(info[0]["example_input"])


def test_a_photos_bytes_are_answered_and_what_else_is_sent_gets_a_sentence(address: str) -> None:
    def ask(**how: Any) -> httpx.Response:
        return httpx.post(f"{address}/answer", timeout=60, **how)

    assert [face["answer"] for face in ask(content=PHOTO.read_bytes()).json()["faces"]] == ["male"]
    with_mask = ask(content=PHOTO.read_bytes(), params={"mask": "cloth"}).json()["faces"][0]["with_mask"]
    assert with_mask["p_mask"] > 0.9
    assert ask(content=b"no photo").json()["error"].startswith("The photo is not a photo in a supported format")
    assert "empty file" in ask(content=b"").json()["error"]
    assert "--data-binary" in ask(files={"file": PHOTO.read_bytes()}).json()["error"]
    large = ask(content=(bytes(1024**2) for _ in range(26)))
    assert large.status_code == 413 and "25 MB" in large.json()["error"]
    assert httpx.get(f"{address}/health").json() == {"waiting": 0}


def called(address: str, given: object) -> str:
    """What the endpoint says to this in the place of a photo."""
    event = httpx.post(f"{address}{API}/call/answer", json={"data": [given, "", False]}).json()["event_id"]
    return httpx.get(f"{address}{API}/call/answer/{event}", timeout=60).text


def test_no_address_is_fetched_and_no_file_but_ones_own_is_read(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import safehttpx

    fetched: list[object] = []
    monkeypatch.setattr(safehttpx, "get", lambda *how, **more: fetched.append(how))
    for path in ("https://example.org/a.jpg", "/etc/passwd", str(PHOTO.parents[1] / "README.md")):
        said = called(address, {"path": path, "meta": {"_type": "gradio.FileData"}})
        assert "event: error" in said, path
    for route in ("file=", "file/", "proxy="):
        assert httpx.get(f"{address}{API}/{route}https://example.org/a.jpg").status_code in (400, 404), route
    assert fetched == []
    original = httpx.post(f"{address}{API}/upload", files={"files": ("original", str(PHOTO).encode())}).json()[0]
    assert "is not a photo" in called(address, {"path": original, "meta": {"_type": "gradio.FileData"}})


def test_what_stores_more_than_photos_or_tells_of_others_is_closed(address: str) -> None:
    with httpx.Client(base_url=address) as visitor:
        for path in (f"{API}/process_recording", f"{API}/deep_link?session_hash=a", f"{API}/runs", f"{API}/vibe-code",
                     f"{API}/run-history/connect", "/docs", "/monitoring", "/monitoring/summary"):  # fmt: skip
            assert {visitor.get(path).status_code, visitor.post(path).status_code} <= {403, 404, 405, 422}, path


def behind(folder: Path, names: set[str], host: str = "127.0.0.1") -> TestClient:
    """A page behind the middleware, whose login knows one password."""

    async def login(request: Request) -> JSONResponse:
        return JSONResponse({}, 200 if await request.body() == b"right" else 400)

    routes = [Route("/login", login, methods=["POST"]), Route(f"{API}/upload", login, methods=["POST"])]
    return TestClient(Brakes(Starlette(routes=routes), host, names, folder), base_url="http://localhost:7860")


def test_a_page_of_another_site_or_under_another_name_gets_nothing(tmp_path: Path) -> None:
    own = behind(tmp_path, {"faces.example", "*.gradio.live"})
    for headers, status in (
        ({}, 200),
        ({"Origin": "http://localhost:7860"}, 200),
        ({"Host": "faces.example", "Origin": "https://faces.example"}, 200),
        ({"Host": "abc.gradio.live", "Origin": "https://abc.gradio.live"}, 200),
        ({"Host": ""}, 400),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
        ({"Host": "192.168.0.7:7860"}, 403),
    ):
        assert own.post("/login", content=b"right", headers=headers).status_code == status, headers
    assert "--host" in own.get("/login", headers={"Host": "evil.example"}).text
    open_to_all = behind(tmp_path, set(), host="0.0.0.0")
    assert open_to_all.post("/login", content=b"right", headers={"Host": "192.168.0.7:7860"}).status_code == 200


def test_where_no_space_is_left_no_photo_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = behind(tmp_path, set())
    assert page.post(f"{API}/upload", content=b"right").status_code == 200
    monkeypatch.setattr(middleware, "FREE_SPACE", 2**60)
    refused = page.post(f"{API}/upload", content=b"right")
    assert refused.status_code == 503 and "try again" in refused.json()["error"]


def test_after_five_wrong_passwords_each_further_one_takes_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr(middleware, "monotonic", lambda: now)
    guessed = behind(tmp_path, set())

    def tries(password: bytes) -> int:
        return guessed.post("/login", content=password).status_code

    assert [tries(b"wrong") for _ in range(FREE_TRIES)] == [400] * 5
    refused = guessed.post("/login", content=b"right")
    assert refused.status_code == 429 and "try again in 1 seconds" in refused.json()["detail"]
    now += 1
    assert [tries(b"wrong"), tries(b"right")] == [400, 429]
    now += 1
    assert tries(b"right") == 429, "twice as long"
    now += 1
    other = TestClient(guessed.app, "http://localhost:7860", client=("192.0.2.1", 50000))
    assert other.post("/login", content=b"right").status_code == 200, "one guesser does not stop another"
    assert tries(b"right") == 200
    assert [tries(b"wrong") for _ in range(FREE_TRIES)] == [400] * 5, "who knows it begins anew"

"""What stands between this machine and Kaggle is said at the first try, with the setting that mends it."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest
from kagglesdk import kaggle_env

from maskedgender.data.kaggle_access import CERTIFICATE, PROXY, SOCKS
from maskedgender.kaggle import remote_training as kaggle_run

from ..support.kaggle_server import TOKEN, USER, FakeKaggle
from ..support.kaggle_shell import remember_a_run, sentence, shell

MARK = "\ufeff"


@pytest.mark.parametrize("content", ['{"kernel": "ann/maskedgender-train", "version": 7}', "[]", "null", "{", ""])
def test_a_note_of_the_last_push_that_tells_no_run_is_one_sentence(content: str, kaggle: FakeKaggle):
    """An earlier form of it had no id."""
    kaggle_run.RUNS.mkdir()
    (kaggle_run.RUNS / "kaggle.json").write_text(content)
    for command in ("fetch", "status"):
        told = sentence(shell(command))
        assert "kaggle.json does not tell which run was pushed last" in told and "`maskedgender kaggle train`" in told


@pytest.mark.parametrize(
    ("proxy", "advice", "words"),
    [
        ("socks5://127.0.0.1:9", SOCKS, "Missing dependencies for SOCKS support"),
        ("http://127.0.0.1:9", PROXY, "Connection refused"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_said_at_once(
    proxy: str, advice: str, words: str, kaggle: FakeKaggle, monkeypatch: pytest.MonkeyPatch
):
    if advice == SOCKS and find_spec("socks"):
        pytest.skip("the package is there")
    remember_a_run()
    shell("status")  # the client is imported now, which logs in by itself
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("ALL_PROXY", proxy)
    result = shell("fetch")
    told = sentence(result)
    assert told.startswith(advice) and words in told
    assert result.output.strip() == told, "nothing is tried again"


@pytest.fixture
def untrusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Kaggle behind a certificate that nobody knows, as a firewall puts it in between; its port."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    files = [tmp_path / "key.pem", tmp_path / "certificate.pem"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    subprocess.run([*command, "-keyout", files[0], "-out", files[1]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files[1], files[0])
    server = HTTPServer(("localhost", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    address = f"https://localhost:{server.server_port}"
    monkeypatch.setitem(kaggle_env._env_to_endpoint, kaggle_env.KaggleEnv.LOCAL, address)
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_certificate_that_is_not_trusted_is_said_at_once(kaggle: FakeKaggle, untrusted: int):
    remember_a_run()
    result = shell("status")
    told = sentence(result)
    assert told.startswith(CERTIFICATE) and "self-signed certificate" in told.replace("self signed", "self-signed")
    assert result.output.strip() == told, "nothing is tried again"


def test_a_bundle_of_certificates_that_is_not_there_is_named(
    kaggle: FakeKaggle, untrusted: int, monkeypatch: pytest.MonkeyPatch
):
    remember_a_run()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/bundle.pem")
    told = sentence(shell("status"))
    assert told.startswith(CERTIFICATE) and "/nowhere/bundle.pem" in told


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-8-sig"])
@pytest.mark.parametrize("name", ["access_token", "kaggle.json", "named.txt"])
def test_a_token_file_that_is_no_plain_utf8_is_named(
    name: str, encoding: str, kaggle: FakeKaggle, home: Path, monkeypatch: pytest.MonkeyPatch
):
    remember_a_run()
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    path = home / ".kaggle" / name
    if name == "named.txt":
        monkeypatch.setenv("KAGGLE_API_TOKEN", str(path))
    path.write_text(json.dumps({"username": USER, "key": "k"}) if "json" in name else TOKEN, encoding=encoding)
    told = sentence(shell("status"))
    assert str(path) in told and "save it as UTF-8 without a byte-order mark" in told


def test_a_spoiled_file_that_is_not_needed_does_no_harm(kaggle: FakeKaggle, home: Path):
    remember_a_run()
    (home / ".kaggle" / "kaggle.json").write_text("{}", encoding="utf-16")
    assert shell("status").exit_code == 0

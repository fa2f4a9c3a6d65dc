"""The container: what its Dockerfile says, and the same steps without Docker in a clean folder."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LET_IN = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] == "!"]
BUILD, SERVED = DOCKERFILE.split("\nFROM python:3.12-slim\n")
NOBODY = 65534


def test_the_space_asks_for_this_dockerfile_and_its_port():
    front = yaml.safe_load((ROOT / "deploy" / "space.md").read_text(encoding="utf-8").split("---")[1])
    assert front["sdk"] == "docker" and f"EXPOSE {front['app_port']}\n" in DOCKERFILE
    assert len(front["short_description"]) <= 60, "Hugging Face takes no more"


def test_the_other_space_installs_the_packages_dependencies_and_opens_the_page():
    front = yaml.safe_load((ROOT / "deploy" / "space_gradio.md").read_text(encoding="utf-8").split("---")[1])
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    listed = (ROOT / "deploy" / "requirements.txt").read_text(encoding="utf-8").splitlines()[1:]
    assert {*listed, f"gradio>={front['sdk_version'].removesuffix('.0')},<7"} == set(needed)
    code = (ROOT / "deploy" / front["app_file"]).read_text(encoding="utf-8")
    assert front["sdk"] == "gradio" and 'open_page(host="0.0.0.0")' in code


def test_what_is_let_in_is_there_and_holds_nothing_of_a_persons_own():
    assert [pattern for pattern in LET_IN if not list(ROOT.glob(pattern))] == []
    own = ("shared", "runs", ".git", ".venv", "masked", "trained", "tests")
    assert [name for name in own if any(fnmatch.fnmatch(name, pattern) for pattern in LET_IN)] == []


def copied(source: Path) -> None:
    """The build's files, as COPY takes them."""
    for path in (path for pattern in LET_IN for path in ROOT.glob(pattern)):
        to = source / path.relative_to(ROOT)
        to.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, to)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may enter, unlike pytest's own."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.mark.soak
@pytest.mark.skipif(os.name != "posix", reason="a container's steps are those of Linux")
def test_the_same_steps_without_docker_serve_an_answer(folder: Path):
    source, app, home = folder / "source", folder / "app", folder / "home"
    copied(source)
    (build,) = re.findall(r"^RUN (.*?[^\\])$", BUILD, re.DOTALL | re.MULTILINE)
    commands = (
        build.replace("\\\n", " ").replace("/app", str(app)).replace("python -m venv", f"{sys.executable} -m venv")
    )
    commands = commands.replace("pip --python", f"{sys.executable} -m pip --quiet --python")
    subprocess.run(["sh", "-ec", commands], cwd=source, check=True)
    assert not list(app.glob("lib/python*/site-packages/tensorflow*"))
    assert sum(path.stat().st_size for path in app.rglob("*") if path.is_file()) < 870_000_000, "1 GB with the base"
    home.mkdir()
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if may_become_another() else {}
    if other:
        os.chown(home, NOBODY, NOBODY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = dict(re.findall(r"(GRADIO_\w+|PYTHON\w+)=(\S+)", SERVED)) | {"GRADIO_SERVER_PORT": str(port)}
    environment = {"PATH": f"{app}/bin:/usr/bin:/bin", "HOME": str(home), "SPACE_HOST": "me-faces.hf.space", **said}
    command = json.loads(SERVED.rsplit("CMD ", 1)[1])
    page = subprocess.Popen([app / "bin" / command[0], *command[1:]], cwd=home, env=environment, **other)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", page)
        photo = (ROOT / "examples" / "eileen_collins.jpg").read_bytes()
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/answer", photo, {"Host": "me-faces.hf.space"})
        with urllib.request.urlopen(asked, timeout=60) as reply:
            told = json.loads(reply.read().splitlines()[-1])
        assert [face["answer"] for face in told["faces"]] == ["female"]
    finally:
        page.send_signal(signal.SIGTERM)
        page.wait(30)


def may_become_another() -> bool:
    """Whether another user can be become, and may run this Python, which may lie in a home that is closed to others."""
    python = Path(sys.executable).resolve()
    return os.geteuid() == 0 and all(folder.stat().st_mode & 0o001 for folder in python.parents)


def wait_for(address: str, page: subprocess.Popen[bytes]) -> None:
    """Until the health check passes, a minute at most."""
    for _ in range(120):
        assert page.poll() is None, "the page has ended"
        try:
            urllib.request.urlopen(address, timeout=4).close()
        except OSError:
            time.sleep(0.5)
        else:
            return
    raise AssertionError("the page did not become healthy within a minute")

"""Photos lie in a folder of the page alone, for some minutes, and nothing is left of a page that was killed."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from benchmarks.page_process import page_process
from maskedgender.networks.classifier import Classifier
from maskedgender.page import folder as folder_module
from maskedgender.page import many_photos_tab
from maskedgender.page.folder import MEMORY, PREFIX, own_folder
from maskedgender.page.gradio_import import gr
from maskedgender.places import EXAMPLES

PHOTO = EXAMPLES / "grace_hopper.jpg"
# A process with a folder, which ends when it is told no more.
CODE = """
import sys
from pathlib import Path
from maskedgender.page import folder
folder.MEMORY, folder.ROOM = Path(sys.argv[1]), int(sys.argv[2])
files = folder.own_folder()
(files / "photo.jpg").write_bytes(b"a face")
print(files, oct(files.parent.stat().st_mode & 0o777), flush=True)
sys.stdin.read()
"""


def own(memory: Path, room: int = 0) -> subprocess.Popen[str]:
    temporary = memory.parent / "tmp"
    temporary.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", CODE, str(memory), str(room)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True, env={**os.environ, "TMPDIR": str(temporary)},
    )  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="modes and kills are those of POSIX")
def test_the_folder_is_private_goes_with_its_process_and_a_start_sweeps_what_a_kill_left(tmp_path: Path) -> None:
    memory = tmp_path / "shm"
    memory.mkdir()
    said = own(memory).communicate()[0].split()
    assert said[0].startswith(str(memory)) and said[1] == "0o700" and list(memory.iterdir()) == []
    killed = own(memory)
    left = Path(killed.stdout.readline().split()[0])
    killed.kill()
    killed.communicate()
    assert (left / "photo.jpg").exists()
    running = own(memory)
    lives = Path(running.stdout.readline().split()[0])
    assert not left.parent.exists() and lives.exists()
    other = own(memory, room=2**60).communicate()[0]
    assert other.startswith(str(tmp_path / "tmp")), "where memory has no room"
    assert (lives / "photo.jpg").exists(), "of a process that lives nothing is swept"
    running.communicate()
    assert list(memory.iterdir()) == []


def test_a_photo_and_its_results_are_gone_some_time_after_their_last_use(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 0 < folder_module.OLDEST + 2 * folder_module.EVERY <= 180, "what the page says"
    upload = httpx.post(f"{address}/gradio_api/upload", files={"files": ("a.jpg", PHOTO.read_bytes())}).json()[0]
    assert Path(upload).is_relative_to(own_folder())
    broken = own_folder() / "broken upload"
    broken.touch()
    monkeypatch.setattr(folder_module, "OLDEST", 0.5)
    monkeypatch.setattr(folder_module, "EVERY", 0.1)
    end = time.monotonic() + 60
    while list(own_folder().iterdir()):
        assert time.monotonic() < end, "nothing is removed"
        time.sleep(0.2)
    monkeypatch.undo()
    again = httpx.post(
        f"{address}/gradio_api/call/answer",
        json={"data": [{"path": upload, "meta": {"_type": "gradio.FileData"}}, "", False]},
    ).json()
    said = httpx.get(f"{address}/gradio_api/call/answer/{again['event_id']}", timeout=60).text
    assert "no longer kept here" in said


def test_photos_that_wait_for_their_turn_are_in_use(
    model: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many_photos_tab, "SHOW_EVERY", -1)
    photos = [shutil.copy(PHOTO, tmp_path / f"{number}.jpg") for number in range(2)]
    for photo in photos:
        os.utime(photo, (0, 0))
    with gr.Blocks():
        run = many_photos_tab.ManyPhotosTab(model).answer(photos)
    next(run)
    assert not photos[0].exists() and photos[1].stat().st_mtime > 0


@pytest.mark.soak
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs Linux")
def test_of_a_page_that_is_killed_nothing_is_on_the_disk_and_the_next_start_empties_memory(tmp_path: Path) -> None:
    secret, began = secrets.token_hex(), time.time()
    before = set(MEMORY.glob(f"{PREFIX}*"))
    with page_process(tmp_path, "--port", "7910") as page:
        photo = PHOTO.read_bytes() + secret.encode()
        path = httpx.post(f"{page.address}/gradio_api/upload", files={"files": ("a.jpg", photo)}).json()[0]
        httpx.post(f"{page.address}/answer", content=photo, timeout=60).raise_for_status()
        in_memory = path.startswith(str(MEMORY))
        page.kill()
    assert not in_memory or holding(secret, began, [str(tmp_path), "/tmp", "/var/tmp", str(Path.home())]) == ""
    left = set(MEMORY.glob(f"{PREFIX}*")) - before
    assert len(left) == in_memory and all(one.stat().st_mode & 0o077 == 0 for one in left)
    with page_process(tmp_path, "--port", "7910") as page:
        assert not any(one.exists() for one in left) and not Path(path).exists()
        page.stop()
    assert set(MEMORY.glob(f"{PREFIX}*")) <= before, "an orderly end leaves nothing either"
    assert holding(secret, began, [str(tmp_path), "/tmp", str(MEMORY)]) == ""


def holding(secret: str, since: float, places: list[str]) -> str:
    """The names of the files, written since then, that hold a word."""
    written = ["find", *places, "-xdev", "-type", "f", "-newermt", f"@{since:.0f}", "-size", "-50M"]
    return subprocess.run([*written, "-exec", "grep", "-lF", secret, "{}", "+"], capture_output=True, text=True).stdout

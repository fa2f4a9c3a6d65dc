"""The page as users run it, in a process of its own: for load, kills and what a second user must not reach."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
START_SECONDS = 600  # on a machine that is busy with other work; an end without a word is seen at once
COMMAND = (sys.executable, "-m", "maskedgender", "app")


@dataclass(frozen=True)
class PageProcess:
    """A page that runs: where it is, its process, and the file with what it prints."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rsplit(":", 1)[1])

    def kill(self) -> None:
        """End it without notice, as kill -9 or a power cut does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end (SIGTERM), and wait until it has."""
        self.process.terminate()
        self.process.wait(timeout=30)


@contextmanager
def page_process(folder: Path, *options: str, command: Sequence[str] = COMMAND) -> Iterator[PageProcess]:
    """A page, started in a folder by a command and options of `maskedgender app`; its temporary files lie there too."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    variables = {**os.environ, "PYTHONPATH": str(CHECKOUT), **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))}
    log = folder / "page.log"
    with log.open("wb") as output:
        how = {"cwd": folder, "env": variables, "stdout": output, "stderr": subprocess.STDOUT}
        process = subprocess.Popen([*command, *options], **how)
    try:
        yield PageProcess(_address(process, log), process, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the page says that it is."""
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        said = re.search(r"page is at http://(\S+):(\d+)", log.read_text("utf-8", "replace"))
        if said:
            return f"http://{said[1]}:{said[2]}"
        time.sleep(0.02)
    raise RuntimeError(f"The page did not start: {log.read_text('utf-8', 'replace')[-2000:]}")

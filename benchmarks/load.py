"""Many clients at once on the page, as users run it: no wrong answer, no fault, nothing left of those who went away.

    python -m benchmarks.load [--clients 32] [--seconds 60] [--fairface DIR]

Photos of people, groups, one file in ten bad, one client in ten gone in the middle of its upload. Prints what was
promised, answers a second, and how long they took; ends with the status 1 when a promise is broken. Takes the seconds
asked for, and about one minute more.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import httpx
import numpy as np
import psutil
import typer

from maskedgender.networks.model_files import load_model
from maskedgender.places import SHIPPED_MODEL

from .load_cases import Case, cases
from .page_process import PageProcess, page_process
from .photos import FAIRFACE

BAD_SHARE, LEAVING_SHARE = 0.1, 0.1
ONE_FACE_SECONDS = 5.0  # at most for an answer to a photo of one face
MOST_GROWTH = 100.0  # MB of the server's memory
ANSWER_SECONDS = 120


@dataclass
class Tally:
    """What the clients met with."""

    seconds: list[float] = field(default_factory=list)  # from the request to the answer
    one_face: list[float] = field(default_factory=list)  # of these, photos of one face
    wrong: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # statuses from 500 on, broken connections, failed events
    longest_queue: int = 0
    left: int = 0


class LoadClient:
    """A browser as the page's own script behaves: one request, whose lines are read until the answer."""

    def __init__(self, address: str, given: list[Case], tally: Tally, seed: int) -> None:
        """`given` are the files to choose from, at random by `seed`; what happens is added to `tally`."""
        self.address, self.tally, self.random = address, tally, random.Random(seed)
        self.good = [case for case in given if not case.is_bad]
        self.bad = [case for case in given if case.is_bad]
        self.http = httpx.Client(base_url=address, timeout=ANSWER_SECONDS)
        self.http.get("/").raise_for_status()

    def run(self, seconds: float) -> None:
        """Ask again and again for as long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            case = self.random.choice(self.bad if self.random.random() < BAD_SHARE else self.good)
            if self.random.random() < LEAVING_SHARE:
                leave_in_the_middle(self.address, case.content)
                self.tally.left += 1
            else:
                self.ask(case)

    def ask(self, case: Case) -> None:
        """One upload and its answer, compared with the shell's."""
        begin = time.monotonic()
        try:
            told = self._answer(case)
        except (httpx.HTTPError, RuntimeError) as error:
            self.tally.faults.append(f"{case.name}: {error!r}")
            return
        self.tally.seconds.append(time.monotonic() - begin)
        if len(told.get("faces", ())) == 1:
            self.tally.one_face.append(self.tally.seconds[-1])
        why = case.why_wrong(told)
        if why:
            self.tally.wrong.append(why)

    def _answer(self, case: Case) -> dict[str, Any]:
        asked = {"content": case.content, "headers": {"X-Name": quote(case.name)}, "params": {"show": "one"}}
        with self.http.stream("POST", "/answer", **asked) as reply:
            reply.raise_for_status()
            for line in reply.iter_lines():
                told = json.loads(line)
                if "waiting" not in told:
                    return told
                self.tally.longest_queue = max(self.tally.longest_queue, told["waiting"])
        raise RuntimeError("the stream ended without an answer")


def leave_in_the_middle(address: str, content: bytes) -> None:
    """Send half of a photo, and close the connection."""
    host, port = address.removeprefix("http://").split(":")
    head = f"POST /answer HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(content) + 1000}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS) as connection:
        connection.sendall(head.encode() + content[: len(content) // 2])


def load(page: PageProcess, given: list[Case], clients: int, seconds: float, seed: int = 0) -> Tally:
    """Let so many clients ask for so long, all at once."""
    tally = Tally()
    with ThreadPoolExecutor(clients) as pool:
        made = list(pool.map(lambda number: LoadClient(page.address, given, tally, seed + number), range(clients)))
        begin = threading.Barrier(clients)

        def run(client: LoadClient) -> None:
            begin.wait()
            client.run(seconds)

        list(pool.map(run, made))
    return tally


def files_left(page: PageProcess) -> int:
    """How many files of photos there are; there never are any."""
    return sum(path.is_file() for path in (page.log.parent / "tmp").rglob("*"))


def memory(page: PageProcess) -> float:
    """MB of resident memory of the page's process."""
    return psutil.Process(page.process.pid).memory_info().rss / 1e6


def broken_promises(tally: Tally, growth: float, left: int, waiting: int) -> list[str]:
    """Sentences about what should not have happened."""
    told = [*tally.wrong[:5], *tally.faults[:5]]
    checks = {
        f"{len(tally.wrong)} wrong answers": bool(tally.wrong),
        f"{len(tally.faults)} faults": bool(tally.faults),
        "no answer at all": not tally.seconds,
        f"a photo of one face took {max(tally.one_face, default=0):.1f} s": max(tally.one_face, default=0)
        > ONE_FACE_SECONDS,
        f"memory grew by {growth:.0f} MB": growth > MOST_GROWTH,
        f"{left} files left": bool(left),
        f"{waiting} requests still in the queue": bool(waiting),
    }
    return [sentence for sentence, is_broken in checks.items() if is_broken] + told


def queue_length(page: PageProcess) -> int:
    """How many requests wait."""
    return int(httpx.get(f"{page.address}/health", timeout=ANSWER_SECONDS).json()["waiting"])


def main(
    clients: Annotated[int, typer.Option(min=1)] = 32,
    seconds: Annotated[float, typer.Option(min=1)] = 60,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
    portraits: Annotated[int, typer.Option(help="of FairFace, besides the examples")] = 48,
) -> None:
    """Prints what was measured, and each promise that was broken."""
    given = cases(load_model(SHIPPED_MODEL), fairface, portraits)
    print(f"{len(given)} files, {sum(case.is_bad for case in given)} of them bad", flush=True)
    with tempfile.TemporaryDirectory() as folder, page_process(Path(folder)) as page:
        load(page, given, clients, min(10, seconds))  # warms up
        before = memory(page)
        tally = load(page, given, clients, seconds, seed=1000)
        waiting, left, growth = queue_length(page), files_left(page), memory(page) - before
    median, late = np.percentile(tally.seconds or [np.nan], (50, 95))
    print(
        f"{clients} clients, {seconds:.0f} s: {len(tally.seconds)} answers, {len(tally.seconds) / seconds:.1f} a second"
    )
    print(f"time to an answer: {median:.2f} s median, {late:.2f} s 95th percentile; {tally.left} clients left early")
    print(f"of one face: {max(tally.one_face, default=0):.2f} s at most")
    print(f"longest queue told: {tally.longest_queue}; memory {before:.0f} MB, then {growth:+.0f} MB")
    broken = broken_promises(tally, growth, left, waiting)
    print("\n".join(broken) or "every promise kept")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    typer.run(main)

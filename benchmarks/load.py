"""Many clients at once on the page, as users run it: no wrong answer, no fault, nothing left of those who went away.

    python -m benchmarks.load [--clients 16] [--seconds 60]

The photos are those in examples/ and three bad files; one client in ten goes away in the middle of its upload. Answers
are compared with the shell's. Prints answers a second, how long they took, and what the page's process holds; ends with
the status 1 where an answer was wrong, a request failed, memory grew, or files were left.
"""

from __future__ import annotations

import random
import socket
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
import psutil
import typer

from maskedgender.networks.model_files import load_model
from maskedgender.places import EXAMPLES
from maskedgender.prediction.answers import NO_FACE, csv_rows

from .page_process import PageProcess, page_process

CLOSE = 1e-4  # in a probability: a batch of another size adds up in another order
MOST_GROWTH = 100.0  # MB
LEAVING = 0.1  # of the uploads
BAD = {"cut.jpg": b"\xff\xd8\xff\xe0 cut off", "text.jpg": b"This is no photo.", "script.svg": b"<svg><script/></svg>"}

Rows = Sequence[Mapping[str, Any]]


def cases(folder: Path) -> list[tuple[bytes, Rows]]:
    """Files as bytes, good and bad, each with the rows that the shell's CSV has for it."""
    for name, content in BAD.items():
        (folder / name).write_bytes(content)
    model, files = load_model(), [*sorted(EXAMPLES.glob("*.jpg")), *(folder / name for name in BAD)]
    return [(file.read_bytes(), csv_rows(model, file)) for file in files]


def is_right(told: Mapping[str, Any], rows: Rows) -> bool:
    """Whether the page's answer is the shell's."""
    if rows[0]["error"] not in ("", NO_FACE):
        return bool(told.get("error")) and "faces" not in told
    wanted = [(row["answer"], row["p_female"]) for row in rows if not row["error"]]
    faces = [(face["answer"], face["p_female"]) for face in told.get("faces", ())]
    return [answer for answer, _ in faces] == [answer for answer, _ in wanted] and all(
        abs(p - wanted_p) < CLOSE for (_, p), (_, wanted_p) in zip(faces, wanted, strict=True)
    )


def leave_in_the_middle(page: PageProcess, content: bytes) -> None:
    """Send half of a photo, and close the connection."""
    head = f"POST /answer HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nContent-Length: {2 * len(content)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", page.port), timeout=60) as connection:
        connection.sendall(head.encode() + content)


def load(page: PageProcess, given: list[tuple[bytes, Rows]], clients: int, seconds: float) -> dict[str, list[float]]:
    """Let so many clients ask for so long, all at once: the seconds of each request, under what became of it."""
    outcomes: dict[str, list[float]] = defaultdict(list)

    def run(number: int) -> None:
        rng, until = random.Random(number), time.monotonic() + seconds
        with httpx.Client(base_url=page.address, timeout=600) as http:
            while time.monotonic() < until:
                content, rows = rng.choice(given)
                begun = time.monotonic()
                if rng.random() < LEAVING:
                    leave_in_the_middle(page, content)
                    outcome = "left early"
                else:
                    reply = http.post("/answer", content=content)
                    known = {200: "right" if is_right(reply.json(), rows) else "wrong", 503: "told to wait"}
                    outcome = known.get(reply.status_code, f"status {reply.status_code}")
                outcomes[outcome].append(time.monotonic() - begun)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(run, range(clients)))
    return outcomes


def main(
    clients: Annotated[int, typer.Option(min=1)] = 16,
    seconds: Annotated[float, typer.Option(min=1)] = 60,
) -> None:
    """Prints what was measured; status 1 where a promise is broken."""
    with tempfile.TemporaryDirectory() as name, page_process(Path(name) / "page") as page:
        given, process = cases(Path(name)), psutil.Process(page.process.pid)
        load(page, given, clients, seconds / 6)  # warms up
        before = process.memory_info().rss
        outcomes = load(page, given, clients, seconds)
        growth = (process.memory_info().rss - before) / 1e6
        left = sum(file.is_file() for file in (page.log.parent / "tmp").rglob("*"))
    for outcome, taken in outcomes.items():
        median, late = np.percentile(taken, (50, 95))
        print(f"{outcome}: {len(taken)}; {median:.2f} s median, {late:.2f} s 95th percentile")
    answers = len(outcomes.get("right", ()))
    print(f"{answers / seconds:.1f} right answers a second; memory {growth:+.0f} MB; files left: {left}")
    as_promised = answers and outcomes.keys() <= {"right", "told to wait", "left early"}
    raise typer.Exit(0 if as_promised and growth < MOST_GROWTH and not left else 1)


if __name__ == "__main__":
    typer.run(main)

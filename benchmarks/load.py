"""Many clients at once on the page, as users run it: every answer is the one that it gives alone, and nothing is left.

    python -m benchmarks.load [--clients 16] [--seconds 60]

The photos are those in examples/ and three bad files. Prints answers a second, how long they took, and how memory grew;
ends with the status 1 where an answer was another, a request failed, memory grew, or files were left.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import httpx
import numpy as np
import psutil
import typer

from maskedgender.places import EXAMPLES

from .page_process import PageProcess, page_process

MOST_GROWTH = 100.0  # MB
BAD = (b"\xff\xd8\xff\xe0 cut off", b"This is no photo.", b"<svg><script/></svg>")


def load(page: PageProcess, photos: list[bytes], clients: int, seconds: float) -> dict[str, list[float]]:
    """Let so many clients ask for so long, all at once: the seconds of each request, under what became of it."""
    alone = [told(httpx.post(f"{page.address}/answer", content=photo, timeout=600)) for photo in photos]
    outcomes: dict[str, list[float]] = defaultdict(list)

    def run(number: int) -> None:
        rng, until = random.Random(number), time.monotonic() + seconds
        with httpx.Client(base_url=page.address, timeout=600) as http:
            while time.monotonic() < until:
                begun, which = time.monotonic(), rng.randrange(len(photos))
                reply = http.post("/answer", content=photos[which])
                outcome = "right" if told(reply) == alone[which] else f"another answer, status {reply.status_code}"
                # 503 asks to come again: too many are waiting already.
                outcomes["told to wait" if reply.status_code == 503 else outcome].append(time.monotonic() - begun)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(run, range(clients)))
    return outcomes


def told(reply: httpx.Response) -> list[Any]:
    """What an answer says: its error, or of each face the answer and its probability, to three places."""
    answer = reply.json()
    return [answer.get("error"), *((face["answer"], round(face["p_male"], 3)) for face in answer.get("faces", ()))]


def main(
    clients: Annotated[int, typer.Option(min=1)] = 16,
    seconds: Annotated[float, typer.Option(min=1)] = 60,
) -> None:
    """Prints what was measured; status 1 where a promise is broken."""
    photos = [*(file.read_bytes() for file in sorted(EXAMPLES.glob("*.jpg"))), *BAD]
    with tempfile.TemporaryDirectory() as name, page_process(Path(name)) as page:
        process = psutil.Process(page.process.pid)
        load(page, photos, clients, seconds / 6)  # warms up
        before = process.memory_info().rss
        outcomes = load(page, photos, clients, seconds)
        growth = (process.memory_info().rss - before) / 1e6
        left = sum(file.is_file() for file in (Path(name) / "tmp").rglob("*"))
    for outcome, taken in outcomes.items():
        median, late = np.percentile(taken, (50, 95))
        print(f"{outcome}: {len(taken) / seconds:.1f} a second; {median:.2f} s median, {late:.2f} s 95th percentile")
    print(f"memory {growth:+.0f} MB; files left: {left}")
    as_promised = "right" in outcomes and outcomes.keys() <= {"right", "told to wait"}
    raise typer.Exit(0 if as_promised and growth < MOST_GROWTH and not left else 1)


if __name__ == "__main__":
    typer.run(main)

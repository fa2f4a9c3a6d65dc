"""What the benchmark of speed counts."""

from __future__ import annotations

import pytest

from benchmarks.speed_ways import Part, medians, photos
from maskedgender.faces.finding import find_faces
from maskedgender.images.photos import read_photo_bytes


def test_the_medians_are_those_of_each_part_without_the_first_run(monkeypatch: pytest.MonkeyPatch) -> None:
    now, first = [0.0], [9.0]
    monkeypatch.setattr("benchmarks.speed_ways.time.perf_counter", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    def work(part: Part) -> None:
        part("long", lambda: wait(0.02 + (first.pop() if first else 0.0)))
        for _ in range(2):
            part("short", lambda: wait(0.001))

    assert medians(work, 1.0) == {"long": 20.0, "short": 2.0}


def test_the_photos_are_what_their_names_say() -> None:
    pictures = {name: read_photo_bytes(content, name) for name, content in photos().items()}
    assert [len(find_faces(picture)) for picture in pictures.values()] == [1, 1, 12, 0]
    assert [max(picture.shape) for picture in pictures.values()][:2] == [600, 4000]

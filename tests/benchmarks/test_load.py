"""Under load: a short run of the benchmark, and what it says when a promise is broken."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from benchmarks.load import LoadClient, Tally, broken_promises, files_left, leave_in_the_middle, load, queue_length
from benchmarks.load_cases import Case, cases
from benchmarks.page_process import page_process
from benchmarks.photos import FAIRFACE
from maskedgender.networks.classifier import Classifier
from maskedgender.prediction.answers import NO_FACE

from ..support.people import GROUP
from ..support.visitor import Visitor

ROW = {"answer": "female", "p_female": 0.9, "error": ""}


def test_a_few_clients_get_right_answers_and_leave_nothing(tmp_path: Path, model: Classifier) -> None:
    given = cases(model, FAIRFACE, portraits=4)
    assert any(case.is_bad for case in given) and any(len(case.rows) > 1 for case in given)
    with page_process(tmp_path, "--port", "8000") as page:
        tally = load(page, given, clients=8, seconds=6)
        leave_in_the_middle(page.address, given[0].content)
        assert broken_promises(tally, growth=0, left=files_left(page), waiting=queue_length(page)) == []
        assert tally.longest_queue > 0, "eight at once must wait"
        last = Tally()
        LoadClient(page.address, given, last, seed=0).ask(given[0])
        assert len(last.seconds) == 1 and not last.wrong and not last.faults, "a worker is stuck"
        assert "Traceback" not in page.log.read_text("utf-8", "replace")


def test_who_waits_is_told_how_many_are_ahead(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    page.locator(".example img").first.wait_for()
    with ThreadPoolExecutor(6) as pool:
        before = [pool.submit(Visitor(address).answer, GROUP.read_bytes()) for _ in range(6)]
        page.locator("#photo input[type=file]").first.set_input_files(GROUP)
        page.get_by_text(re.compile(r"Waiting: \d photos? (is|are) ahead of yours")).first.wait_for(timeout=60_000)
        page.locator("#words .summary").wait_for(timeout=60_000)
        assert all(one.result()["faces"] for one in before)
    page.close()


@pytest.mark.soak
def test_memory_stays_flat_and_many_clients_are_served(tmp_path: Path) -> None:
    from benchmarks.load import main

    with pytest.raises(SystemExit) as ended:
        main(clients=32, seconds=60, fairface=FAIRFACE, portraits=48)
    assert ended.value.code == 0


@pytest.mark.parametrize(
    ("rows", "told", "is_wrong"),
    [
        ([ROW], {"faces": [{"answer": "female", "p_female": 0.90001}]}, False),
        ([ROW], {"faces": [{"answer": "female", "p_female": 0.91}]}, True),
        ([ROW], {"faces": [{"answer": "male", "p_female": 0.9}]}, True),
        ([ROW, ROW], {"faces": [{"answer": "female", "p_female": 0.9}]}, True),
        ([ROW], {"error": "a.jpg is damaged."}, True),
        ([{**ROW, "error": NO_FACE}], {"faces": [], "notice": "<b>No face found</b>"}, False),
        ([{**ROW, "error": NO_FACE}], {"faces": [{"answer": "male", "p_female": 0.1}]}, True),
        ([{**ROW, "error": "a<b.jpg is damaged."}], {"error": "a<b.jpg is damaged."}, False),
        ([{**ROW, "error": "a.jpg is damaged."}], {"faces": []}, True),
    ],
)
def test_an_answer_that_differs_from_the_shells_is_wrong(
    rows: list[dict[str, object]], told: dict[str, object], is_wrong: bool
) -> None:
    assert bool(Case("a.jpg", b"", rows).why_wrong(told)) == is_wrong


def test_each_broken_promise_is_told() -> None:
    kept = Tally(seconds=[1.0])
    assert broken_promises(kept, growth=10, left=0, waiting=0) == []
    assert len(broken_promises(Tally(), 0, 0, 0)) == 1
    assert len(broken_promises(kept, 101, 1, 1)) == 3
    bad = Tally(seconds=[1.0], wrong=["a"], faults=["b"], one_face=[5.1])
    assert len(broken_promises(bad, 0, 0, 0)) == 5

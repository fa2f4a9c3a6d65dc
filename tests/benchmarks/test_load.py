"""Under load: a short run of the benchmark, and what it says when a promise is broken."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from benchmarks.load import LoadClient, Tally, broken_promises, files_left, leave_in_the_middle, load, queue_length
from benchmarks.load_cases import Case, cases
from benchmarks.page_process import page_process
from benchmarks.photos import FAIRFACE
from maskedgender.networks.classifier import Classifier
from maskedgender.page.app import EXAMPLES
from maskedgender.prediction.answers import NO_FACE

from ..support.visitor import Visitor, file_data

KEEP = 10  # seconds; more than lies between an upload and its question, however busy the machine
ROW = {"answer": "female", "p_female": 0.9, "error": ""}


def test_a_few_clients_get_right_answers_and_leave_nothing(tmp_path: Path, model: Classifier) -> None:
    given = cases(model, FAIRFACE, portraits=4)
    assert any(case.is_bad for case in given) and any(len(case.rows) > 1 for case in given)
    with page_process(tmp_path, "--port", "8000", "--keep", str(KEEP)) as page:
        tally = load(page, given, clients=8, seconds=6)
        leave_in_the_middle(page.address, given[0].content)
        assert broken_promises(tally, growth=0, left=files_left(page, KEEP), waiting=queue_length(page)) == []
        assert tally.longest_queue > 1, "eight at once must wait"
        last = Tally()
        LoadClient(page.address, given, last, seed=0).ask(given[0])
        assert len(last.seconds) == 1 and not last.wrong and not last.faults, "a worker is stuck"
        assert "Traceback" not in page.log.read_text("utf-8", "replace")


def test_who_waits_is_told_the_length_of_the_queue(browser: Browser, address: str) -> None:
    group, page, before = EXAMPLES / "group.jpg", browser.new_page(), Visitor(address)
    page.goto(address)
    page.locator("#photo input[type=file]").first.wait_for(state="attached")
    path = before.upload(group.read_bytes())
    for _ in range(6):
        before.ask(file_data(path)).raise_for_status()
    page.locator("#photo input[type=file]").first.set_input_files(group)
    told = page.locator("#answer").get_by_text(re.compile(r"queue: \d/\d")).filter(visible=True)
    told.first.wait_for(timeout=60_000)
    page.locator("#words .summary").wait_for(timeout=60_000)
    page.close()


@pytest.mark.soak
def test_memory_stays_flat_and_many_clients_are_served(tmp_path: Path) -> None:
    from benchmarks.load import main

    with pytest.raises(SystemExit) as ended:
        main(clients=32, seconds=60, fairface=FAIRFACE, portraits=48)
    assert ended.value.code == 0


@pytest.mark.parametrize(
    ("rows", "words", "numbers", "is_wrong"),
    [
        ([ROW], "", [{"answer": "female", "p_female": 0.90001}], False),
        ([ROW], "", [{"answer": "female", "p_female": 0.91}], True),
        ([ROW], "", [{"answer": "male", "p_female": 0.9}], True),
        ([ROW, ROW], "", [{"answer": "female", "p_female": 0.9}], True),
        ([ROW], "", [], True),
        ([{**ROW, "error": NO_FACE}], "<b>No face found</b>", [], False),
        ([{**ROW, "error": NO_FACE}], "", [{"answer": "male", "p_female": 0.1}], True),
        ([{**ROW, "error": "a<b.jpg is damaged."}], "<p>a&lt;b.jpg is damaged.</p>", [], False),
        ([{**ROW, "error": "a.jpg is damaged."}], "<p>1 face</p>", [], True),
    ],
)
def test_an_answer_that_differs_from_the_shells_is_wrong(
    rows: list[dict[str, object]], words: str, numbers: list[dict[str, object]], is_wrong: bool
) -> None:
    assert bool(Case("a.jpg", b"", rows).why_wrong(words, numbers)) == is_wrong


def test_each_broken_promise_is_told() -> None:
    kept = Tally(seconds=[1.0])
    assert broken_promises(kept, growth=10, left=0, waiting=0) == []
    assert len(broken_promises(Tally(), 0, 0, 0)) == 1
    assert len(broken_promises(kept, 101, 1, 1)) == 3
    bad = Tally(seconds=[1.0], wrong=["a"], faults=["b"], untold=1)
    assert len(broken_promises(bad, 0, 0, 0)) == 5

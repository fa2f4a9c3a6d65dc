"""Under load: a run of the benchmark, and what it takes for a right answer."""

from __future__ import annotations

import pytest
import typer

from benchmarks import load
from maskedgender.prediction.answers import NO_FACE

ROW = {"answer": "female", "p_female": 0.9, "error": ""}
FACE = {"answer": "female", "p_female": 0.90001}


@pytest.mark.soak
def test_many_clients_get_right_answers_and_leave_nothing() -> None:
    with pytest.raises(typer.Exit) as ended:
        load.main(clients=16, seconds=45)
    assert ended.value.exit_code == 0


@pytest.mark.parametrize(
    ("rows", "told", "is_right"),
    [
        ([ROW], {"faces": [FACE]}, True),
        ([ROW], {"faces": [{**FACE, "p_female": 0.91}]}, False),
        ([ROW], {"faces": [{**FACE, "answer": "male"}]}, False),
        ([ROW, ROW], {"faces": [FACE]}, False),
        ([ROW], {"error": "a.jpg is damaged."}, False),
        ([{**ROW, "error": NO_FACE}], {"faces": []}, True),
        ([{**ROW, "error": NO_FACE}], {"faces": [FACE]}, False),
        ([{**ROW, "error": "a.jpg is damaged."}], {"error": "a.jpg is damaged."}, True),
        ([{**ROW, "error": "a.jpg is damaged."}], {"faces": []}, False),
    ],
)
def test_an_answer_that_differs_from_the_shells_is_wrong(
    rows: list[dict[str, object]], told: dict[str, object], is_right: bool
) -> None:
    assert load.is_right(told, rows) == is_right

"""Under load, the page gives the answers that it gives alone."""

from __future__ import annotations

import pytest
import typer

from benchmarks import load


@pytest.mark.soak
def test_many_clients_get_right_answers_and_leave_nothing() -> None:
    with pytest.raises(typer.Exit) as ended:
        load.main(clients=16, seconds=45)
    assert ended.value.exit_code == 0

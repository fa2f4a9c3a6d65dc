"""The house keeps its plan: rooms open with what they are for, and import nothing."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "maskedgender"
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_what_comes_in_and_what_goes_out_and_imports_nothing(room: str) -> None:
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))
    told = ast.get_docstring(tree) or ""
    assert "In: " in told and "Out: " in told and "other rooms" in told
    assert len(tree.body) == 1, "the docstring alone"
    named = {word.strip("(),.:") for word in told.split()}
    modules = {path.stem for path in (PACKAGE / room).glob("*.py")} - {"__init__"}
    assert named & modules or room == "cli", "modules for other rooms are named"

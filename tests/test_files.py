"""A file is whole or not there, also where two write it at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from maskedgender.files import written_whole


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "model.keras"
    with written_whole(path) as first:
        first.write_bytes(b"first")
        with written_whole(path) as second:
            assert second != first and second.parent == first.parent == path.parent
            assert {first.suffix, second.suffix} == {".keras"}
            second.write_bytes(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first", "who ends last has written it"
    assert [file.name for file in path.parent.iterdir()] == ["model.keras"]


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(RuntimeError), written_whole(tmp_path / "a") as partial:
        partial.write_text("half")
        raise RuntimeError("synthetic")
    assert (tmp_path / "a").read_text() == "old" and [file.name for file in tmp_path.iterdir()] == ["a"]

"""Read the files of the page that are no Python: its style sheet and its scripts."""

from __future__ import annotations

from importlib.resources import files


def read_static(name: str) -> str:
    """The text of a file in static/."""
    return (files(__package__) / "static" / name).read_text(encoding="utf-8")

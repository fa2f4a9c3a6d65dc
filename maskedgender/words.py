"""Words that several rooms put together."""

from __future__ import annotations


def counted(count: int, one: str) -> str:
    """A number and what it counts, such as "1 photo" or "2,000 photos"."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"

"""How long the comments in a GIF are, told without opening it.

Pillow adds each comment to those before it by copying all: a megabyte takes seconds, and twice as much four times
as long.
"""

from __future__ import annotations

MOST = 64 * 1024  # bytes: no program writes as much
SIGNATURES = b"GIF87a", b"GIF89a"
COLOURS, EXTENSION, COMMENT = 0x80, 0x21, 0xFE


def hides_long_comments(data: bytes) -> bool:
    """Whether a file is a GIF with more than MOST bytes of comments, or as many parts, before its first picture."""
    if not data.startswith(SIGNATURES) or len(data) < 13:
        return False
    flags = data[10]
    at = 13 + (3 * 2 ** (flags % 8 + 1) if flags & COLOURS else 0)
    length = parts = 0
    while data[at : at + 1] == bytes([EXTENSION]) and max(length, parts) <= MOST:
        is_comment, at = data[at + 1 : at + 2] == bytes([COMMENT]), at + 2
        while at < len(data) and (size := data[at]) and max(length, parts) <= MOST:
            length, parts, at = length + is_comment * size, parts + 1, at + 1 + size
        parts, at = parts + 1, at + 1
    return max(length, parts) > MOST

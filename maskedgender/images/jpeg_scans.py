"""How much work a JPEG makes, told without decoding it: a small file can hold thousands of scans of the whole picture.

Progressive JPEGs show a picture again and again, finer each time: cameras and programs write one scan to some twenty.
The format sets no limit, and neither do Pillow and libjpeg: half a megabyte of empty scans takes twenty seconds. All
else that is decoded here takes a time that its pixels limit. To count the scans takes some hundredths of the time
that a plain photo takes to decode, while a process with a deadline for each photo would take longer than most photos.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST_SCANS = 50
MOST_SEGMENTS = 5_000  # colour profiles and notes of cameras come in some hundreds at most
START, SCAN, END = b"\xff\xd8", 0xDA, 0xD9
_ALONE = (0x01, 0xD8)  # markers without a length
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a byte of a scan nor one of its restarts


def makes_too_much_work(data: bytes) -> bool:
    """Whether a file is a JPEG of more than MOST_SCANS scans, or of more than MOST_SEGMENTS parts."""
    if not data.startswith(START):
        return False
    # So many or fewer: what follows the picture, as a film does in phones' files, may hold these bytes, too.
    may_be_many = data.count(b"\xff\xda") > MOST_SCANS
    scans = 0
    for segments, marker in enumerate(_markers(data), 1):
        scans += marker == SCAN
        if scans > MOST_SCANS or segments > MOST_SEGMENTS:
            return True
        if scans and not may_be_many:
            return False
    return False


def _markers(data: bytes) -> Iterator[int]:
    """The second byte of each marker, up to the picture's end."""
    at = len(START)
    while (found := _MARKER.search(data, at)) and (marker := data[found.end() - 1]) != END:
        yield marker
        at = found.end()
        if marker not in _ALONE:
            at += max(2, int.from_bytes(data[at : at + 2], "big"))

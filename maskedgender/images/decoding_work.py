"""How much work a small file makes, told without decoding it, so that no stranger's upload keeps a page busy.

A progressive JPEG shows a picture again and again, finer each time: cameras and programs write one scan to some twenty,
but the format sets no limit, and half a megabyte of empty scans takes twenty seconds. Pillow joins the comments of a
GIF, and the parts of a JPEG's EXIF, by copying all those before: five megabytes take a minute. The work for everything
else is limited by the pixels.
"""

from __future__ import annotations

import re

MOST_SCANS = 50
MOST_SEGMENTS = 5_000  # colour profiles and notes of cameras come in some hundreds at most
_SCAN, _END = 0xDA, 0xD9
_WITHOUT_LENGTH = (0x01, 0xD8)
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # neither a byte of a scan nor one of its restarts


def makes_too_much_work(data: bytes) -> bool:
    """Whether it is a JPEG of more than MOST_SCANS scans, or a JPEG or GIF of more than MOST_SEGMENTS segments."""
    if data.startswith(b"\xff\xd8"):
        return _jpeg_makes_too_much_work(data)
    return data.startswith(b"GIF8") and len(data) > 13 and _gif_makes_too_much_work(data)


def _jpeg_makes_too_much_work(data: bytes) -> bool:
    # So many or fewer: what follows the picture, as a film does in phones' files, may hold these bytes, too.
    may_have_many = data.count(b"\xff\xda") > MOST_SCANS
    at = scans = segments = 0
    while (found := _MARKER.search(data, at)) and (marker := data[found.end() - 1]) != _END:
        scans, segments, at = scans + (marker == _SCAN), segments + 1, found.end()
        if scans > MOST_SCANS or segments > MOST_SEGMENTS:
            return True
        if scans and not may_have_many:
            return False
        if marker not in _WITHOUT_LENGTH:
            at += max(2, int.from_bytes(data[at : at + 2], "big"))
    return False


def _gif_makes_too_much_work(data: bytes) -> bool:
    """By what stands before its first picture: extensions, in segments of up to 255 bytes."""
    at = 13 + (3 << (data[10] % 8 + 1) if data[10] & 0x80 else 0)
    segments = 0
    while data[at : at + 1] == b"\x21" and segments <= MOST_SEGMENTS:
        at += 2
        while at < len(data) and data[at] and segments <= MOST_SEGMENTS:
            at, segments = at + 1 + data[at], segments + 1
        at, segments = at + 1, segments + 1
    return segments > MOST_SEGMENTS

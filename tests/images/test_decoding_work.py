"""A small file cannot keep the decoder busy for minutes; those that cameras and programs write are read as ever."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from maskedgender.images.decoding_work import MOST_SCANS, MOST_SEGMENTS, makes_too_much_work
from maskedgender.images.photos import PhotoError, decode_photo

from ..support.people import hopper

EMPTY_SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x3f\x3f\x10\x00"  # of Y's coefficients, one bit that changes nothing


def saved(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(hopper()[:96, :80]).save(file, kind, **options)
    return file.getvalue()


def with_scans(count: int) -> bytes:
    """A progressive JPEG with so many scans more."""
    return saved("JPEG", progressive=True).removesuffix(b"\xff\xd9") + EMPTY_SCAN * count + b"\xff\xd9"


def with_segments(count: int) -> bytes:
    """A JPEG with so many empty comments."""
    return b"\xff\xd8" + b"\xff\xfe\x00\x02" * count + saved("JPEG")[2:]


def with_comments(*comments: bytes) -> bytes:
    """A GIF with these before its first picture, in parts of up to 255 bytes."""
    gif = saved("GIF")
    at = 13 + 3 * 2 ** (gif[10] % 8 + 1)  # behind the table of colours
    parts = ([comment[start : start + 255] for start in range(0, len(comment), 255)] for comment in comments)
    blocks = [b"\x21\xfe" + b"".join(bytes([len(part)]) + part for part in some) + b"\0" for some in parts]
    return gif[:at] + b"".join(blocks) + gif[at:]


SLOW = {
    "scans": with_scans(MOST_SCANS),
    "segments": with_segments(MOST_SEGMENTS),
    "comments": with_comments(*[b"c"] * MOST_SEGMENTS),
    "one long comment": with_comments(b"c" * 2_000_000),
}
QUICK = {
    "scans": with_scans(20),
    "segments": with_segments(500),
    "a film behind the picture": saved("JPEG") + b"\xff\xda" * 10 * MOST_SCANS + b"\xff\xd9",
    "GIF": saved("GIF", comment=b"by a camera"),
    "moving GIF": saved("GIF", save_all=True, append_images=[Image.new("RGB", (80, 96))] * 3),
    "comments": with_comments(*[b"x" * 999] * 20),
}


@pytest.mark.parametrize("data", SLOW.values(), ids=SLOW)
def test_what_would_take_long_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(PhotoError) as raised:
        decode_photo(data, Path("in.zip/slow.jpg"))
    assert str(raised.value) == "slow.jpg is built to take long to decode; save it again as a plain JPEG or PNG."


@pytest.mark.parametrize("data", QUICK.values(), ids=QUICK)
def test_all_others_are_read(data: bytes) -> None:
    assert np.abs(decode_photo(data, Path("photo.jpg")).astype(int) - hopper()[:96, :80]).mean() < 15


@pytest.mark.parametrize("data", [with_comments(b"x" * 99), with_scans(9)], ids=["GIF", "JPEG"])
def test_one_that_is_cut_off_anywhere_is_left_to_the_decoder(data: bytes) -> None:
    assert not any(makes_too_much_work(data[:end]) for end in range(400))


def test_a_tiff_of_few_pixels_in_huge_tiles_is_refused_before_they_are_decoded() -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((90, 100), np.uint8), tile=(64, 64), byteorder="<")
    tile_length, longer = (struct.pack("<HHII", 323, 4, 1, pixels) for pixels in (64, 1_000_000))
    assert tile_length in file.getvalue()
    assert decode_photo(file.getvalue(), Path("tiles.tif")).shape == (90, 100, 3)
    with pytest.raises(PhotoError, match="has 128 megapixels"):
        decode_photo(file.getvalue().replace(tile_length, longer), Path("slow.tif"))

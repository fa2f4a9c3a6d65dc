"""A small JPEG cannot keep the decoder busy for minutes; those that cameras and programs write are read as ever."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskedgender.images.jpeg_scans import MOST_SCANS, MOST_SEGMENTS, makes_too_much_work
from maskedgender.images.photos import PhotoError, decode_photo, read_photo
from maskedgender.images.reduced_decoding import read_portrait

from ..support.people import hopper

EMPTY_SCAN = b"\xff\xda\x00\x08\x01\x01\x00\x3f\x3f\x10\x00"  # of Y's coefficients, one bit that changes nothing


def jpeg(progressive: bool = False) -> bytes:
    file = io.BytesIO()
    Image.fromarray(hopper()).save(file, "JPEG", progressive=progressive)
    return file.getvalue()


def with_scans(count: int) -> bytes:
    """A progressive JPEG with so many scans more."""
    return jpeg(progressive=True).removesuffix(b"\xff\xd9") + EMPTY_SCAN * count + b"\xff\xd9"


def with_segments(count: int) -> bytes:
    return b"\xff\xd8" + b"\xff\xfe\x00\x02" * count + jpeg()[2:]


@pytest.mark.parametrize("data", [with_scans(5_000), with_scans(MOST_SCANS), with_segments(MOST_SEGMENTS)])
def test_a_jpeg_that_would_take_long_is_refused_in_a_sentence(data: bytes, tmp_path: Path):
    (tmp_path / "slow.jpg").write_bytes(data)
    said = "slow.jpg is built to take long to decode; save it again as a plain JPEG or PNG."
    with pytest.raises(PhotoError) as raised:
        read_photo(tmp_path / "slow.jpg")
    assert str(raised.value) == said
    with pytest.raises(PhotoError, match="built to take long"):
        decode_photo(data, Path("in.zip/slow.jpg"))
    with pytest.raises(ValueError, match="built to take long"):
        read_portrait(tmp_path / "slow.jpg", 128)


@pytest.mark.parametrize("data", [jpeg(), jpeg(progressive=True), with_scans(20), with_segments(500)])
def test_all_others_are_read(data: bytes, tmp_path: Path):
    (tmp_path / "photo.jpg").write_bytes(data)
    assert np.abs(read_photo(tmp_path / "photo.jpg").astype(int) - hopper()).mean() < 5
    assert read_portrait(tmp_path / "photo.jpg", 128).shape == (128, 128, 3)


def test_what_follows_the_picture_is_not_counted():
    film = b"\xff\xda" * 10 * MOST_SCANS
    assert not makes_too_much_work(jpeg() + film)

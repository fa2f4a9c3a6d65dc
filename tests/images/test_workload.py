"""Small files of other formats than JPEG cannot keep the decoder busy either; ordinary ones are read as ever."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from maskedgender.images import gif_comments
from maskedgender.images.gif_comments import hides_long_comments
from maskedgender.images.photos import PhotoError, decode_photo

from ..support.people import hopper


def saved(form: str, **options: object) -> bytes:
    content = io.BytesIO()
    Image.fromarray(hopper()[:96, :80]).save(content, form, **options)
    return content.getvalue()


def tiff_in_tiles(size: tuple[int, int], tile: tuple[int, int]) -> bytes:
    """A grey TIFF, not compressed, whose tiles all lie at one place."""
    count = -(-size[0] // tile[0]) * -(-size[1] // tile[1])
    pixels = bytes(min(tile[0] * tile[1], 10_000))
    tags = [(256, size[0]), (257, size[1]), (258, 8), (259, 1), (262, 1), (277, 1), (322, tile[0]), (323, tile[1])]
    entries = 2 + 12 * (len(tags) + 2) + 4
    offsets = 8 + entries
    pixels_at = offsets + 8 * count
    rows = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags]
    rows += [struct.pack("<HHII", 324, 4, count, offsets if count > 1 else pixels_at)]
    rows += [struct.pack("<HHII", 325, 4, count, offsets + 4 * count if count > 1 else len(pixels))]
    table = struct.pack("<H", len(rows)) + b"".join(rows) + bytes(4)
    lists = struct.pack(f"<{2 * count}I", *[pixels_at] * count, *[len(pixels)] * count)
    return b"II*\0" + struct.pack("<I", 8) + table + lists + pixels


def test_a_tiff_of_few_pixels_in_huge_tiles_is_refused_before_they_are_decoded() -> None:
    assert decode_photo(tiff_in_tiles((100, 90), (64, 64)), Path("tiles.tif")).shape == (90, 100, 3)
    with pytest.raises(PhotoError, match="has 640 megapixels"):
        decode_photo(tiff_in_tiles((640, 1), (16, 1_000_000)), Path("slow.tif"))


def with_comments(gif: bytes, comments: list[bytes]) -> bytes:
    """A GIF with these before its first picture, each in parts of up to 255 bytes."""
    at = 13 + 3 * 2 ** (gif[10] % 8 + 1)  # behind the table of colours
    blocks = [b"\x21\xfe" + b"".join(map(_part, _in_parts(comment))) + b"\0" for comment in comments]
    return gif[:at] + b"".join(blocks) + gif[at:]


def _in_parts(comment: bytes) -> list[bytes]:
    return [comment[start : start + 255] for start in range(0, len(comment), 255)]


def _part(content: bytes) -> bytes:
    return bytes([len(content)]) + content


@pytest.mark.parametrize("comments", [[b"c"] * 66_000, [b"c" * 66_000]], ids=["many", "one"])
def test_a_gif_of_endless_comments_is_refused_in_a_sentence(comments: list[bytes]) -> None:
    with pytest.raises(PhotoError, match=r"slow\.gif is built to take long to decode"):
        decode_photo(with_comments(saved("GIF"), comments), Path("slow.gif"))


def test_all_other_gifs_are_read() -> None:
    gif = saved("GIF", comment=b"by a camera")
    moving = saved("GIF", save_all=True, append_images=[Image.new("RGB", (80, 96))] * 3, comment=b"by a camera")
    for content in (gif, moving, with_comments(gif, [b"x" * 999] * 20)):
        assert not hides_long_comments(content)
        assert decode_photo(content, Path("a.gif")).shape == (96, 80, 3)


@pytest.mark.parametrize("end", range(6, 40))
def test_one_that_is_cut_off_anywhere_is_left_to_pillow(end: int) -> None:
    assert not hides_long_comments(with_comments(saved("GIF"), [b"x" * 99])[:end])


def test_parts_of_other_blocks_count_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gif_comments, "MOST", 50)
    gif = with_comments(saved("GIF"), [b"x" * 40])
    assert not hides_long_comments(gif)
    assert hides_long_comments(gif.replace(b"\x21\xfe", b"\x21\xff" + b"\x01x" * 60 + b"\0\x21\xfe", 1))


def test_opencvs_own_limits_do_not_make_a_photo_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    def limited(*_: object) -> np.ndarray:
        raise cv2.error("OpenCV: pixels <= CV_IO_MAX_IMAGE_PIXELS")

    monkeypatch.setattr(cv2, "imdecode", limited)
    assert decode_photo(saved("JPEG"), Path("a.jpg")).shape == (96, 80, 3)

"""JPEGs are decoded by the fastest way to the pixels that Pillow gives."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from maskedgender.images import photos
from maskedgender.images.photos import PhotoError, decode_photo

from ..support.people import hopper


def jpeg(**options: object) -> bytes:
    """Grace Hopper, with sides of odd lengths."""
    content = io.BytesIO()
    Image.fromarray(hopper()[:301, :207]).save(content, **{"format": "JPEG", "quality": 90, **options})
    return content.getvalue()


def turned(orientation: int) -> Image.Exif:
    """EXIF that says so."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def by_pillow(content: bytes) -> np.ndarray:
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB"))


FORMS: dict[str, dict] = {
    "all colours": {"subsampling": 0},
    "half the colours": {"subsampling": 1},
    "a quarter of the colours": {"subsampling": 2},
    "progressive": {"progressive": True},
    "RGB": {"keep_rgb": True},
    "two pictures": {"format": "MPO", "save_all": True, "append_images": [Image.new("RGB", (20, 20))]},
    **{f"turn {orientation}": {"exif": turned(orientation)} for orientation in range(1, 9)},
}


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
def test_a_colour_jpeg_holds_what_pillow_finds_in_it(options: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    content = jpeg(**options)
    monkeypatch.setattr(photos, "_to_rgb", _never)  # the slow way
    np.testing.assert_array_equal(decode_photo(content, Path("photo.jpg")), by_pillow(content))


def test_what_follows_the_picture_is_passed_over() -> None:
    content = jpeg() + b"a film, as phones add it"
    np.testing.assert_array_equal(decode_photo(content, Path("photo.jpg")), by_pillow(content))


def test_a_cut_off_one_is_refused_as_pillow_refuses_it() -> None:
    with pytest.raises(PhotoError, match="damaged or cut off"):
        decode_photo(jpeg()[:-500], Path("photo.jpg"))


def _never(image: Image.Image) -> np.ndarray:
    raise AssertionError("this would take twice as long")

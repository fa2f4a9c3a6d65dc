"""Reading at a reduced scale gives what Pillow gives, greys by luma, and never makes half a file into a picture."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from maskedgender.data import augment
from maskedgender.data.portraits import PortraitStore
from maskedgender.images import reduced_decoding as reading
from maskedgender.images.photos import read_photo
from maskedgender.images.reduced_decoding import SLIGHT, read_portrait

from ..support.synthetic import synthetic_portrait


def coloured(side: int) -> np.ndarray:
    """uint8 (side, side, 3): smooth colours and some noise, as a photo has."""
    ramp = np.linspace(0, 255, side)
    colours = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], ramp[::-1, None]), axis=-1)
    return np.clip(colours + np.random.default_rng(0).normal(0, 8, colours.shape), 0, 255).astype(np.uint8)


def as_pillow_reads(path: Path, size: int) -> np.ndarray:
    with Image.open(path) as picture:
        picture.draft("RGB", (size, size))
        pixels = np.asarray(picture.convert("RGB"))
    if pixels.shape[:2] == (size, size):
        return pixels
    shrinks = min(pixels.shape[:2]) > SLIGHT * size
    return cv2.resize(pixels, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


@pytest.mark.parametrize("size", [50, 64, 100, 128, 143, 256, 300])
@pytest.mark.parametrize("side", [100, 256, 500])
def test_pixels_are_those_of_pillow(tmp_path: Path, side: int, size: int) -> None:
    path = tmp_path / "one.jpg"
    Image.fromarray(coloured(side)).save(path, quality=90)
    np.testing.assert_array_equal(read_portrait(path, size), as_pillow_reads(path, size))


def test_progressive_jpegs_with_notes_are_read_by_their_own_frame(tmp_path: Path) -> None:
    path, small = tmp_path / "one.jpg", io.BytesIO()
    Image.fromarray(coloured(32)).save(small, "JPEG")
    Image.fromarray(coloured(256)).save(path, quality=90, progressive=True)
    notes = b"Photoshop 3.0\0" + small.getvalue()  # a small copy has a frame too
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xed" + struct.pack(">H", len(notes) + 2) + notes + data[2:])
    assert reading._shorter_side_of_jpeg(path.read_bytes()) == 256
    np.testing.assert_array_equal(read_portrait(path, 64), as_pillow_reads(path, 64))


def test_jpegs_of_too_many_pixels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.jpg"
    Image.fromarray(coloured(64)).save(path)
    data = path.read_bytes()
    sides = struct.pack(">HH", 64, 64)
    assert data.count(sides) == 1
    path.write_bytes(data.replace(sides, struct.pack(">HH", 60_000, 60_000)))
    with pytest.raises(ValueError, match="has too many pixels; scale it"):
        read_portrait(path, 64)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_unusual_jpegs_are_left_to_pillow(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "one.jpg"
    Image.fromarray(coloured(256)).convert(mode).save(path, quality=90)
    whole = Image.open(path).convert("RGB")
    expected = cv2.resize(np.asarray(whole), (128, 128), interpolation=cv2.INTER_AREA)
    assert np.abs(read_portrait(path, 128).astype(int) - expected).max() <= 1


def test_grey_is_the_luma_of_the_colours(tmp_path: Path) -> None:
    path = tmp_path / "one.jpg"
    Image.fromarray(coloured(256)).save(path, quality=95)
    grey = read_portrait(path, 100, colour=False)
    assert grey.shape == (100, 100, 1)
    luma = cv2.cvtColor(read_portrait(path, 100), cv2.COLOR_RGB2GRAY)[..., None]
    assert np.abs(grey.astype(int) - luma).max() <= 3  # rounded once, not twice
    assert np.abs(grey.astype(int) - luma).mean() < 0.5


@pytest.mark.parametrize("left", [0.5, 0.99])
def test_half_a_jpeg_is_an_error_that_names_it(tmp_path: Path, left: float) -> None:
    path = tmp_path / "half.jpg"
    Image.fromarray(coloured(256)).save(path, quality=90)
    path.write_bytes(path.read_bytes()[: int(left * path.stat().st_size)])
    with pytest.raises(ValueError, match=r"Cannot read the image .*half\.jpg"):
        read_portrait(path, 128)


def test_png_is_read_whole_and_made_smaller(tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    Image.fromarray(coloured(256)).save(path)
    expected = cv2.resize(coloured(256), (128, 128), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(read_portrait(path, 128), expected)


def test_degraded_portraits_keep_their_form_and_follow_from_the_seed() -> None:
    portrait = synthetic_portrait(0, 0)
    worse = [augment._degraded(portrait, np.random.default_rng(seed)) for seed in range(24)]
    again = [augment._degraded(portrait, np.random.default_rng(seed)) for seed in range(24)]
    np.testing.assert_array_equal(worse, again)
    assert {(one.dtype, one.shape) for one in worse} == {(portrait.dtype, portrait.shape)}
    assert sum(np.any(one != portrait) for one in worse) >= 20
    assert np.abs(np.mean(worse, axis=0) - portrait).mean() < 20, "still the same portrait"


def test_whole_jpegs_with_an_odd_end_are_read(tmp_path: Path) -> None:
    kept = io.BytesIO()
    Image.fromarray(coloured(64)).save(kept, "JPEG")
    (tmp_path / "odd.jpg").write_bytes(kept.getvalue() + b"\0\0a camera's notes")
    assert read_portrait(tmp_path / "odd.jpg", 64).shape == (64, 64, 3)


def tricky(kind: str, path: Path) -> Path:
    """A picture of smooth colours in a form that a careless reader gets wrong."""
    picture = Image.fromarray(coloured(128))
    if kind == "turned by EXIF":
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(path.with_suffix(".jpg"), quality=95, exif=exif)
        return path.with_suffix(".jpg")
    if kind == "turned by XMP":
        about = b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
        rdf = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' + about + b"</rdf:RDF>"
        xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + rdf + b"</x:xmpmeta>"
        picture.save(path.with_suffix(".jpg"), quality=95, xmp=xmp)
        return path.with_suffix(".jpg")
    if kind == "a cut-out":
        picture.putalpha(Image.fromarray(np.pad(np.full((64, 64), 255, np.uint8), 32)))
        picture.save(path.with_suffix(".png"))
        return path.with_suffix(".png")
    if kind == "grey of 16 bits":
        Image.fromarray((np.arange(128 * 128).reshape(128, 128) * 4).astype(np.uint16)).save(path.with_suffix(".png"))
        return path.with_suffix(".png")
    if kind == "CMYK":
        picture.convert("CMYK").save(path.with_suffix(".jpg"), quality=95)
        return path.with_suffix(".jpg")
    if kind == "another profile":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ"))
        picture.save(path.with_suffix(".jpg"), quality=95, icc_profile=profile.tobytes())
        return path.with_suffix(".jpg")
    picture.save(path.with_suffix(kind), **({"quality": 95} if kind == ".webp" else {}))
    return path.with_suffix(kind)


KINDS = (
    "turned by EXIF",
    "turned by XMP",
    "a cut-out",
    "grey of 16 bits",
    "CMYK",
    "another profile",
    ".gif",
    ".webp",
    ".bmp",
    ".tif",
)


@pytest.mark.parametrize("kind", KINDS)
def test_training_and_making_a_dataset_see_the_pixels_that_serving_sees(tmp_path: Path, kind: str) -> None:
    path = tricky(kind, tmp_path / "one")
    served = read_photo(path)
    np.testing.assert_array_equal(read_portrait(path, 128), served)
    np.testing.assert_array_equal(PortraitStore(tmp_path).read(path.name), served)

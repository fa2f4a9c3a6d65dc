"""Portraits are read as photos are, at a reduced scale as Pillow gives it, and made smaller and larger as crops are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from maskedgender.data.portraits import PortraitStore
from maskedgender.faces.geometry import resized
from maskedgender.images.photos import read_photo
from maskedgender.images.reduced_decoding import SLIGHT, read_portrait


def coloured(side: int) -> np.ndarray:
    """uint8 (side, side, 3): smooth colours and some noise, as a photo has."""
    ramp = np.linspace(0, 255, side)
    colours = np.stack(np.broadcast_arrays(ramp[:, None], ramp[None], ramp[::-1, None]), axis=-1)
    return np.clip(colours + np.random.default_rng(0).normal(0, 8, colours.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(("side", "size"), [(100, 64), (256, 50), (256, 128), (500, 143), (500, 256), (100, 300)])
def test_a_jpeg_is_decoded_at_the_scale_that_pillow_chooses(
    tmp_path: Path, side: int, size: int, progressive: bool
) -> None:
    path = tmp_path / "one.jpg"
    Image.fromarray(coloured(side)).save(path, quality=90, progressive=progressive)
    with Image.open(path) as picture:
        picture.draft("RGB", (size, size))
        pixels = np.asarray(picture.convert("RGB"))
    method = cv2.INTER_AREA if min(pixels.shape[:2]) > SLIGHT * size else cv2.INTER_LINEAR
    np.testing.assert_array_equal(read_portrait(path, size), cv2.resize(pixels, (size, size), interpolation=method))
    luma = cv2.cvtColor(read_portrait(path, size), cv2.COLOR_RGB2GRAY)[..., None]
    np.testing.assert_array_equal(read_portrait(path, size, colour=False), luma)


def cropped(path: Path, size: int) -> np.ndarray:
    return resized(np.asarray(Image.open(path)), (size, size))


@pytest.mark.parametrize("scaled", [read_portrait, cropped])
def test_smaller_is_the_mean_over_areas(scaled: Callable[[Path, int], np.ndarray], tmp_path: Path) -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::4] = 240  # each fourth column: a filter that looks at fewer sees black
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    np.testing.assert_array_equal(scaled(tmp_path / "stripes.png", 16), 60)


@pytest.mark.parametrize("scaled", [read_portrait, cropped])
def test_larger_goes_along_straight_lines(scaled: Callable[[Path, int], np.ndarray], tmp_path: Path) -> None:
    edge = np.zeros((2, 2, 3), np.uint8)
    edge[:, 1] = 200
    Image.fromarray(edge).save(tmp_path / "edge.png")
    assert scaled(tmp_path / "edge.png", 4)[0, :, 0].tolist() == [0, 50, 150, 200]


def test_half_a_jpeg_and_a_missing_one_are_errors_that_name_them(tmp_path: Path) -> None:
    path = tmp_path / "half.jpg"
    Image.fromarray(coloured(256)).save(path, quality=90)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 99 // 100])
    for given in (path, tmp_path / "missing.jpg"):
        with pytest.raises(ValueError, match=f"Cannot read the image .*{given.name}"):
            read_portrait(given, 128)


def tricky(kind: str, path: Path) -> Path:
    """A picture of smooth colours in a form that a careless reader gets wrong."""
    picture, options, path = Image.fromarray(coloured(128)), {}, path.with_suffix(".jpg")
    if kind == "turned by EXIF":
        options["exif"] = Image.Exif()
        options["exif"][0x0112] = 6
    if kind == "turned by XMP":
        about = b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
        rdf = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">' + about + b"</rdf:RDF>"
        options["xmp"] = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + rdf + b"</x:xmpmeta>"
    if kind == "another profile":
        options["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    if kind == "CMYK":
        picture = picture.convert("CMYK")
    if kind == "a cut-out":
        picture.putalpha(Image.fromarray(np.pad(np.full((64, 64), 255, np.uint8), 32)))
        path = path.with_suffix(".png")
    if kind == "grey of 16 bits":
        picture = Image.fromarray((np.arange(128 * 128).reshape(128, 128) * 4).astype(np.uint16))
        path = path.with_suffix(".png")
    picture.save(path, quality=95, **options)
    return path


@pytest.mark.parametrize(
    "kind", ["turned by EXIF", "turned by XMP", "another profile", "CMYK", "a cut-out", "grey of 16 bits"]
)
def test_training_and_making_a_dataset_see_the_pixels_that_serving_sees(tmp_path: Path, kind: str) -> None:
    path = tricky(kind, tmp_path / "one")
    served = read_photo(path)
    np.testing.assert_array_equal(read_portrait(path, 128), served)
    np.testing.assert_array_equal(PortraitStore(tmp_path).read(path.name), served)

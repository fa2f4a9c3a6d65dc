"""The table of bad and odd photos, made by code: what a person may give, and what must follow.

A case's file name says what is wrong with it.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms

from ..support.people import collins

ANSWER = "the portrait, upright"
SIDE = 256

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'
KNOWN, DAMAGED = "in a supported format", "is damaged or cut off"

Make = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        name: its file's name.
        outcome: ANSWER, or a part of the sentence that must be said.
        make: writes the file, given its path.
    """

    name: str
    outcome: str
    make: Make


@cache
def portrait() -> Image.Image:
    """Eileen Collins, one face, SIDE pixels a side."""
    return Image.fromarray(collins()).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def content(data: bytes | str) -> Make:
    """A file that holds just this."""
    return lambda path: path.write_bytes(data.encode() if isinstance(data, str) else data)


def saved(picture: Callable[[], Image.Image] = portrait, kind: str | None = None, **options: Any) -> Make:
    """A picture saved by Pillow, as `kind` or as the file's name says."""
    return lambda path: picture().save(path, kind, **options)


def deep(kind: str, *scaled: int) -> Make:
    """The portrait in 16 bits a channel, its blue, green, red and, if given, alpha in the order that OpenCV takes."""
    pixels = np.dstack([np.asarray(portrait())[..., ::-1], *(np.full((SIDE, SIDE), alpha) for alpha in scaled)])
    return content(cv2.imencode(kind, pixels.astype(np.uint16) * 257)[1].tobytes())


def cut(kind: str, share: float) -> Make:
    """The first part of a good file."""
    data = encoded(kind)
    return content(data[: round(len(data) * share)])


def encoded(kind: str, picture: Image.Image | None = None, **options: Any) -> bytes:
    """A picture, or the portrait, as a file's bytes."""
    file = BytesIO()
    (picture or portrait()).save(file, kind, **options)
    return file.getvalue()


def with_spoilt_pixels(path: Path) -> None:
    """A PNG whose first packed pixels are overwritten."""
    data = bytearray(encoded("PNG"))
    at = data.index(b"IDAT") + 4
    data[at : at + 20] = b"\xff" * 20
    path.write_bytes(data)


def declaring(width: int, height: int) -> bytes:
    """A PNG of some bytes whose header, with a right checksum, declares this many pixels."""
    png = encoded("PNG", Image.new("1", (1, 1)))
    header = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + png[24:29]
    return png[:12] + header + zlib.crc32(header).to_bytes(4, "big") + png[33:]


def turned_by_exif() -> Image.Exif:
    """EXIF that says: turn this picture by 90 degrees clockwise."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def lying() -> Image.Image:
    """The portrait as the sensor of a phone held upright sees it."""
    return portrait().transpose(Image.Transpose.ROTATE_90)


def lying_heic() -> bytes:
    """A HEIC as phones write it: turned by its own property as well as by EXIF, of which only the first counts."""
    data = bytearray(encoded("HEIF", lying(), quality=90, exif=turned_by_exif()))
    at = data.index(b"pixi")  # a property that may be missing, of a length that fits: it becomes "turn by 270 degrees"
    data[at : at + 12] = b"irot" + bytes([3]) + bytes(7)
    return bytes(data)


def red_means_blue() -> bytes:
    """A colour profile by which a file's red is blue, and its blue is red: sRGB with two names exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"-XYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"-XYZ", b"bXYZ", 1)


def with_alpha() -> Image.Image:
    """The portrait, see-through at the left edge."""
    picture = portrait().convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 20, SIDE))
    return picture


def lab() -> Image.Image:
    """The portrait in CIE L*a*b*."""
    srgb, to = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    found = ImageCms.profileToProfile(portrait(), srgb, to, outputMode="LAB")
    assert found is not None
    return found


def grey_in(kind: type, factor: float = 1) -> Callable[[], Image.Image]:
    """The portrait in grey, in larger numbers than bytes."""
    return lambda: Image.fromarray((np.asarray(portrait().convert("L")).astype(float) * factor).astype(kind))


def png_with(kind: bytes, content: bytes, times: int = 1) -> Make:
    """The portrait as a PNG with a chunk of this kind, so many times, as editors keep their notes."""
    body = len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
    return lambda path: path.write_bytes(encoded("PNG")[:33] + body * times + encoded("PNG")[33:])


def large(path: Path) -> None:
    """A good JPEG with 26 MB of nothing after its end; the file system need not store them."""
    with path.open("wb") as file:
        file.write(encoded("JPEG"))
        file.truncate(26 * 1024**2)


def link(target: str) -> Make:
    """A symbolic link."""
    return lambda path: path.symlink_to(target)


def nothing(_: Path) -> None:
    """No file: it is missing, or its name cannot be."""


REFUSED_PHOTOS = (
    Case("empty.jpg", "an empty file", content(b"")),
    Case("text.jpg", KNOWN, content("This is no photo.")),
    Case("cut at 50 %.jpg", DAMAGED, cut("JPEG", 0.5)),
    Case("cut after 3 bytes.jpg", KNOWN, content(b"\xff\xd8\xff")),
    *(Case(f"cut at 50 %.{kind.lower()}", DAMAGED, cut(kind, 0.5)) for kind in ("PNG", "GIF", "BMP", "TIFF")),
    *(Case(f"cut at 50 %.{kind.lower()}", "save it", cut(kind, 0.5)) for kind in ("WEBP", "AVIF", "HEIF")),
    Case("spoilt pixels.png", DAMAGED, with_spoilt_pixels),
    Case("film.heic", KNOWN, content(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(100))),
    Case("no pictures.heic", "save it", content(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))),
    Case("60,000 x 60,000.png", "scale it", content(declaring(60_000, 60_000))),
    Case("100 megapixels.png", "scale it", content(declaring(10_000, 10_000))),
    Case("26 MB.jpg", "has 26 MB", large),
    Case("drawing with a script.svg", KNOWN, content(SVG)),
    Case("script.eps", KNOWN, saved()),
    Case("colour in floats.tif", KNOWN, content(cv2.imencode(".tif", np.zeros((9, 9, 3), np.float32))[1].tobytes())),
    Case("two\nlines.jpg", KNOWN, content("no photo")),
    Case(
        "too much text.png",
        "more than its decoder takes",
        png_with(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**7)), 20),
    ),
    Case("b" * 300 + ".jpg", "check its name", nothing),
    Case("zero\0byte.jpg", "is not there", nothing),
    Case("missing.jpg", "is not there", nothing),
    Case("text.jpg/below a file.jpg", "is not there", nothing),
    Case("folder.jpg", "is not a file", Path.mkdir),
)
REFUSED_ON_UNIX = (
    Case("link to nothing.jpg", "is not there", link("nothing.jpg")),
    Case("link to itself.jpg", "check its name", link("link to itself.jpg")),
    Case("device without end.jpg", "is not a file", link("/dev/zero")),
    Case("pipe.jpg", "is not a file", lambda path: os.mkfifo(path)),
    Case(os.fsdecode(b"caf\xe9, not in UTF-8.jpg"), KNOWN, content("no photo")),
)
ODD_PHOTOS = (
    Case("JPEG in name, PNG in truth.jpg", ANSWER, saved(kind="PNG")),
    Case("CAPITALS.JPG", ANSWER, saved()),
    Case("no extension", ANSWER, saved(kind="JPEG")),
    Case("smile 🙂 שלום.jpg", ANSWER, saved()),
    Case('quoted ", =1+1;.jpg', ANSWER, saved()),
    Case("a.bmp", ANSWER, saved()),
    Case("a.tif", ANSWER, saved()),
    Case("a.webp", ANSWER, saved()),
    Case("a.avif", ANSWER, saved()),
    Case("palette.png", ANSWER, saved(lambda: portrait().convert("P", palette=Image.Palette.ADAPTIVE))),
    Case("ycc.tif", ANSWER, saved(lambda: portrait().convert("YCbCr"), compression="jpeg")),
    Case("cmyk.tif", ANSWER, saved(lambda: portrait().convert("CMYK"))),
    Case("opaque.png", ANSWER, saved(lambda: portrait().convert("RGBA"))),
    Case("text of 2 MB.png", ANSWER, png_with(b"zTXt", b"workflow\0\0" + zlib.compress(b"{} " * 700_000))),
    Case("XMP of 2 MB.png", ANSWER, png_with(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(bytes(2**21)))),
    Case("profile of 2 MB.png", ANSWER, png_with(b"iCCP", b"big\0\0" + zlib.compress(bytes(2**21)))),
    Case("70 texts.png", ANSWER, png_with(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6)), 70)),
    Case("corrupt EXIF.jpg", ANSWER, saved(exif=b"Exif\0\0" + b"\xff" * 40)),
    Case("endless EXIF.jpg", ANSWER, saved(exif=b"Exif\0\0MM\0*\0\0\0\x08" + b"\xff\xff\x01\x12" * 900)),
    Case("turned by EXIF.jpg", ANSWER, saved(lying, exif=turned_by_exif())),
    Case("turned.avif", ANSWER, saved(lying, exif=turned_by_exif())),
    Case("IMG_0001.HEIC", ANSWER, lambda path: path.write_bytes(lying_heic())),
    Case("corrupt ICC.jpg", ANSWER, saved(icc_profile=b"no profile" * 30)),
    Case("cut ICC.png", ANSWER, saved(icc_profile=red_means_blue()[:200])),
    Case("ICC for grey.jpg", ANSWER, saved(lambda: portrait().convert("L"), icc_profile=red_means_blue())),
    Case("moving.gif", ANSWER, saved(save_all=True, append_images=[Image.new("RGB", (SIDE, SIDE), "blue")])),
    Case("moving.webp", ANSWER, saved(save_all=True, append_images=[Image.new("RGB", (SIDE, SIDE), "blue")])),
    Case("two pages.tif", ANSWER, saved(save_all=True, append_images=[Image.new("1", (9, 9))])),
    Case("with something after its end.jpg", ANSWER, lambda path: path.write_bytes(encoded("JPEG") + bytes(9999))),
    Case("progressive.jpg", ANSWER, saved(progressive=True)),
    Case("cmyk.jpg", ANSWER, saved(lambda: portrait().convert("CMYK"))),
    Case("lab.tif", ANSWER, saved(lab)),
    Case("see-through.png", ANSWER, saved(with_alpha)),
    Case("see-through.heic", ANSWER, saved(with_alpha)),
    Case("grey and see-through.png", ANSWER, saved(lambda: with_alpha().convert("LA"))),
    Case("16 bits.png", ANSWER, deep(".png")),
    Case("16 bits and see-through.png", ANSWER, deep(".png", 255)),
    Case("16 bits.tif", ANSWER, deep(".tif")),
    Case("grey of 16 bits.png", ANSWER, saved(grey_in(np.uint16, 257))),
    Case("grey of 16 bits.tif", ANSWER, saved(grey_in(np.uint16, 257))),
    Case("grey of 32 bits.tif", ANSWER, saved(grey_in(np.int32, 257))),
    Case("floats up to 1.tif", ANSWER, saved(grey_in(np.float32, 1 / 255))),
    Case("floats up to 255.tif", ANSWER, saved(grey_in(np.float32))),
)
ODD_ON_UNIX = (Case("link to a photo.jpg", ANSWER, link("CAPITALS.JPG")),)
PHOTOS = REFUSED_PHOTOS + ODD_PHOTOS + (REFUSED_ON_UNIX + ODD_ON_UNIX if sys.platform == "linux" else ())

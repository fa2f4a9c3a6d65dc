"""Bad and odd photos, made by code: what a person may give, and what must follow. Their names say what they are."""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageCms

from ..support.people import collins

SIDE = 256
KNOWN, DAMAGED = "in a supported format", "is damaged or cut off"

Make = Callable[[Path], object]
"""Writes a file, given its path."""


@cache
def portrait() -> Image.Image:
    """Eileen Collins, one face, SIDE pixels a side."""
    return Image.fromarray(collins()).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def content(data: bytes) -> Make:
    """A file that holds just this."""
    return lambda path: path.write_bytes(data)


def saved(picture: Callable[[], Image.Image] = portrait, kind: str | None = None, **options: Any) -> Make:
    """A picture saved by Pillow, as `kind` or as the file's name says."""
    return lambda path: picture().save(path, kind, **options)


def encoded(kind: str, picture: Image.Image | None = None, **options: Any) -> bytes:
    """A picture, or the portrait, as a file's bytes."""
    file = BytesIO()
    (picture or portrait()).save(file, kind, **options)
    return file.getvalue()


def cut(path: Path) -> None:
    """The first half of a good file."""
    saved()(path)
    os.truncate(path, path.stat().st_size // 2)


def deep(*alpha: int) -> Make:
    """The portrait as a PNG of 16 bits a channel; OpenCV takes blue, green, red and, if given, alpha."""
    pixels = np.dstack([np.asarray(portrait())[..., ::-1], *(np.full((SIDE, SIDE), one) for one in alpha)])
    return content(cv2.imencode(".png", pixels.astype(np.uint16) * 257)[1].tobytes())


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


def lying_heic(path: Path) -> None:
    """A HEIC as phones write it: turned by its own property as well as by EXIF, of which only the first counts."""
    data = bytearray(encoded("HEIF", lying(), quality=90, exif=turned_by_exif()))
    at = data.index(b"pixi")  # a property that may be missing, of a length that fits: it becomes "turn by 270 degrees"
    data[at : at + 12] = b"irot" + bytes([3]) + bytes(7)
    path.write_bytes(data)


def red_means_blue() -> bytes:
    """A colour profile by which a file's red is blue, and its blue is red: sRGB with two names exchanged."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile.replace(b"rXYZ", b"-XYZ", 1).replace(b"bXYZ", b"rXYZ", 1).replace(b"-XYZ", b"bXYZ", 1)


def see_through() -> Image.Image:
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


def nothing(_: Path) -> None:
    """No file: it is missing, or its name cannot be."""


# Of each, a part of the sentence that must be said, and the file.
REFUSED: dict[str, tuple[str, Make]] = {
    "empty.jpg": ("an empty file", content(b"")),
    "text.jpg": (KNOWN, content(b"This is no photo.")),
    "script.eps": (KNOWN, saved()),
    "film.heic": (KNOWN, content(b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(100))),
    **{f"cut.{suffix}": (DAMAGED, cut) for suffix in ("jpg", "png", "gif", "tif")},
    **{f"cut.{suffix}": ("save it", cut) for suffix in ("webp", "avif", "heic")},
    "spoilt pixels.png": (DAMAGED, with_spoilt_pixels),
    "60,000 x 60,000.png": ("scale it", content(declaring(60_000, 60_000))),
    "100 megapixels.png": ("scale it", content(declaring(10_000, 10_000))),
    "too much text.png": ("more than its decoder", png_with(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**7)), 20)),
    "two\nlines.jpg": (KNOWN, content(b"no photo")),
    "b" * 300 + ".jpg": ("check its name", nothing),
    "zero\0byte.jpg": ("is not there", nothing),
    "missing.jpg": ("is not there", nothing),
    "text.jpg/below a file.jpg": ("is not there", nothing),
    "folder.jpg": ("is not a file", Path.mkdir),
}
if sys.platform == "linux":
    REFUSED["link to itself.jpg"] = "check its name", lambda path: path.symlink_to(path)
    REFUSED["pipe.jpg"] = "is not a file", os.mkfifo
    REFUSED[os.fsdecode(b"caf\xe9, not in UTF-8.jpg")] = KNOWN, content(b"no photo")
ODD: dict[str, Make] = {
    "JPEG in name, PNG in truth.jpg": saved(kind="PNG"),
    "no extension": saved(kind="JPEG"),
    "smile 🙂 שלום.jpg": saved(),
    "a.bmp": saved(),
    "palette.png": saved(lambda: portrait().convert("P", palette=Image.Palette.ADAPTIVE)),
    "cmyk.jpg": saved(lambda: portrait().convert("CMYK")),
    "lab.tif": saved(lab),
    "text of 2 MB.png": png_with(b"zTXt", b"workflow\0\0" + zlib.compress(b"{} " * 700_000)),
    "70 texts.png": png_with(b"zTXt", b"a\0\0" + zlib.compress(bytes(10**6)), 70),
    "profile of 2 MB.png": png_with(b"iCCP", b"big\0\0" + zlib.compress(bytes(2**21))),
    "corrupt EXIF.jpg": saved(exif=b"Exif\0\0" + b"\xff" * 40),
    "endless EXIF.jpg": saved(exif=b"Exif\0\0MM\0*\0\0\0\x08" + b"\xff\xff\x01\x12" * 900),
    "turned.avif": saved(lying, exif=turned_by_exif()),
    "IMG_0001.HEIC": lying_heic,
    "corrupt ICC.jpg": saved(icc_profile=b"no profile" * 30),
    "ICC for grey.jpg": saved(lambda: portrait().convert("L"), icc_profile=red_means_blue()),
    "moving.gif": saved(save_all=True, append_images=[Image.new("RGB", (SIDE, SIDE), "blue")]),
    "two pages.tif": saved(save_all=True, append_images=[Image.new("1", (9, 9))]),
    "with something after its end.jpg": lambda path: path.write_bytes(encoded("JPEG") + bytes(9999)),
    "see-through.heic": saved(see_through),
    "16 bits.png": deep(),
    "16 bits and see-through.png": deep(255),
    "grey of 16 bits.png": saved(grey_in(np.uint16, 257)),
    "grey of 32 bits.tif": saved(grey_in(np.int32, 257)),
    "floats up to 1.tif": saved(grey_in(np.float32, 1 / 255)),
    "floats up to 255.tif": saved(grey_in(np.float32)),
}

"""Read any photo a person may have: upright, sRGB, 8 bits; or say in one sentence why not."""

from __future__ import annotations

import contextlib
import stat
import warnings
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError

from .decoding_work import makes_too_much_work

MAX_MEGAPIXELS = 50
MAX_MEGABYTES = 25
PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")  # not EPS: it would start Ghostscript

pillow_heif.register_heif_opener(thumbnails=False)  # makes Pillow open HEIC and HEIF
# Editors keep megabytes of text in PNGs. Unpacked it may take as much memory as the pixels, not the 1 MB of Pillow.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 3 * MAX_MEGAPIXELS * 1_000_000
# Pillow's warnings speak to programmers; a file that is too large or damaged is told of in a sentence here.
for _category in (Image.DecompressionBombWarning, UserWarning):
    warnings.filterwarnings("ignore", category=_category, module=r"PIL\.")


class PhotoError(Exception):
    """A photo that cannot be read; its text is one sentence for the person who chose the file."""


def read_photo(path: str | Path) -> np.ndarray:
    """A photo as a uint8 array (height, width, 3), sRGB, upright by its EXIF turn.

    Of a moving picture or several pages the first; transparency lies over white; grey of 16 or 32 bits or floats is
    scaled, not clipped; colour of 16 bits keeps its upper 8. Pillow does not read colour in floats, and an HDR
    picture's brightness above white is lost.

    Raises:
        PhotoError: no such file, a folder, pipe or device, no permission, more than MAX_MEGABYTES, not one of
            PHOTO_FORMATS, damaged, built to take long to decode, or more than MAX_MEGAPIXELS.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe or a device could wait for ever
            raise PhotoError(f"{_named(path)} is not a file; choose a photo.")
        _require_length(path, status.st_size)
        content = path.read_bytes()
    except PermissionError as error:
        raise PhotoError(f"{_named(path)} may not be read; ask its owner for permission.") from error
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: a zero byte in the name
        raise PhotoError(f"{_named(path)} is not there; check its name.") from error
    except OSError as error:
        raise PhotoError(f"{_named(path)} cannot be read ({error.strerror}); check its name and its disk.") from error
    return decode_photo(content, path)


def read_photo_bytes(content: bytes, name: str) -> np.ndarray:
    """The same for the bytes of a file, which its owner calls `name`; PhotoError as for `read_photo`."""
    _require_length(Path(name), len(content))
    return decode_photo(content, Path(name))


def decode_photo(content: bytes, name: Path) -> np.ndarray:
    """The same for a file of any length, as from an archive, whose errors call it `name`."""
    if makes_too_much_work(content):
        raise PhotoError(f"{_named(name)} is built to take long to decode; save it again as a plain JPEG or PNG.")
    Image.init()
    formats = [name for name in PHOTO_FORMATS if name in Image.OPEN]  # a system's own Pillow may lack one
    try:
        with Image.open(BytesIO(content), formats=formats) as image:
            _require_size(name, image)
            if (pixels := _pixels_of_plain_jpeg(image, content)) is not None:
                return pixels
            image.load()  # before its EXIF is read: that would load a PNG too, and its damage be taken for EXIF's
            with contextlib.suppress(Exception):  # damaged EXIF says nothing, and the pixels are still good
                ImageOps.exif_transpose(image, in_place=True)
            return _to_rgb(image)
    except PhotoError:
        raise
    except Exception as error:  # a damaged file can make a decoder raise almost anything
        raise PhotoError(f"{_named(name)} {_why_not_read(error)}") from error


def _named(path: Path) -> str:
    """The file's name, on one line."""
    return "".join(character if character.isprintable() else "?" for character in path.name or str(path))


def _require_length(path: Path, length: int) -> None:
    """Raise for a file of no bytes, or too many."""
    megabytes = length / 1024**2
    if megabytes > MAX_MEGABYTES:
        raise PhotoError(f"{_named(path)} has {megabytes:.0f} MB; save it smaller, with {MAX_MEGABYTES} MB or less.")
    if not length:
        raise PhotoError(f"{_named(path)} is not a photo but an empty file; copy it again from its source.")


def _require_size(path: Path, image: Image.Image) -> None:
    """Raise for more pixels than are decoded here; a few kilobytes can unfold to gigabytes."""
    tags = getattr(image, "tag_v2", {})  # a TIFF's tiles are decoded as a whole, however little of them it shows
    tile = tags.get(TiffImagePlugin.TILEWIDTH) or 1, tags.get(TiffImagePlugin.TILELENGTH) or 1
    width, height = (-(-length // side) * side for length, side in zip(image.size, tile, strict=True))
    if (megapixels := width * height / 1e6) > MAX_MEGAPIXELS:
        raise PhotoError(f"{_named(path)} has {megapixels:.0f} megapixels; scale it to {MAX_MEGAPIXELS} or fewer.")


def _pixels_of_plain_jpeg(image: Image.Image, content: bytes) -> np.ndarray | None:
    """A colour JPEG's pixels; None for all else, and for a damaged one, of which Pillow says what is wrong.

    OpenCV's JPEG decoder is Pillow's and gives the same pixels, but as an array at once, in half the time.
    """
    plain = image.format in ("JPEG", "MPO") and image.mode == "RGB" and "icc_profile" not in image.info
    if plain and content.endswith(b"\xff\xd9") and b"Orientation" not in image.info.get("xmp", b""):
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    return None


def _to_rgb(image: Image.Image) -> np.ndarray:
    """Any of Pillow's modes as uint8 (height, width, 3)."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return np.repeat(_scaled_to_8_bits(image)[..., None], 3, axis=2)
    rgb = _to_srgb(_over_white(image), image.info.get("icc_profile"))
    return np.asarray(rgb if rgb.mode == "RGB" else rgb.convert("RGB"))


def _scaled_to_8_bits(image: Image.Image) -> np.ndarray:
    """A grey picture of 16 or 32 bits, or of floats, as uint8 (height, width): scaled, never clipped."""
    values = np.asarray(image).astype(np.float32)
    usual = {"F": (1.0, 255.0, 65535.0), "I": (255.0, 65535.0)}.get(image.mode, (65535.0,))
    full_scale = next((scale for scale in usual if values.max() <= scale), values.max())
    return np.clip(values / full_scale * 255, 0, 255).round().astype(np.uint8)


def _over_white(image: Image.Image) -> Image.Image:
    """The picture without its transparency, if it has any: in mode L when it is grey, else RGB."""
    if not image.has_transparency_data:
        return image
    pixels = image.convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", pixels.size, "white"), pixels)
    return flat.convert("L" if image.mode in ("L", "LA") else "RGB")


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The picture in sRGB; a profile that is damaged, or meant for other channels, says nothing: the pixels stay."""
    channels = image if image.mode in ("RGB", "L", "CMYK", "LAB") else image.convert("RGB")
    if not profile and channels.mode != "LAB":
        return channels
    try:
        source = ImageCms.createProfile("LAB") if channels.mode == "LAB" else BytesIO(profile or b"")
        srgb = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(channels, source, srgb, outputMode="RGB") or channels
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return channels


def _why_not_read(error: Exception) -> str:
    """The rest of a sentence that begins with the photo's name."""
    if isinstance(error, Image.DecompressionBombError):
        return f"has too many pixels; scale it to {MAX_MEGAPIXELS} megapixels or fewer."
    if isinstance(error, UnidentifiedImageError):
        return "is not a photo in a supported format; save it as JPEG or PNG."
    if any(said in str(error).lower() for said in ("limit", "too large", "too much", "max_text")):
        return "holds more than its decoder takes; save it again as a plain JPEG or PNG."
    return "is damaged or cut off; open it in a photo program and save it again as JPEG or PNG."

"""Read any photo a person may have: upright, RGB, 8 bits; or say in one sentence why not."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

MAX_MEGAPIXELS = 50
PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")  # not EPS: it would start Ghostscript

_EXIF_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class PhotoError(Exception):
    """A photo that cannot be read; its text is one sentence for the person who chose the file."""


def read_photo(path: str | Path) -> np.ndarray:
    """A photo as a uint8 array (height, width, 3), RGB, upright by its EXIF turn.

    Of a moving picture the first frame; transparency lies over white; 16-bit and float pixels are scaled, not clipped.

    Raises:
        PhotoError: no such file, not one of PHOTO_FORMATS, damaged, or over MAX_MEGAPIXELS (told from its header).
    """
    path = Path(path)
    _require_photo_file(path)
    Image.init()
    formats = [name for name in PHOTO_FORMATS if name in Image.OPEN]  # an older Pillow may lack one
    try:
        with Image.open(path, formats=formats) as image:
            _require_size(path, image.size)
            turn = _orientation(image)
            return np.ascontiguousarray(_to_rgb(image.transpose(turn) if turn is not None else image))
    except PhotoError:
        raise
    except Exception as error:  # a damaged file can make a decoder raise almost anything
        raise PhotoError(f"{path.name} {_why_not_read(error)}") from error


def _require_photo_file(path: Path) -> None:
    """Raise unless the path is a file; opening a pipe or a device could wait for ever."""
    if not path.exists():
        raise PhotoError(f"{path.name} is not there; check its name.")
    if not path.is_file():
        raise PhotoError(f"{path.name} is not a file; choose a photo.")


def _require_size(path: Path, size: tuple[int, int]) -> None:
    """Raise for more pixels than are decoded here; a few kilobytes can unfold to gigabytes."""
    megapixels = size[0] * size[1] / 1e6
    if megapixels > MAX_MEGAPIXELS:
        raise PhotoError(f"{path.name} has {megapixels:.0f} megapixels; scale it to {MAX_MEGAPIXELS} or fewer.")


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """The turn that makes a photo upright, None for none; damaged EXIF says nothing, and the pixels are still good."""
    try:
        return _UPRIGHT.get(image.getexif().get(_EXIF_ORIENTATION, 1))
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error):
        return None


def _to_rgb(image: Image.Image) -> np.ndarray:
    """Any of Pillow's modes as uint8 (height, width, 3)."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return np.repeat(_scaled_to_8_bits(image)[..., None], 3, axis=2)
    if image.has_transparency_data:
        pixels = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", pixels.size, "white"), pixels)
    return np.asarray(image.convert("RGB"))


def _scaled_to_8_bits(image: Image.Image) -> np.ndarray:
    """A grey picture of 16 or 32 bits, or of floats, as uint8 (height, width): scaled, never clipped."""
    values = np.nan_to_num(np.asarray(image).astype(np.float64))
    usual = {"F": (1.0, 255.0, 65535.0), "I": (255.0, 65535.0)}.get(image.mode, (65535.0,))
    full_scale = next((scale for scale in usual if values.max() <= scale), values.max())
    return np.clip(values / full_scale * 255, 0, 255).round().astype(np.uint8)


def _why_not_read(error: Exception) -> str:
    """The rest of a sentence that begins with the photo's name."""
    if isinstance(error, PermissionError):
        return "may not be read; ask its owner for permission."
    if isinstance(error, Image.DecompressionBombError):
        return f"has too many pixels; scale it to {MAX_MEGAPIXELS} megapixels or fewer."
    if isinstance(error, UnidentifiedImageError):
        return "is not a photo in a format known here; save it as JPEG or PNG."
    return "is damaged or cut off; open it in a photo program and save it again as JPEG or PNG."

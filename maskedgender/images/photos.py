"""Read any photo a person may have: upright, sRGB, 8 bits; or say in one sentence why not."""

from __future__ import annotations

import errno
import stat
import struct
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from .gif_comments import hides_long_comments
from .jpeg_scans import makes_too_much_work

MAX_MEGAPIXELS = 50
MAX_MEGABYTES = 25
PHOTO_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")  # not EPS: it would start Ghostscript

_NAME_LENGTH = 60  # characters of a file's name that a sentence can hold
_EXIF_ORIENTATION = 0x0112
_TILE_WIDTH, _TILE_HEIGHT = 322, 323  # tags of a TIFF
END_OF_JPEG = b"\xff\xd9"
IN_RGB = cv2.IMREAD_COLOR_RGB  # at import: an OpenCV before 4.11 has none, and no photo is to blame for that
JPEGS = ("JPEG", "MPO")  # as Pillow calls them; the second holds several, as phones write it
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: cv2.transpose,
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.flip(cv2.transpose(pixels), -1),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}

if find_spec("pillow_heif"):  # on Kaggle there is none, and no HEIC either
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)  # makes Pillow open HEIC and HEIF
# Pillow's warnings speak to programmers; a file that is too large or damaged is told of in a sentence here.
for _category in (Image.DecompressionBombWarning, UserWarning):
    warnings.filterwarnings("ignore", category=_category, module=r"PIL\.")


class PhotoError(Exception):
    """A photo that cannot be read; its text is one sentence for the person who chose the file."""


class MissingPhotoError(PhotoError):
    """There is no file under this name."""


def read_photo(path: str | Path) -> np.ndarray:
    """A photo as a uint8 array (height, width, 3), sRGB, upright by its EXIF turn.

    Of a moving picture or several pages the first; transparency lies over white; grey of 16 or 32 bits or floats is
    scaled, not clipped; colour of 16 bits keeps its upper 8. Pillow does not read colour in floats, and an HDR
    picture's brightness above white is lost.

    Raises:
        MissingPhotoError: no such file.
        PhotoError: a folder, pipe or device, no permission, more than MAX_MEGABYTES, not one of PHOTO_FORMATS,
            damaged, a JPEG of more scans than any camera writes, or more than MAX_MEGAPIXELS, which its header tells
            before anything is decoded.
    """
    path = Path(path)
    _require_photo_file(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PhotoError(f"{_named(path)} {_why_not_read(error)}") from error
    return decode_photo(content, path)


def read_photo_bytes(content: bytes, name: str) -> np.ndarray:
    """The same for the bytes of a file, which its owner calls `name`; PhotoError as for `read_photo`."""
    path = Path(name)
    _require_content(path, len(content))
    return decode_photo(content, path)


def decode_photo(content: bytes, name: Path) -> np.ndarray:
    """The same for a file of any length, as from an archive; `name` is what its errors call it.

    Raises:
        PhotoError: as for `read_photo`, of the content.
    """
    Image.init()
    formats = [name for name in PHOTO_FORMATS if name in Image.OPEN]  # an older Pillow may lack one
    try:
        _require_little_work(content, name)
        with Image.open(BytesIO(content), formats=formats) as image:
            _require_size(name, _size_to_decode(image))
            pixels = _pixels_of_jpeg(image, content)
            if pixels is None:
                image.load()  # before its EXIF is read: that would load a PNG too, and its damage be taken for EXIF's
                pixels = np.ascontiguousarray(_to_rgb(image))
            return _upright(pixels, image)
    except PhotoError:
        raise
    except Exception as error:  # a damaged file can make a decoder raise almost anything
        raise PhotoError(f"{_named(name)} {_why_not_read(error)}") from error


def _named(path: Path) -> str:
    """The file's name as a sentence can hold it: on one line, and not too long."""
    name = "".join(character if character.isprintable() else "?" for character in path.name or str(path))
    return name if len(name) <= _NAME_LENGTH else f"{name[: _NAME_LENGTH - 20]}...{name[-17:]}"


def _require_photo_file(path: Path) -> None:
    """Raise unless the path is a file of a fair size; opening a pipe or a device could wait for ever."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _not_reached(path, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise PhotoError(f"{_named(path)} is not a file but a folder; choose a photo in it.")
    if not stat.S_ISREG(status.st_mode):
        raise PhotoError(f"{_named(path)} is not a file; choose a photo.")
    _require_content(path, status.st_size)


def _require_content(path: Path, length: int) -> None:
    """Raise for a file of no bytes, or too many."""
    megabytes = length / 1024**2
    if megabytes > MAX_MEGABYTES:
        raise PhotoError(f"{_named(path)} has {megabytes:.0f} MB; save it smaller, with {MAX_MEGABYTES} MB or less.")
    if megabytes == 0:
        raise PhotoError(f"{_named(path)} is not a photo but an empty file; copy it again from its source.")


def _not_reached(path: Path, error: OSError | ValueError) -> PhotoError:
    """Why the file system knows no file under this name."""
    number = error.errno if isinstance(error, OSError) else errno.EINVAL  # a zero byte in the name
    if number in (errno.EINVAL, errno.ENAMETOOLONG):
        return MissingPhotoError(f"{_named(path)} is a name that no file can have; check it.")
    if isinstance(error, PermissionError):
        return PhotoError(f"{_named(path)} {_why_not_read(error)}")
    if path.is_symlink():
        return MissingPhotoError(f"{_named(path)} is a link that leads nowhere; choose the photo itself.")
    return MissingPhotoError(f"{_named(path)} is not there; check its name.")


def _require_size(path: Path, size: tuple[int, int]) -> None:
    """Raise for more pixels than are decoded here; a few kilobytes can unfold to gigabytes."""
    megapixels = size[0] * size[1] / 1e6
    if megapixels > MAX_MEGAPIXELS:
        raise PhotoError(f"{_named(path)} has {megapixels:.0f} megapixels; scale it to {MAX_MEGAPIXELS} or fewer.")


def _size_to_decode(image: Image.Image) -> tuple[int, int]:
    """Width and height of what is decoded: a TIFF's tiles are, as a whole, however little of them the picture shows."""
    tags = getattr(image, "tag_v2", {})
    tile = tags.get(_TILE_WIDTH) or 1, tags.get(_TILE_HEIGHT) or 1
    width, height = (-(-length // side) * side for length, side in zip(image.size, tile, strict=True))
    return width, height


def _require_little_work(content: bytes, name: Path) -> None:
    """Raise for a JPEG or GIF that would take minutes to decode, whatever its size."""
    if makes_too_much_work(content) or hides_long_comments(content):
        raise PhotoError(f"{_named(name)} is built to take long to decode; save it again as a plain JPEG or PNG.")


def _pixels_of_jpeg(image: Image.Image, content: bytes) -> np.ndarray | None:
    """A colour JPEG's pixels; None for all else, and for a damaged one, which Pillow decodes, or says what is wrong.

    OpenCV's JPEG decoder is Pillow's and gives the same pixels, but as an array at once, in half the time.
    """
    plain = image.format in JPEGS and image.mode == "RGB" and "icc_profile" not in image.info
    if not plain or not content.endswith(END_OF_JPEG):
        return None
    return decoded_by_opencv(content, IN_RGB)


def decoded_by_opencv(jpeg: bytes, flag: int) -> np.ndarray | None:
    """The pixels of a JPEG by OpenCV, not turned; None where it cannot, or where its user has set it limits.

    Args:
        flag: one of OpenCV's IMREAD flags.
    """
    try:
        return cv2.imdecode(np.frombuffer(jpeg, np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None


def _upright(pixels: np.ndarray, image: Image.Image) -> np.ndarray:
    """An image's pixels, turned as its EXIF says; damaged EXIF says nothing, and the pixels are still good."""
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, struct.error):
        return pixels
    return _UPRIGHT[orientation](pixels) if orientation in _UPRIGHT else pixels


def _to_rgb(image: Image.Image) -> np.ndarray:
    """Any of Pillow's modes as uint8 (height, width, 3)."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return np.repeat(_scaled_to_8_bits(image)[..., None], 3, axis=2)
    return np.asarray(_as_rgb(_to_srgb(_over_white(image), image.info.get("icc_profile"))))


def _as_rgb(image: Image.Image) -> Image.Image:
    """In mode RGB; without the copy that Pillow makes where it is so already, a tenth of a large photo's time."""
    return image if image.mode == "RGB" else image.convert("RGB")


def _scaled_to_8_bits(image: Image.Image) -> np.ndarray:
    """A grey picture of 16 or 32 bits, or of floats, as uint8 (height, width): scaled, never clipped."""
    values = np.asarray(image).astype(np.float32)
    brightest = values.max(initial=0, where=np.isfinite(values))
    usual = {"F": (1.0, 255.0, 65535.0), "I": (255.0, 65535.0)}.get(image.mode, (65535.0,))
    full_scale = next((scale for scale in usual if brightest <= scale), brightest)
    values = np.nan_to_num(values, copy=False, posinf=full_scale, neginf=0)
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
    channels = image if image.mode in ("L", "CMYK", "LAB") else _as_rgb(image)
    try:
        if channels.mode == "LAB":
            source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif profile:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
        else:
            return channels
        return ImageCms.profileToProfile(channels, source, ImageCms.createProfile("sRGB"), outputMode="RGB") or channels
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return channels


def _why_not_read(error: Exception) -> str:
    """The rest of a sentence that begins with the photo's name."""
    if isinstance(error, PermissionError):
        return "may not be read; ask its owner for permission."
    if isinstance(error, Image.DecompressionBombError):
        return f"has too many pixels; scale it to {MAX_MEGAPIXELS} megapixels or fewer."
    if isinstance(error, UnidentifiedImageError):
        return "is not a photo in a supported format; save it as JPEG or PNG."
    return "is damaged or cut off; open it in a photo program and save it again as JPEG or PNG."

"""Good, bad and odd files: the picture as it was, or one clear sentence."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageOps

from maskedgender.images import photos
from maskedgender.images.photos import MAX_MEGABYTES, MAX_MEGAPIXELS, PhotoError, decode_photo, read_photo

from .bad_photos import ODD, REFUSED, encoded, portrait, red_means_blue, saved

ROOT = Path(__file__).resolve().parents[2]


def sentence(path: Path) -> str:
    """What is said of a photo that is refused."""
    with pytest.raises(PhotoError) as raised:
        read_photo(path)
    return str(raised.value)


def assert_clear(said: str, part: str, name: str) -> None:
    """One sentence of plain words that begins with the file, gives the reason, and says what to do."""
    assert part in said
    assert said.startswith("".join(character if character.isprintable() else "?" for character in name))
    assert said.endswith(".") and "\n" not in said and said.isprintable()
    assert ";" in said, "what to do comes after a semicolon"
    assert not any(word in said for word in ("Error", "Errno", "Traceback", "0x", "None", "PIL"))


def assert_portrait(pixels: np.ndarray) -> None:
    """The portrait, in colour or in grey; at the left edge some forms of it are see-through, and so white."""
    grey = not np.ptp(pixels, axis=2).any()
    expected = np.asarray(portrait().convert("L"))[..., None] if grey else np.asarray(portrait())
    assert np.abs(pixels.astype(int) - expected)[:, 20:].mean() < 8


@pytest.mark.parametrize("name", ODD, ids=repr)
def test_an_odd_photo_is_the_picture_it_was(name: str, tmp_path: Path) -> None:
    ODD[name](tmp_path / name)
    assert_portrait(read_photo(tmp_path / name))


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: repr(name[:40]))
def test_what_is_no_photo_gets_a_sentence(name: str, tmp_path: Path) -> None:
    part, make = REFUSED[name]
    (tmp_path / "text.jpg").write_text("beside which others lie")
    make(tmp_path / name)
    assert_clear(sentence(tmp_path / name), part, Path(name).name)


def test_without_permission_one_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Acted, as the superuser may read everything."""
    monkeypatch.setattr(Path, "stat", Mock(side_effect=PermissionError))
    assert_clear(sentence(Path("forbidden.jpg")), "may not be read", "forbidden.jpg")


def test_nobody_is_warned_in_the_words_of_programmers(tmp_path: Path) -> None:
    """In a process of its own, as pytest has its own way with warnings."""
    code = "import sys, maskedgender.images.photos as photos\nfor path in sys.argv[1:]:\n"
    code += " try: photos.read_photo(path)\n except photos.PhotoError as error: print(error)"
    paths = [str(tmp_path / name) for name in ("endless EXIF.jpg", "100 megapixels.png")]
    for path, make in zip(paths, (ODD["endless EXIF.jpg"], REFUSED["100 megapixels.png"][1]), strict=True):
        make(Path(path))
    ran = subprocess.run([sys.executable, "-c", code, *paths], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "100 megapixels" in ran.stdout and ran.stderr == ""


def test_a_file_is_read_up_to_both_limits(tmp_path: Path) -> None:
    path = tmp_path / "full.png"
    portrait().save(path)
    os.truncate(path, MAX_MEGABYTES * 1024**2)
    assert (read_photo(path) == np.asarray(portrait())).all()
    os.truncate(path, MAX_MEGABYTES * 1024**2 + 1)
    assert f"{MAX_MEGABYTES} MB or less" in sentence(path)
    Image.new("1", (10_000, MAX_MEGAPIXELS * 100 + 50)).save(path)
    assert f"{MAX_MEGAPIXELS} or fewer" in sentence(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.avif", "a.heic"])
def test_colours_are_what_the_profile_says(name: str, tmp_path: Path) -> None:
    """The oracle: by the file's profile red is blue, so that the picture comes out with both exchanged."""
    options = {} if name.endswith(".tif") else {"quality": 95}
    saved(icc_profile=red_means_blue(), **options)(tmp_path / name)
    difference = read_photo(tmp_path / name).astype(int) - np.asarray(portrait())[..., ::-1]
    assert np.abs(difference).mean() < 4


def test_16_bits_are_scaled_and_bilevel_is_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 200, np.uint16)).save(tmp_path / "dark.png")
    assert read_photo(tmp_path / "dark.png").max() == 1
    portrait().convert("1").save(tmp_path / "bilevel.png")
    assert set(np.unique(read_photo(tmp_path / "bilevel.png"))) == {0, 255}


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_over_white(mode: str, tmp_path: Path) -> None:
    clear = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (0, 0, 10, 10))
    clear.convert(mode).save(tmp_path / "clear.png")
    read = read_photo(tmp_path / "clear.png")
    assert (read[:, :10] == 0).all() and (read[:, 10:] == 255).all()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_photo_is_turned_upright(kind: str, orientation: int) -> None:
    """The oracle: the eight turns by NumPy, as the EXIF standard names where row 0 and column 0 lie."""
    upright = np.asarray(portrait())[:200]
    lying = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(kind, Image.fromarray(np.ascontiguousarray(lying)), exif=exif)
    read = decode_photo(content, Path("turned"))
    assert read.shape == upright.shape and np.abs(read.astype(int) - upright).mean() < (5 if kind == "JPEG" else 1e-9)


FORMS: dict[str, dict] = {
    "all colours": {"subsampling": 0},
    "a quarter of the colours": {"subsampling": 2},
    "progressive": {"progressive": True},
    "RGB": {"keep_rgb": True},
    "two pictures": {"kind": "MPO", "save_all": True, "append_images": [Image.new("RGB", (20, 20))]},
}


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
def test_a_colour_jpeg_holds_what_pillow_finds_in_it_and_takes_the_fast_way(
    options: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encoded(**{"kind": "JPEG", "picture": portrait().crop((0, 0, 207, 255)), **options})
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB"))
    monkeypatch.setattr(photos, "_to_rgb", Mock(side_effect=AssertionError("this would take twice as long")))
    np.testing.assert_array_equal(decode_photo(content, Path("photo.jpg")), expected)

"""Photos under addresses: listed, read, and told of in a sentence that shows no key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from maskedgender.cli import commands as cli
from maskedgender.cli.predict import photos_of
from maskedgender.images.buckets import read_photo_from
from maskedgender.images.photos import PhotoError
from maskedgender.places import EXAMPLES

fsspec = pytest.importorskip("fsspec")
JPEG = (EXAMPLES / "eileen_collins.jpg").read_bytes()


class StatusError(Exception):
    """As aiohttp tells a server's answer."""

    def __init__(self, status: int, message: str, url: str) -> None:
        super().__init__(f"{status}, message='{message}', url='{url}'")
        self.status = status


class Web(fsspec.AbstractFileSystem):
    """What fsspec's own file system for http:// answers and raises, as far as it is used here."""

    protocol = "web"
    asked = "web://anna:SECRET@host/1.jpg?sig=SECRET"

    def isdir(self, path: str) -> bool:
        raise StatusError(403, "Forbidden", self.asked)

    def cat_file(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        if "404" in path:
            raise FileNotFoundError(self.asked)
        if "403" in path:
            raise StatusError(403, "Forbidden", self.asked)
        if "gone" in path:
            raise OSError(f"Cannot connect to {self.asked}\n[Name or service not known]")
        return JPEG[:end]


@pytest.fixture(autouse=True)
def web() -> Iterator[None]:
    fsspec.register_implementation("web", Web, clobber=True)
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    yield
    memory.store.clear()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("404.jpg", "404.jpg is not there; check its name."),
        ("403.jpg", "403.jpg may not be read; ask its owner for permission."),
        ("gone.jpg", "gone.jpg cannot be reached (Cannot connect to web://host/1.jpg [Name or service not known])"),
    ],
)
def test_what_cannot_be_had_is_a_sentence_without_a_key(name: str, said: str) -> None:
    with pytest.raises(PhotoError) as raised:
        read_photo_from(f"web://anna:SECRET@host/{name}?sig=SECRET")
    assert str(raised.value).startswith(said) and "SECRET" not in str(raised.value)


def test_each_address_is_a_row_and_the_run_goes_on(tmp_path: Path, model_path: Path) -> None:
    names = ["403.jpg", "a folder", "404.jpg", "good.jpg"]
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(f"web://anna:SECRET@host/{name}?sig=SECRET" for name in names))
    words = ["predict", "--list", str(listed), "--model", str(model_path), "--csv", str(tmp_path / "out.csv")]
    ran = CliRunner().invoke(cli.app, words)
    text = (tmp_path / "out.csv").read_text(encoding="utf-8-sig")
    assert ran.exit_code == 1 and "SECRET" not in ran.output + text
    rows = [line.split(",") for line in text.splitlines()[1:]]
    assert [row[0] for row in rows] == [f"web://host/{name}" for name in names]
    assert [bool(row[-1]) for row in rows] == [True, False, True, False], "a folder that cannot be listed is read"
    again = CliRunner().invoke(cli.app, [*words, "--resume"])
    assert again.exit_code == 1 and "4 photos, 2 of them" in again.output


def test_resume_refuses_addresses_that_rows_cannot_tell_apart(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("something")
    names = [f"web://host/photo?id={number}" for number in (1, 2)]
    ran = CliRunner().invoke(cli.app, ["predict", *names, "--csv", str(tmp_path / "out.csv"), "--resume"])
    assert ran.exit_code == 2 and ran.output.startswith("web://host/photo is named twice")


def test_pictures_of_a_folder_with_names_as_they_are() -> None:
    system = fsspec.filesystem("memory")
    files = ["b/1.jpg", "a.jpg", "notes.txt", "._a.jpg", "@Recycle/a.jpg", "x//y.jpg"]
    system.pipe({f"/.Trash-1/photos/{name}": b"x" for name in files})
    pictures = [f"memory:///.Trash-1/photos/{name}" for name in ("a.jpg", "b/1.jpg", "x//y.jpg")]
    assert photos_of(["memory://.Trash-1/photos"]) == (pictures, 1), "only folders below the named one are nobody's"


def test_an_address_whose_package_is_missing_is_one_sentence() -> None:
    fsspec.register_implementation("lacking", "nowhere.FileSystem", clobber=True, errtxt="Install lackingfs")
    for name, said in (("lacking", "Install lackingfs"), ("nosuch", "nosuch")):
        ran = CliRunner().invoke(cli.app, ["predict", f"{name}://anna:SECRET@bucket/photo.jpg?sig=SECRET"])
        assert ran.exit_code == 2 and ran.output.startswith(f"{name}://bucket/photo.jpg cannot be reached: ")
        assert said in ran.output and "SECRET" not in ran.output and len(ran.output.splitlines()) == 1

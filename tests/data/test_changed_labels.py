"""A dataset folder that was made from other labels is refused, or brought up to date, whenever that is interrupted."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from maskedgender.data import dataset_folder
from maskedgender.data.make_dataset import make_dataset
from maskedgender.data.portraits import PortraitsError

from ..support.people import collins, hopper

FIRST = {
    "train/1.jpg": "female,30-39",
    "train/2.jpg": "male,30-39",
    "train/3.jpg": "female,20-29",
    "train/4.jpg": "male,20-29",
    "train/grey.jpg": "male,20-29",
}
# The second is a woman after all, the third older; the fourth and the one without a face are gone, another one is new.
THEN = {"train/1.jpg": "female,30-39", "train/2.jpg": "female,30-39", "train/3.jpg": "female,40-49"}
THEN |= {"train/5.jpg": "male,20-29"}


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    """Five portraits, and a picture of nobody."""
    (tmp_path / "in" / "train").mkdir(parents=True)
    for number in range(1, 6):
        photo = (hopper() if number % 2 else collins())[7 * number :, 9 * number :][:420, :420]
        Image.fromarray(photo).resize((144, 144)).save(tmp_path / "in" / "train" / f"{number}.jpg", quality=95)
    Image.new("RGB", (144, 144), "grey").save(tmp_path / "in" / "train" / "grey.jpg")
    return tmp_path / "in"


def made(portraits: Path, rows: dict[str, str], out: Path, **options: object) -> dict[str, bytes]:
    """The folder's images after a run, by name, and its tables, their lines sorted."""
    csv = portraits / "labels.csv"
    csv.write_text("file,gender,age\n" + "".join(f"{file},{row}\n" for file, row in rows.items()))
    make_dataset(portraits, [csv], out, variants=2, **options)
    files = {path.name: path for path in (out / "GenderOcclusionData").glob("*.csv")}
    tables = {name: b"\n".join(sorted(path.read_bytes().splitlines())) for name, path in files.items()}
    images = {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*.jpg")}
    return images | tables


@pytest.mark.parametrize("changed", ["gender", "age", "gone", "left out"])
def test_a_folder_made_from_other_labels_is_refused(changed: str, portraits: Path, tmp_path: Path):
    before = made(portraits, FIRST, tmp_path / "out")
    rows = dict(FIRST)
    if changed in ("gone", "left out"):
        del rows["train/2.jpg" if changed == "gone" else "train/grey.jpg"]
    else:
        rows["train/2.jpg"] = "female,30-39" if changed == "gender" else "male,40-49"
    named = r"train/grey\.jpg" if changed == "left out" else r"train/2\.jpg"
    with pytest.raises(PortraitsError, match=rf"made from other labels: 1 of .*{named}.*--update"):
        made(portraits, rows, tmp_path / "out")
    assert made(portraits, FIRST, tmp_path / "out") == before, "nothing was touched"


def test_an_update_leaves_what_a_new_folder_would_have(portraits: Path, tmp_path: Path):
    made(portraits, FIRST, tmp_path / "out")
    kept = tmp_path / "out" / "GenderOcclusionData" / "Training" / "female" / "1-0.jpg"
    written = kept.stat().st_mtime_ns
    updated = made(portraits, THEN, tmp_path / "out", update=True)
    assert updated == made(portraits, THEN, tmp_path / "new")
    assert kept.stat().st_mtime_ns == written, "what is right is not made again"
    assert made(portraits, THEN, tmp_path / "out") == updated


@pytest.mark.parametrize("write", [1, 2])
def test_an_update_that_is_killed_is_finished_by_the_next(
    write: int, portraits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Killed before one of its tables is written: the files are gone already."""
    made(portraits, FIRST, tmp_path / "out")
    write_whole, writes = dataset_folder.write_whole, []

    def killed(path: Path, content: bytes) -> None:
        writes.append(path)
        if len(writes) == write:
            raise KeyboardInterrupt
        write_whole(path, content)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(dataset_folder, "write_whole", killed)
        made(portraits, THEN, tmp_path / "out", update=True)
    listed = pd.read_csv(tmp_path / "out" / "GenderOcclusionData" / "labels.csv")["file"]
    there = {
        path.relative_to(tmp_path / "out/GenderOcclusionData").as_posix() for path in tmp_path.rglob("out/**/*.jpg")
    }
    assert there <= set(listed), "no image without a row"
    with pytest.raises(PortraitsError, match="made from other labels"):
        made(portraits, THEN, tmp_path / "out")
    assert made(portraits, THEN, tmp_path / "out", update=True) == made(portraits, THEN, tmp_path / "new")


def test_a_smaller_limit_is_no_change_of_labels(portraits: Path, tmp_path: Path):
    whole = made(portraits, FIRST, tmp_path / "out")
    assert made(portraits, FIRST, tmp_path / "out", limit=1) == whole
    assert made(portraits, FIRST, tmp_path / "out", limit=1, update=True) == whole
    few = made(portraits, FIRST, tmp_path / "few", limit=1)
    assert few.keys() < whole.keys() and made(portraits, FIRST, tmp_path / "few") == whole

"""Photos answered by Ray: the rows of the one-machine engine, every photo exactly once, whatever ends in mid-run."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from maskedgender.cli import commands as cli
from maskedgender.cli.named_photos import lines, photos_of
from maskedgender.cli.one_sentence import TO_PUT_RIGHT
from maskedgender.images.buckets import pictures_at, read_photo_from
from maskedgender.networks.model_files import load_model
from maskedgender.networks.small import small_cnn
from maskedgender.prediction import cluster
from maskedgender.prediction.answers import COLUMNS, csv_rows
from maskedgender.prediction.cluster import (
    Answerer,
    GivenModel,
    answered_before,
    given_model,
    is_empty,
    left,
    part_name,
)
from maskedgender.training.fitting import export

from ..support.people import collins, hopper

parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
PHOTOS = 6


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(3)
    return export(small_cnn(64), tmp_path_factory.mktemp("model") / "untrained.keras")


@pytest.fixture(scope="module")
def model(model_file: Path) -> GivenModel:
    return given_model(model_file)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return make_photos(tmp_path_factory.mktemp("photos"), PHOTOS)


def make_photos(folder: Path, count: int) -> list[str]:
    """One face each, no two alike; each sixth is no photo, the one after it shows nobody."""
    for number in range(count):
        path, kind = folder / f"{number:03}.jpg", number % 6
        if kind == 4:
            path.write_text("no photo")
            continue
        picture = np.full((99, 99, 3), 60, np.uint8) if kind == 5 else (hopper(), collins())[kind % 2][:512:4, ::4]
        Image.fromarray((picture * (0.7 + 0.3 * number / count)).astype(np.uint8)).save(path)
    return sorted(map(str, folder.iterdir()))


def rows_in(out: Path) -> list[dict[str, object]]:
    """All rows, by photo and face."""
    rows = [row for part in out.glob("part-*.parquet") for row in parquet.read_table(part).to_pylist()]
    return sorted(rows, key=lambda row: (row["file"], row["face"] or 0))


def assert_same(rows: list[dict[str, object]], model_file: Path, photos: list[str]) -> None:
    """The rows of the one-machine engine, numbers as numbers; within another backend's rounding."""
    loaded = load_model(model_file)
    expected = [row for photo in photos for row in csv_rows(loaded, photo)]
    assert len(rows) == len(expected) and all(tuple(row) == COLUMNS for row in rows)
    for row, other in zip(rows, expected, strict=True):
        for name in COLUMNS:
            if name in cluster.TEXTS or row[name] is None:
                assert row[name] == (None if other[name] == "" and name not in cluster.TEXTS else other[name]), name
            else:
                assert row[name] == pytest.approx(other[name], abs=1e-4), name


def test_a_worker_writes_the_rows_of_the_one_machine_engine(
    model: GivenModel, model_file: Path, photos: list[str], tmp_path: Path
):
    out = tmp_path / "rows"
    worker = Answerer(model, str(out), str(tmp_path))
    assert worker({"photos": np.concatenate([parts(photos[:4]), parts(photos[4:])])}) == {
        "photos": [4, 2],
        "unread": [0, 1],
    }
    assert_same(rows_in(out), model_file, photos)
    assert sorted(file.name for file in out.iterdir()) == sorted([part_name(photos[:4]), part_name(photos[4:])])


def parts(photos: list[str]) -> np.ndarray:
    """One part, as it travels to a worker."""
    return np.array([json.dumps(photos)])


def test_a_part_done_again_is_the_same_file(model: GivenModel, photos: list[str], tmp_path: Path):
    worker = Answerer(model, str(tmp_path / "rows"), str(tmp_path))
    for _ in range(2):
        worker({"photos": parts(photos[:2])})
    assert part_name(["a.jpg", "b.jpg"]) == "part-f7199d4ec1aed67f.parquet", "else nothing would go on after an update"
    assert [row["file"] for row in rows_in(tmp_path / "rows")] == photos[:2]


def test_every_photo_is_in_one_part():
    photos = [f"{number}.jpg" for number in range(2 * cluster.PHOTOS_A_PART + 1)]
    found = [list(part) for part in cluster.in_parts(photos)]
    assert [len(part) for part in found] == [cluster.PHOTOS_A_PART, cluster.PHOTOS_A_PART, 1]
    assert [photo for part in found for photo in part] == photos and cluster.in_parts([]) == []


def test_only_what_is_missing_is_left(model: GivenModel, photos: list[str], tmp_path: Path):
    out = str(tmp_path / "rows [2026]")
    assert answered_before(out, model) == {} and is_empty(out)
    Answerer(model, out, str(tmp_path))({"photos": parts(photos[2:5])})
    before = answered_before(out, model)
    assert not is_empty(out)
    assert before == {photos[2]: False, photos[3]: False, photos[4]: True}
    assert left(photos, before) == [*photos[:2], photos[5]]
    folder, name = Path(photos[2]).parent, Path(photos[2]).name
    assert left([str(folder / ".." / folder.name / name), photos[0]], before) == [photos[0]], "named otherwise"
    with pytest.raises(ValueError, match="are of other photos"):
        left(["elsewhere.jpg"], before)
    with pytest.raises(ValueError, match="come from another model"):
        answered_before(out, GivenModel(model.name, {**model.files, "untrained.json": b"{}"}))


def test_photos_and_rows_may_lie_at_addresses(model: GivenModel, tmp_path: Path):
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    jpeg = Path(make_photos(tmp_path, 1)[0]).read_bytes()
    system.pipe({"/archive/b/1.jpg": jpeg, "/archive/a.jpg": jpeg, "/archive/notes.txt": b"x", "/archive/._a.jpg": b""})
    photos, passed_over = photos_of(["memory://archive"])
    assert (photos, passed_over) == (["memory:///archive/a.jpg", "memory:///archive/b/1.jpg"], 1)
    names = [*map(str, photos), "memory:///archive/gone.jpg"]
    assert Answerer(model, "memory://rows", "/")({"photos": parts(names)})["unread"] == [1]
    assert answered_before("memory://rows", model) == dict(zip(names, [False, False, True], strict=True))


def test_a_key_with_two_slashes_stays_as_it_is_and_only_folders_below_the_named_one_count() -> None:
    system = pytest.importorskip("fsspec").filesystem("memory")
    system.pipe("/.Trash-1/photos/x//y.jpg", b"x")
    assert photos_of(["memory://.Trash-1/photos"]) == (["memory:///.Trash-1/photos/x//y.jpg"], 0)


@pytest.mark.parametrize("when", ["exists", "open"])
def test_what_a_service_raises_of_its_own_is_one_sentence(when: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As botocore's NoCredentialsError, which is neither an OSError nor a ValueError."""
    system = pytest.importorskip("fsspec").filesystem("memory")

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("Unable to locate credentials")

    monkeypatch.setattr(type(system), when, refuse)
    ask = pictures_at if when == "exists" else read_photo_from
    with pytest.raises(OSError, match=r"memory://a/b\.jpg cannot be reached: Unable to locate credentials"):
        ask("memory://a/b.jpg")


def shell(*words: object) -> Result:
    return CliRunner().invoke(cli.app, ["predict", *map(str, words)])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "ray"], "name it with --out"),
        (["--engine", "ray", "--csv", "x.csv"], "writes no CSV"),
        (["--out", "rows"], "--out is for --engine ray"),
    ],
)
def test_options_of_the_other_engine_are_one_sentence(words: list[str], said: str, photos: list[str]):
    result = shell(photos[0], *words)
    assert result.exit_code == TO_PUT_RIGHT and said in result.output and result.output.count("\n") == 1


def test_without_ray_a_sentence_says_how_to_get_it(photos: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    result = shell(photos[0], "--engine", "ray", "--out", tmp_path)
    assert result.exit_code == TO_PUT_RIGHT and '[ray]" brings' in result.output, result.output
    assert result.output.count("\n") == 1


def test_rows_of_an_earlier_run_are_not_mixed_with_others_by_accident(
    model: GivenModel, model_file: Path, photos: list[str], tmp_path: Path
):
    pytest.importorskip("ray")
    Answerer(model, str(tmp_path), str(tmp_path))({"photos": parts(photos[:1])})
    result = shell(photos[0], "--engine", "ray", "--out", tmp_path, "--model", model_file)
    assert result.exit_code == TO_PUT_RIGHT and "go on with them by --resume" in result.output
    again = shell(photos[0], "--engine", "ray", "--out", tmp_path, "--model", model_file, "--resume")
    assert again.exit_code == 0 and ": 1 photo, 0 of them could not be read" in again.stdout, again.output


def test_a_list_names_photos(photos: list[str], model_file: Path, tmp_path: Path):
    (tmp_path / "list.txt").write_text(f"{photos[0]}\n\n{photos[1]}\n", encoding="utf-8-sig")  # as Windows writes it
    result = shell("--list", tmp_path / "list.txt", "--model", model_file)
    assert result.exit_code == 0 and [line.partition(",")[0] for line in result.stdout.splitlines()] == photos[:2]
    (tmp_path / "list.txt").write_text(f"{photos[0]}\r\n{photos[1]}\r\n", encoding="utf-16")  # as PowerShell does
    assert lines(tmp_path / "list.txt") == photos[:2]
    (tmp_path / "list.txt").write_text("a\u2028b.jpg\nc\x0bd.jpg", encoding="utf-8")
    assert lines(tmp_path / "list.txt") == ["a\u2028b.jpg", "c\x0bd.jpg"], "parts of the names"
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00")
    assert "is no list of photos" in shell("--list", tmp_path / "list.txt").output


@pytest.mark.soak
def test_what_a_worker_cannot_do_is_said(two_nodes: tuple, model: GivenModel, photos: list[str], tmp_path: Path):
    (tmp_path / "file").write_text("where a folder should be")
    damaged = replace(model, files={model.name: b"damaged"})
    cannot = [(model, tmp_path / "file", "FileExistsError: "), (damaged, tmp_path / "rows", "ModelError: .*is not a")]
    for given, out, cause in cannot:
        with pytest.raises(ChildProcessError, match=rf"^A worker failed \({cause}.*--resume"):
            list(cluster.answer_on_cluster(photos, given, str(out)))


def test_what_ended_a_worker_is_told_by_rays_account():
    killed = RuntimeError("The actor died unexpectedly.\n\tclass_name: MapWorker\nThe node was terminated: expectedly")
    assert cluster._what_happened(killed) == "A worker ended again and again (RuntimeError)"
    raised = RuntimeError('\x1b[36mray::Map()\n  File "a.py", line 9\na.b.OSError: full\n\nray.UserError: UDF')
    assert cluster._what_happened(raised) == "A worker failed (OSError: full)"


@pytest.fixture
def two_nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[object, object]]:
    """A Ray cluster of two nodes on this machine, a core each, and the second node."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # or others' work on a busy machine would stop it
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = nodes.add_node(num_cpus=1)
    ray.init(address=nodes.address, log_to_driver=False)
    yield nodes, second
    ray.shutdown()
    nodes.shutdown()


def workers() -> list[psutil.Process]:
    """The processes in which actors answer."""
    return [process for process in psutil.process_iter(["cmdline"]) if _is_worker(process)]


def _is_worker(process: psutil.Process) -> bool:
    return any(word.startswith("ray::MapWorker") for word in process.info["cmdline"] or ())


@pytest.mark.soak
def test_a_node_is_killed_and_every_photo_is_there_once(
    two_nodes: tuple, model: GivenModel, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "photos").mkdir()
    photos = make_photos(tmp_path / "photos", 60)
    monkeypatch.setattr(cluster, "PHOTOS_A_PART", 3)
    nodes, second = two_nodes
    done, killed = 0, False
    for answered, _ in cluster.answer_on_cluster(photos, model, str(tmp_path / "rows"), 2):
        done += answered
        if not killed:
            until = time.monotonic() + 60
            while len(workers()) < 2 and time.monotonic() < until:
                time.sleep(0.1)
            assert len(workers()) == 2, "one is on the node that is killed"
            nodes.remove_node(second, allow_graceful=False)
            killed = True
    assert killed and done == len(photos)
    assert_same(rows_in(tmp_path / "rows"), model_file, photos)


@pytest.mark.soak
def test_both_engines_give_the_same_rows(two_nodes: tuple, model_file: Path, photos: list[str], tmp_path: Path):
    result = shell(*photos, "--engine", "ray", "--out", tmp_path / "rows", "--model", model_file)
    assert result.exit_code == cli.SOME_NOT_READ and f"{PHOTOS} photos, 1 of them could not" in result.stdout
    assert_same(rows_in(tmp_path / "rows"), model_file, photos)

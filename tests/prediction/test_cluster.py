"""Photos answered by Ray: the rows of the one-machine engine, every photo exactly once, whatever ends in mid-run."""

from __future__ import annotations

import copy
import http.server
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner, Result

from maskedgender.cli import commands as cli
from maskedgender.cli.one_sentence import TO_PUT_RIGHT
from maskedgender.cli.predict import lines, photos_of
from maskedgender.networks.model_files import load_model
from maskedgender.prediction.answers import COLUMNS
from maskedgender.prediction.many_photos import rows_of_photos

from .conftest import make_photos

parquet = pytest.importorskip("pyarrow.parquet")
cluster = pytest.importorskip("maskedgender.prediction.cluster", reason="ray is not installed")
PHOTOS = 8


@pytest.fixture(scope="module")
def model(model_file: Path) -> cluster.GivenModel:
    return cluster.GivenModel(model_file)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    return list(map(str, make_photos(tmp_path_factory.mktemp("photos"), PHOTOS)))


def answered(photos: list[str], model: cluster.GivenModel, out: object) -> dict[str, int]:
    """What a worker tells that answers them."""
    return cluster.Answerer(model, str(out), str(Path.cwd()))({"photos": json.dumps(photos)})


def rows_in(out: Path) -> list[dict[str, object]]:
    """All rows, by photo and face."""
    rows = [row for path in out.glob("part-*.parquet") for row in parquet.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: (row["file"], row["face"] or 0))


def assert_same(rows: list[dict[str, object]], model_file: Path, photos: list[str]) -> None:
    """The rows of the one-machine engine, numbers as numbers; within another backend's rounding."""
    expected = [row for of_photo in rows_of_photos(load_model(model_file), photos, 1) for row in of_photo]
    assert len(rows) == len(expected) and all(tuple(row) == COLUMNS for row in rows)
    for row, other in zip(rows, expected, strict=True):
        numbers = {name: cell for name, cell in other.items() if isinstance(cell, float)}
        assert {**row, **numbers} == other and {name: row[name] for name in numbers} == pytest.approx(numbers, abs=1e-4)


def shell(*words: object) -> Result:
    return CliRunner().invoke(cli.app, ["predict", *map(str, words)])


def test_a_worker_writes_the_rows_of_the_one_machine_engine_and_again_the_same_file(
    model: cluster.GivenModel, model_file: Path, photos: list[str], tmp_path: Path
) -> None:
    worker = cluster.Answerer(model, str(tmp_path / "rows"), str(Path.cwd()))
    for photos_of_part, unread in ((photos[:4], 0), (photos[4:], 1), (photos[4:], 1)):
        assert worker({"photos": json.dumps(photos_of_part)}) == {"photos": 4, "unread": unread}
    assert_same(rows_in(tmp_path / "rows"), model_file, photos)
    names = {cluster.part_name(photos[:4]), cluster.part_name(photos[4:])}
    assert {file.name for file in (tmp_path / "rows").iterdir()} == names
    assert cluster.part_name(["a.jpg", "b.jpg"]) == "part-f7199d4ec1aed67f.parquet", "or an update would resume nothing"


def test_the_parts_of_this_model_tell_what_is_answered(
    model: cluster.GivenModel, model_file: Path, photos: list[str], tmp_path: Path
) -> None:
    out = str(tmp_path / "rows [2026]")
    assert cluster.answered_before(out, model) == {}
    answered(photos[5:], model, out)
    assert cluster.answered_before(out, model) == {photos[5]: False, photos[6]: False, photos[7]: True}
    with pytest.raises(ValueError, match="come from another model"):
        cluster.answered_before(out, cluster.GivenModel(model_file, scale="0..255"))


def test_photos_and_rows_may_lie_at_addresses(model: cluster.GivenModel, tmp_path: Path) -> None:
    system = pytest.importorskip("fsspec").filesystem("memory")
    jpeg = make_photos(tmp_path, 1)[0].read_bytes()
    system.pipe({"/archive/b/1.jpg": jpeg, "/archive/a.jpg": jpeg})
    names = [*map(str, photos_of(["memory://archive"])[0]), "memory:///archive/gone.jpg"]
    assert answered(names, model, "memory://rows")["unread"] == 1
    assert cluster.answered_before("memory://rows", model) == dict(zip(names, [False, False, True], strict=True))


def test_a_spoilt_part_is_named(model: cluster.GivenModel, model_file: Path, photos: list[str], tmp_path: Path) -> None:
    row = {**dict.fromkeys(COLUMNS), "file": photos[0], "error": "no face found"}
    cluster.write_part([row], str(tmp_path), "part-1.parquet", model.mark)
    for content in (b"", (tmp_path / "part-1.parquet").read_bytes()[:-40]):
        (tmp_path / "part-2.parquet").write_bytes(content)
        result = shell(photos[0], "--engine", "ray", "--out", tmp_path, "--model", model_file, "--resume")
        assert result.exit_code == TO_PUT_RIGHT
        assert f"part-2.parquet in {tmp_path} is cut off, or no part of ours;" in result.output.splitlines()[-1]


@pytest.mark.parametrize("address", ["ray://127.0.0.1:1", "nosuch.invalid:6379", "A WEB SERVER"])
def test_an_address_at_which_no_ray_answers_is_one_sentence(
    address: str, model: cluster.GivenModel, photos: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        if address == "A WEB SERVER":
            threading.Thread(target=server.handle_request, daemon=True).start()
            address = f"127.0.0.1:{server.server_port}"
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(ValueError, match=f"^No Ray answers at {address}, which RAY_ADDRESS names .*; start Ray"):
            list(cluster.answer_on_cluster(photos, model, str(tmp_path)))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "ray"], "--engine ray and --out go together"),
        (["--engine", "ray", "--out", "rows", "--csv", "x.csv"], "no CSV file"),
        (["--out", "rows"], "--engine ray and --out go together"),
        (["--engine", "ray", "--out", "rows"], '[ray]" brings'),  # where it is not installed
    ],
)
def test_what_the_caller_can_put_right_is_one_sentence(
    words: list[str], said: str, photos: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, cluster.__name__)
    monkeypatch.setitem(sys.modules, "ray", None)
    result = shell(photos[0], *words)
    assert result.exit_code == TO_PUT_RIGHT and said in result.output and result.output.count("\n") == 1


def test_rows_of_an_earlier_run_are_not_mixed_with_others_by_accident(
    model: cluster.GivenModel, model_file: Path, photos: list[str], tmp_path: Path
) -> None:
    answered(photos[:1], model, tmp_path)
    words = ["--engine", "ray", "--out", tmp_path, "--model", model_file]
    assert "go on by --resume" in shell(photos[0], *words).output
    assert "are of other photos" in shell(photos[1], *words, "--resume").output
    again = shell(os.path.relpath(photos[0]), *words, "--resume")
    assert again.exit_code == 0 and ": 1 photo, 0 of them could not be read" in again.stdout, again.output


def test_a_list_names_photos(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    for text, encoding in (("a.jpg\n\nb.jpg\n", "utf-8-sig"), ("a.jpg\r\nb.jpg\r\n", "utf-16")):  # as Windows writes it
        listed.write_text(text, encoding=encoding, newline="")
        assert lines(listed) == ["a.jpg", "b.jpg"]
    listed.write_text("a\u2028b.jpg\nc\x0bd.jpg", encoding="utf-8")
    assert lines(listed) == ["a\u2028b.jpg", "c\x0bd.jpg"], "parts of the names"
    listed.write_bytes(b"\xff\xfe\x00")
    assert "is no list of photos" in shell("--list", listed).output


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
    every = psutil.process_iter(["cmdline"])
    return [one for one in every if any(word.startswith("ray::MapWorker") for word in one.info["cmdline"] or ())]


@pytest.mark.soak
def test_both_engines_give_the_same_rows_and_what_a_worker_cannot_do_is_said(
    two_nodes: tuple, model: cluster.GivenModel, model_file: Path, photos: list[str], tmp_path: Path
) -> None:
    result = shell(*photos, "--engine", "ray", "--out", tmp_path / "rows", "--model", model_file)
    assert result.exit_code == cli.SOME_NOT_READ and f"{PHOTOS} photos, 1 of them could not" in result.stdout
    assert_same(rows_in(tmp_path / "rows"), model_file, photos)
    (tmp_path / "file").write_text("where a folder should be")
    damaged = copy.copy(model)
    damaged.files = {model.name: b"damaged"}
    cannot = [(model, tmp_path / "file", "FileExistsError: "), (damaged, tmp_path / "rows", "ModelError: .*is not a")]
    for given, out, cause in cannot:
        with pytest.raises(ChildProcessError, match=rf"^A worker failed \({cause}.*--resume"):
            list(cluster.answer_on_cluster(photos, given, str(out)))


@pytest.mark.soak
def test_a_node_is_killed_and_every_photo_is_there_once(
    two_nodes: tuple, model: cluster.GivenModel, model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos").mkdir()
    photos = list(map(str, make_photos(tmp_path / "photos", 60)))
    monkeypatch.setattr(cluster, "PHOTOS_A_PART", 3)
    nodes, second = two_nodes
    done, killed = 0, False
    for of_part, _ in cluster.answer_on_cluster(photos, model, str(tmp_path / "rows"), 2):
        done += of_part
        if not killed:
            until = time.monotonic() + 60
            while len(workers()) < 2 and time.monotonic() < until:
                time.sleep(0.1)
            assert len(workers()) == 2, "one is on the node that is killed"
            nodes.remove_node(second, allow_graceful=False)
            killed = True
    assert killed and done == len(photos)
    assert_same(rows_in(tmp_path / "rows"), model_file, photos)

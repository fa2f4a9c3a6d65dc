"""Serving without TensorFlow: OpenVINO gives the same answers, alone, in threads, and nothing needless is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from maskedgender.networks.model_files import load_model
from maskedgender.places import SHIPPED, SHIPPED_MODEL

from ..support.bad_models import MODELS
from ..support.people import collins, fairface_portraits, hopper

OTHERS = SHIPPED / "benchmarks" / "models"
PHOTO = SHIPPED / "examples" / "eileen_collins.jpg"
SAME = 1e-4  # of a probability


def python(code: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Code in a Python of its own, in which Keras is not imported yet."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    others = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return subprocess.run(
        command, cwd=SHIPPED, env={**others, "TF_CPP_MIN_LOG_LEVEL": "2", **variables}, capture_output=True, text=True
    )


ANSWER = """
import sys
import numpy as np
from maskedgender.networks.model_files import load_model
model, crops = load_model(sys.argv[1]), np.load(sys.argv[2])
import keras
assert keras.backend.backend() == "openvino"
np.save(sys.argv[3], np.concatenate([model.predict(crops[:1]), model.predict(crops)]))
"""


def _agree(model: Path, portraits: list[np.ndarray], folder: Path) -> None:
    """Whether a model answers the same by OpenVINO as by the backend of this process, one crop and all."""
    by_us = load_model(model)
    assert keras.backend.backend() == "tensorflow"
    size = by_us.size
    crops = np.stack([cv2.resize(one, (size, size), interpolation=cv2.INTER_AREA) for one in portraits])
    np.save(folder / "crops.npy", crops)
    done = python(ANSWER, model, folder / "crops.npy", folder / "answers.npy")
    assert done.returncode == 0, done.stderr
    expected = by_us.predict(crops)
    assert np.ptp(expected[:, 0]) > 0.01, "a difference could show"
    given = np.load(folder / "answers.npy")
    np.testing.assert_allclose(given, np.concatenate([expected[:1], expected]), atol=SAME, rtol=0)


def test_openvino_answers_real_crops_as_tensorflow_does(tmp_path: Path) -> None:
    _agree(SHIPPED_MODEL, fairface_portraits(200), tmp_path)


@pytest.mark.parametrize("model", ["small", "seed"])
def test_openvino_answers_for_every_kind_of_file(model: str, tmp_path: Path) -> None:
    pictures = [picture[:480, :480][:, ::step] for picture in (hopper(), collins()) for step in (1, -1)]
    _agree(OTHERS / f"{model}_gender.keras", pictures * 3, tmp_path)


CORES_USED = """
import os, sys, threading
import numpy as np
from maskedgender.networks.model_files import load_model
from maskedgender.prediction.answers import find_crops
model, photo = load_model(), np.load(sys.argv[1])
def work(photos=10):
    for _ in range(photos):
        model.predict(find_crops(photo, model.size)[1])
work(1)  # while it starts, TBB sends a thread round the cores to see what they are
worker = threading.Thread(target=work)
worker.start()
all_cores, seen = os.sched_getaffinity(0), set()
while worker.is_alive():
    for thread in os.listdir("/proc/self/task"):
        try:
            seen.add(frozenset(os.sched_getaffinity(int(thread))))
        except ProcessLookupError:
            pass  # it has ended meanwhile
assert seen == {frozenset(all_cores)}, seen
"""


@pytest.mark.skipif(sys.platform != "linux" or os.cpu_count() == 1, reason="needs Linux and several cores")
def test_no_thread_binds_itself_to_a_core(tmp_path: Path) -> None:
    """Processes side by side would bind themselves to the same ones, and the rest of the machine be idle."""
    np.save(tmp_path / "photo.npy", collins())
    done = python(CORES_USED, tmp_path / "photo.npy")
    assert done.returncode == 0, done.stderr


THREADS_TAKEN = """
import openvino
from maskedgender.networks.model_files import load_model
compile_model, taken = openvino.compile_model, []
def watched(*given):
    compiled = compile_model(*given)
    taken.append(compiled.get_property("INFERENCE_NUM_THREADS"))
    return compiled
openvino.compile_model = watched
load_model()
print(*taken)
"""


@pytest.mark.skipif(os.cpu_count() == 1, reason="needs several cores")
def test_no_more_threads_are_taken_than_allowed() -> None:
    """Ray allows each of its workers one; without such a word a network takes all cores."""
    taken = {allowed: python(THREADS_TAKEN, OMP_NUM_THREADS=allowed) for allowed in ("1", "2", "all")}
    assert [taken[allowed].stdout.split() for allowed in ("1", "2")] == [["1"], ["2"]], taken["1"].stderr
    assert int(taken["all"].stdout) > 1, taken["all"].stderr


IMPORTED = """
import sys
from maskedgender.cli.commands import app
try:
    app(sys.argv[1:])
finally:
    names = {name.partition(".")[0] for name, module in sys.modules.items() if module}
    print("\\n", sorted(names | ({"scipy.signal"} & set(sys.modules))))
"""


def test_the_shell_answers_without_what_answers_do_not_need() -> None:
    done = python(IMPORTED, "predict", PHOTO)
    assert "face 1: female" in done.stdout, done.stderr
    *_, names = done.stdout.splitlines()
    needless = {"tensorflow", "jax", "torch", "pandas", "sklearn", "matplotlib", "gradio", "scipy.signal"}
    assert not needless & set(json.loads(names.replace("'", '"')))
    assert not done.stderr, "it says nothing but the answer"


def test_a_wrong_name_and_help_are_answered_without_the_heavy_parts() -> None:
    cases = (
        (["predict", "nosuch.jpg"], {"keras", "openvino"}, "nosuch.jpg is not there; check its name."),
        (
            ["predict", PHOTO, "--model", "no.keras"],
            {"keras", "openvino"},
            "There is no model file at no.keras",
        ),
        (["--help"], {"numpy", "cv2", "rich"}, "Usage: "),
    )
    for words, heavy, said in cases:
        done = python(IMPORTED, *words)
        names = json.loads(done.stdout.splitlines()[-1].replace("'", '"'))
        assert not heavy & set(names) and said in done.stdout + done.stderr


def test_openvino_does_not_tell_its_maker_of_it() -> None:
    done = python(IMPORTED, "predict", PHOTO)
    *_, names = done.stdout.splitlines()
    assert "openvino" in names and "openvino_telemetry" not in names


def test_nor_does_it_where_faces_alone_are_looked_for() -> None:
    code = """
import sys
import numpy as np
from maskedgender.faces.finding import find_faces
find_faces(np.full((64, 64, 3), 90, np.uint8))
print(sorted(name for name, module in sys.modules.items() if module and name.startswith("openvino")))
"""
    names = python(code).stdout
    assert "openvino" in names and "openvino_telemetry" not in names


def test_what_was_kept_from_keras_is_there_for_others() -> None:
    code = """
from maskedgender.networks.backend import import_keras_to_serve
import_keras_to_serve()
import scipy.signal, pandas, matplotlib.pyplot, sklearn
print(scipy.signal.get_window("hann", 4)[2], pandas.DataFrame({"a": [1]}).a[0])
"""
    assert python(code).stdout == "1.0 1\n"


BACKEND = """
from maskedgender.networks.model_files import load_model
load_model()
import keras
print(keras.config.backend())
"""


@pytest.mark.parametrize(("named", "used"), [("tensorflow", "tensorflow"), ("jax", "jax"), ("", "openvino")])
def test_the_backend_that_the_user_names_wins(named: str, used: str) -> None:
    assert python(BACKEND, **({"KERAS_BACKEND": named} if named else {})).stdout == f"{used}\n"


def test_where_keras_was_imported_already_it_stays_as_it_is() -> None:
    assert python(f"import keras\n{BACKEND}").stdout == "tensorflow\n"


@pytest.fixture(scope="module")
def hue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with a layer of Keras that its OpenVINO backend cannot compute."""
    crops = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 255)(keras.layers.RandomHue(0.1, (0, 255))(crops))
    x = keras.layers.GlobalAveragePooling2D()(x)
    path = tmp_path_factory.mktemp("model") / "hue.keras"
    keras.Model(crops, keras.layers.Dense(2, "softmax")(x)).save(path)
    return path


def test_tensorflow_answers_where_openvino_cannot(hue: Path) -> None:
    code = "import sys; from maskedgender.cli.commands import app; app()"
    done = python(code, "predict", PHOTO, "--model", hue)
    assert done.returncode == 0 and "eileen_collins.jpg, face 1: " in done.stdout, done.stderr
    assert done.stderr.count("OpenVINO cannot compute a layer of hue.keras: TensorFlow answers.\n") == 1


def test_openvino_that_the_user_named_is_not_left(hue: Path) -> None:
    code = "import sys; from maskedgender.cli.commands import app; app()"
    done = python(code, "predict", PHOTO, "--model", hue, KERAS_BACKEND="openvino")
    assert done.returncode == 2
    assert done.stderr.endswith("OpenVINO cannot compute; install TensorFlow, and set KERAS_BACKEND=tensorflow.\n")


THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from maskedgender.networks.model_files import load_model
model = load_model()
crops = np.random.default_rng(0).integers(0, 256, (40, model.size, model.size, 3), np.uint8)
expected = model.predict(crops)
with ThreadPoolExecutor(4) as threads:
    for given in threads.map(lambda _: model.predict(crops), range(12)):
        np.testing.assert_allclose(given, expected, atol=1e-6)
"""


def test_threads_may_ask_at_once() -> None:
    done = python(THREADS)
    assert done.returncode == 0, done.stderr


REFUSED = """
import sys
from pathlib import Path
from maskedgender.networks.model_files import ModelError, load_model
for name in sys.stdin.read().split("\\n"):
    try:
        load_model(Path(sys.argv[1]) / name)
        print()
    except ModelError as error:
        print(str(error).replace("\\n", " "))
"""


def test_bad_model_files_are_refused_in_the_same_words(tmp_path: Path) -> None:
    cases = [case for case in MODELS if "\0" not in case.name]
    for case in cases:
        case.make(tmp_path / case.name)
    names = "\n".join(case.name for case in cases)
    done = subprocess.run(
        [sys.executable, "-c", REFUSED, tmp_path], cwd=SHIPPED, input=names, capture_output=True, text=True
    )
    said = done.stdout.splitlines()
    assert [case.name for case, words in zip(cases, said, strict=True) if case.outcome not in words] == []

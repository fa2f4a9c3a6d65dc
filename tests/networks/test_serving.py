"""Serving in a process of its own: each backend gives the same answers, and nothing needless is imported or told."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from maskedgender.networks.answering import answering
from maskedgender.networks.exported import open_exported
from maskedgender.networks.exporting import save_with_record
from maskedgender.networks.masked import masked_cnn
from maskedgender.networks.seed import seed_cnn
from maskedgender.places import SHIPPED, SHIPPED_MODEL

from .crops import real_crops, with_a_past

pytestmark = pytest.mark.soak
PHOTO = SHIPPED / "examples" / "eileen_collins.jpg"
SAME = 1e-4  # of a probability


def python(code: str, *arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Code in a Python of its own, in which Keras is not imported yet."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    others = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return subprocess.run(
        command, cwd=SHIPPED, env={**others, "TF_CPP_MIN_LOG_LEVEL": "2", **variables}, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, np.ndarray]:
    """Files as training exports them, and the shipped one; crops and what TensorFlow answers lie beside each."""
    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(0)
    rng, expected = np.random.default_rng(0), {}
    for trained in (with_a_past(masked_cnn(96, "face")), with_a_past(seed_cnn())):
        features = trained.layers[-1].input.shape[-1]
        model = answering(trained, [rng.normal(size=(features, 1)) / 10, np.zeros(1)])
        save_with_record(model, folder / f"{trained.name}.keras", {"not sure below": 0.8})
    (folder / "shipped.keras").write_bytes(SHIPPED_MODEL.read_bytes())
    for file in sorted(folder.glob("*.keras")):
        model = keras.saving.load_model(file)
        crops = real_crops(model.input_shape[1])
        np.save(file.with_suffix(".npy"), crops)
        expected[file] = np.concatenate(model.predict(crops, verbose=0), axis=1)
        assert np.ptp(expected[file][:, 0]) > 0.1, "a difference could show"
    return expected


ANSWER = """
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from maskedgender.networks.model_files import load_model
for file in sys.argv[2:]:
    model, crops = load_model(file + ".keras"), np.load(file + ".npy")
    alone, together = model.predict_with_masks(crops[:1]), model.predict_with_masks(crops)
    np.save(file + ".answers.npy", np.concatenate([np.column_stack(alone), np.column_stack(together)]))
    with ThreadPoolExecutor(4 if sys.argv[1] == "openvino" else 1) as threads:  # a page answers several visitors
        for given in threads.map(lambda _: model.predict(crops), range(8)):
            np.testing.assert_allclose(given, together[0], atol=1e-6)
import keras
assert keras.backend.backend() == sys.argv[1], keras.backend.backend()
"""


@pytest.mark.parametrize(("named", "used"), [("", "openvino"), ("jax", "jax"), ("tensorflow", "tensorflow")])
def test_every_backend_that_is_named_answers_alike(named: str, used: str, files: dict[Path, np.ndarray]) -> None:
    variables = {"KERAS_BACKEND": named, "JAX_PLATFORMS": "cpu"} if named else {}
    done = python(ANSWER, used, *(file.with_suffix("") for file in files), **variables)
    assert done.returncode == 0, done.stderr
    for file, (pairs_and_mask) in files.items():
        given = np.load(file.with_suffix(".answers.npy"))
        expected = np.concatenate([pairs_and_mask[:1], pairs_and_mask])
        np.testing.assert_allclose(given, expected, atol=SAME, rtol=0, err_msg=file.name)


@pytest.mark.parametrize(("form", "suffix"), [("onnx", ".onnx"), ("litert", ".tflite"), ("tf_saved_model", "")])
def test_every_format_answers_alike(form: str, suffix: str, files: dict[Path, np.ndarray], tmp_path: Path) -> None:
    if form == "onnx" and not importlib.util.find_spec("tf2onnx"):
        pytest.skip("tf2onnx is not installed")
    file = next(file for file in files if file.stem == "masked_cnn")
    model, crops = keras.saving.load_model(file), np.load(file.with_suffix(".npy")).astype(np.float32)
    model(crops[:1])  # else Keras does not export to ONNX
    model.export(tmp_path / f"model{suffix}", form, verbose=False)
    if suffix:
        run = open_exported(tmp_path / f"model{suffix}")[0].predict_on_batch
    else:
        import tensorflow

        loaded = tensorflow.saved_model.load(str(tmp_path / "model"))
        run = loaded.serve
    for batch in (1, 8):
        given = np.concatenate([np.asarray(output) for output in run(crops[:batch])], axis=1)
        np.testing.assert_allclose(given, files[file][:batch], atol=SAME, rtol=0)


THREADS_TAKEN = """
import openvino
from maskedgender.networks.model_files import load_model
compile_model = openvino.compile_model
def watched(*given):
    compiled = compile_model(*given)
    print(compiled.get_property("INFERENCE_NUM_THREADS"))
    return compiled
openvino.compile_model = watched
load_model()
"""


@pytest.mark.skipif(os.cpu_count() == 1, reason="needs several cores")
def test_no_more_threads_are_taken_than_allowed() -> None:
    """Ray allows each of its workers one; without such a word a network takes all cores."""
    one, all_of_them = (python(THREADS_TAKEN, OMP_NUM_THREADS=allowed) for allowed in ("1", "all"))
    assert one.stdout == "1\n", one.stderr
    assert int(all_of_them.stdout) > 1, all_of_them.stderr


IMPORTED = """
import json, sys
from maskedgender.cli.commands import app
try:
    app(sys.argv[1:])
finally:
    names = {name.partition(".")[0] for name, module in sys.modules.items() if module}
    print("\\n" + json.dumps(sorted(names | ({"scipy.signal"} & set(sys.modules)))))
"""


def test_the_shell_answers_without_what_answers_do_not_need_and_tells_nobody() -> None:
    done = python(IMPORTED, "predict", PHOTO)
    assert "face 1: female" in done.stdout, done.stderr
    names = set(json.loads(done.stdout.splitlines()[-1]))
    assert "openvino" in names
    assert not names & {"tensorflow", "jax", "torch", "pandas", "sklearn", "matplotlib", "gradio", "scipy.signal"}
    assert "openvino_telemetry" not in names, "by which OpenVINO tells its maker of each import"
    assert not done.stderr, "it says nothing but the answer"


def test_what_was_kept_from_keras_is_there_for_others() -> None:
    code = """
from maskedgender.networks.backend import import_keras_to_serve
import_keras_to_serve()
import scipy.signal, pandas, matplotlib.pyplot, sklearn
print(scipy.signal.get_window("hann", 4)[2], pandas.DataFrame({"a": [1]}).a[0])
"""
    assert python(code).stdout == "1.0 1\n"


def test_tensorflow_answers_where_openvino_cannot_unless_openvino_was_named(tmp_path: Path) -> None:
    crops = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 255)(keras.layers.RandomHue(0.1, (0, 255))(crops))
    x = keras.layers.GlobalAveragePooling2D()(x)
    file = tmp_path / "hue.keras"
    save_with_record(keras.Model(crops, keras.layers.Dense(2, "softmax")(x)), file, {})
    shell = "from maskedgender.cli.commands import app; app()"
    done = python(shell, "predict", PHOTO, "--model", file)
    assert done.returncode == 0 and "eileen_collins.jpg, face 1: " in done.stdout, done.stderr
    assert done.stderr.count("hue.keras has a layer that OpenVINO cannot compute: TensorFlow answers.\n") == 1
    done = python(shell, "predict", PHOTO, "--model", file, KERAS_BACKEND="openvino")
    assert done.returncode == 2
    assert done.stderr.endswith("OpenVINO cannot compute; install TensorFlow, and set KERAS_BACKEND=tensorflow.\n")

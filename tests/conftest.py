"""Fixtures that several tests share: model files, photos as files, the served page and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import pytest
from PIL import Image
from playwright.sync_api import Browser

from maskedgender.networks import model_files
from maskedgender.networks.classifier import Classifier
from maskedgender.networks.model_files import load_model
from maskedgender.networks.seed import seed_cnn
from maskedgender.places import EXAMPLES, SHIPPED_MODEL
from shots.make_shots import chromium, film, serve

from .support.people import collins, hopper


@pytest.fixture(scope="session", autouse=True)
def shipped_model_opened_once() -> Iterator[None]:
    """Tests share what Keras makes of the shipped file: TensorFlow takes seconds for it, and shells open it again."""
    opened: dict[Path, keras.Model] = {}
    loaded = model_files._loaded

    def loaded_once(path: Path) -> keras.Model:
        if path.resolve() != SHIPPED_MODEL:
            return loaded(path)
        if path not in opened:
            opened[path] = loaded(path)
        return opened[path]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_files, "_loaded", loaded_once)
        yield


@pytest.fixture(scope="session")
def model_path() -> Path:
    """The shipped model's file."""
    return SHIPPED_MODEL


@pytest.fixture(scope="session")
def model(model_path: Path) -> Classifier:
    """The shipped model, loaded once: that takes a second."""
    return load_model(model_path)


@pytest.fixture(scope="session")
def original_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file such as the original notebook's: grey 100x100 input, two sigmoids."""
    keras.utils.set_random_seed(1)
    path = tmp_path_factory.mktemp("models") / "gender_model_epoch_21.keras"
    behind_grey = seed_cnn().layers[2:-1]
    last = keras.layers.Dense(2, activation="sigmoid")
    keras.Sequential([keras.Input((100, 100, 1)), *behind_grey, last]).save(path)
    return path


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Photos as files, by name: "hopper" and "collins" with a face each, "empty" without one, "text", which is none."""
    folder = tmp_path_factory.mktemp("photos")
    pictures = {"hopper": Image.fromarray(hopper()), "collins": Image.fromarray(collins())}
    pictures["empty"] = Image.linear_gradient("L").resize((320, 240))
    files = {name: folder / f"{name}.png" for name in pictures}
    for name, picture in pictures.items():
        picture.save(files[name])
    files["text"] = folder / "text.jpg"
    files["text"].write_text("This is no photo.")
    return files


@pytest.fixture(scope="session")
def address(model_path: Path) -> Iterator[str]:
    """Where the page is served."""
    with serve(model_path) as served:
        yield served


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium, whose camera shows Eileen Collins."""
    camera = film(EXAMPLES / "eileen_collins.jpg", tmp_path_factory.mktemp("camera") / "camera.mjpeg")
    with chromium(f"--use-file-for-fake-video-capture={camera}") as started:
        yield started

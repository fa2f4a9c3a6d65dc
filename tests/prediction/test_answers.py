"""Reading photos and model files, and the answers: the same by every route, honest about what is not known."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import zlib
from io import BytesIO
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from maskedgender.cli import commands as cli
from maskedgender.faces.crops import canonical_crop
from maskedgender.faces.finding import find_faces
from maskedgender.images.photos import MAX_MEGAPIXELS, PhotoError, read_photo
from maskedgender.networks.answering import answering_cnn
from maskedgender.networks.checksums import LIST, is_listed, is_whole, relisted
from maskedgender.networks.classifier import Classifier
from maskedgender.networks.model_files import ModelError, caution, load_model
from maskedgender.networks.small import small_cnn
from maskedgender.places import SHIPPED_MODEL
from maskedgender.prediction.answers import (
    COLUMNS,
    NO_FACE,
    Prediction,
    csv_rows,
    face_rows,
    per_cent,
    predict_file,
    predict_photo,
    write_csv,
)

from ..support.people import collins, hopper

SMALL = Image.fromarray(hopper()).resize((96, 112))
GREY = SMALL.convert("L")


def saved(folder: Path, picture: Image.Image, name: str, **options: object) -> Path:
    picture.save(folder / name, **options)
    return folder / name


def classifier(shape: tuple[int, ...], bias: list[float], activation: str | None = "softmax") -> keras.Model:
    """A model that gives the same outputs for every picture."""
    inputs = keras.Input(shape)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    outputs = keras.layers.Dense(
        len(bias),
        activation=activation,
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(bias),
    )(x)
    return keras.Model(inputs, outputs)


# Photos


@pytest.mark.parametrize(
    ("picture", "name", "options", "tolerance"),
    [
        (SMALL, "a.png", {}, 0),
        (SMALL, "a.bmp", {}, 0),
        (SMALL, "a.tif", {}, 0),
        (SMALL, "lossless.webp", {"lossless": True}, 0),
        (SMALL, "a.jpg", {"quality": 95, "subsampling": 0}, 3),
        (SMALL, "a.webp", {"quality": 95}, 5),
        (SMALL, "a.avif", {"quality": 95}, 5),
        (SMALL.convert("P", palette=Image.Palette.ADAPTIVE), "a.gif", {}, 8),
        (SMALL.convert("P", palette=Image.Palette.ADAPTIVE), "palette.png", {}, 8),
        (SMALL.convert("RGBA"), "opaque.png", {}, 0),
        (SMALL.convert("CMYK"), "cmyk.jpg", {"quality": 95}, 4),
        (SMALL.convert("CMYK"), "cmyk.tif", {}, 1),
        (SMALL.convert("YCbCr"), "ycc.tif", {"compression": "jpeg"}, 8),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_colour_formats_are_read_alike(
    picture: Image.Image, name: str, options: dict[str, object], tolerance: float, tmp_path: Path
) -> None:
    read = read_photo(saved(tmp_path, picture, name, **options))
    assert read.dtype == np.uint8 and read.shape == (112, 96, 3)
    assert np.abs(read.astype(int) - np.asarray(SMALL)).mean() <= tolerance


def test_grey_formats_are_scaled_not_clipped(tmp_path: Path) -> None:
    values = np.asarray(GREY)
    pictures = {
        "l.png": GREY,
        "la.png": GREY.convert("LA"),
        "16 bits.png": Image.fromarray(values.astype(np.uint16) * 257),
        "16 bits.tif": Image.fromarray(values.astype(np.uint16) * 257),
        "32 bits.tif": Image.fromarray(values.astype(np.int32) * 257),
        "float to 1.tif": Image.fromarray((values / 255).astype(np.float32)),
        "float to 255.tif": Image.fromarray(values.astype(np.float32)),
    }
    for name, picture in pictures.items():
        read = read_photo(saved(tmp_path, picture, name))
        assert np.abs(read.astype(int) - values[..., None]).max() <= 1, name


def test_a_dark_16_bit_picture_stays_dark(tmp_path: Path) -> None:
    dark = Image.fromarray(np.full((8, 8), 200, np.uint16))
    assert read_photo(saved(tmp_path, dark, "dark.png")).max() == 1


def test_a_bilevel_picture_is_black_and_white(tmp_path: Path) -> None:
    assert set(np.unique(read_photo(saved(tmp_path, GREY.convert("1"), "one.png")))) == {0, 255}


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_lies_over_white(mode: str, tmp_path: Path) -> None:
    clear = Image.new("RGBA", (20, 10), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (0, 0, 10, 10))
    read = read_photo(saved(tmp_path, clear.convert(mode), "clear.png"))
    assert (read[:, :10] == 0).all() and (read[:, 10:] == 255).all()


def test_a_moving_picture_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    read = read_photo(saved(tmp_path, frames[0], "moving.gif", save_all=True, append_images=frames[1:]))
    assert (read == (255, 0, 0)).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright(orientation: int, tmp_path: Path) -> None:
    """The oracle: the eight turns by NumPy, as the EXIF standard names where row 0 and column 0 lie."""
    upright = np.asarray(SMALL)
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
    path = saved(tmp_path, Image.fromarray(np.ascontiguousarray(lying)), "turned.png", exif=exif)
    assert (read_photo(path) == upright).all()


def bad_photos(folder: Path) -> dict[str, Path]:
    """Files that are no photos, by what their sentence must say."""
    jpeg, bomb, script = BytesIO(), BytesIO(), BytesIO()
    SMALL.save(jpeg, "JPEG")
    Image.new("1", (1, 1)).save(bomb, "PNG")
    SMALL.save(script, "EPS")
    # 60,000 x 60,000 pixels, declared in the header of a file of some bytes; the checksum is made right.
    header = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + bomb.getvalue()[24:29]
    bomb_png = bomb.getvalue()[:12] + header + zlib.crc32(header).to_bytes(4, "big") + bomb.getvalue()[33:]
    contents = {
        "is damaged": jpeg.getvalue()[: len(jpeg.getvalue()) // 2],
        "is not a photo": b"",
        "in a supported format": b"This is no photo.",
        "scale it": bomb_png,
        "save it as JPEG": script.getvalue(),
    }
    for said, content in contents.items():
        (folder / f"{said}.jpg").write_bytes(content)
    paths = {said: folder / f"{said}.jpg" for said in contents}
    return paths | {"is not there": folder / "missing.jpg", "is not a file": folder}


def test_what_is_no_photo_gets_one_clear_sentence(tmp_path: Path) -> None:
    for said, path in bad_photos(tmp_path).items():
        with pytest.raises(PhotoError) as raised:
            read_photo(path)
        sentence = str(raised.value)
        assert said in sentence.removeprefix(path.name) and path.name in sentence
        assert sentence.endswith(".") and "\n" not in sentence and "Error" not in sentence


def test_too_many_pixels_are_refused_before_decoding(tmp_path: Path) -> None:
    side = int((MAX_MEGAPIXELS * 1e6) ** 0.5) + 100
    with pytest.raises(PhotoError, match="megapixels"):
        read_photo(saved(tmp_path, Image.new("1", (side, side)), "large.png"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(PhotoError, match="is not a file"):
        read_photo(tmp_path / "pipe.jpg")


def test_damaged_exif_does_not_spoil_a_good_photo(tmp_path: Path) -> None:
    path = saved(tmp_path, SMALL, "exif.jpg", quality=95, subsampling=0, exif=b"Exif\0\0" + b"\xff" * 40)
    assert np.abs(read_photo(path).astype(int) - np.asarray(SMALL)).mean() < 3


# Model files


def test_what_is_no_model_gets_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "text.keras").write_text("no model")
    (tmp_path / "model.h5").write_bytes(b"\x89HDF")
    for name, said in {
        "missing.keras": "no model file",
        "text.keras": "not a .keras",
        "model.h5": "not a .keras",
    }.items():
        with pytest.raises(ModelError, match=said):
            load_model(tmp_path / name)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (classifier((64, 32, 3), [0, 0]), "square picture"),
        (classifier((64, 64, 4), [0, 0]), "square picture"),
        (classifier((64, 64, 3), [0, 0, 0]), "two probabilities"),
        (classifier((64, 64, 3), [float("nan"), 0]), "not probabilities"),
        (classifier((64, 64, 3), [3, -3], activation="relu"), "such as logits"),
    ],
    ids=["oblong", "four channels", "three classes", "NaN", "logits"],
)
def test_a_model_of_another_kind_is_refused(model: Classifier, said: str, tmp_path: Path) -> None:
    model.save(tmp_path / "other.keras")
    with pytest.raises(ModelError, match=said):
        load_model(tmp_path / "other.keras")


def test_a_model_with_code_in_it_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Lambda(lambda pixels: pixels / 255)(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x)).save(tmp_path / "lambda.keras")
    with pytest.raises(ModelError, match="Python code of its own"):
        load_model(tmp_path / "lambda.keras")


def test_a_half_written_model_is_refused(model_path: Path, tmp_path: Path) -> None:
    whole = model_path.read_bytes()
    (tmp_path / "half.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError):
        load_model(tmp_path / "half.keras")


def listed(model_path: Path, folder: Path, written: str = "{sum}  {name}\n") -> Path:
    """A copy of a model in a folder whose list tells of it."""
    copy = folder / "listed.keras"
    copy.write_bytes(model_path.read_bytes())
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    (folder / LIST).write_text(written.format(sum=digest, name=copy.name))
    return copy


def test_the_shipped_file_is_listed() -> None:
    assert is_listed(SHIPPED_MODEL), f"write {LIST}: cd models && sha256sum {SHIPPED_MODEL.name} > {LIST}"
    assert is_whole(SHIPPED_MODEL)


@pytest.mark.parametrize("written", ["{sum}  {name}\n", "{sum} *{name}", "0  other.keras\n{sum}  {name}\n"])
def test_a_listed_model_loads_and_an_exchanged_one_does_not(written: str, model_path: Path, tmp_path: Path) -> None:
    """Both are good models; the second is not the one that the list tells of."""
    path = listed(model_path, tmp_path, written)
    assert load_model(path).size == 160
    classifier((64, 64, 3), [0, 0]).save(path)
    with pytest.raises(ModelError, match=f"not the file that {LIST} beside it lists"):
        load_model(path)


def test_a_kill_between_any_two_writes_leaves_a_model_that_opens(model_path: Path, tmp_path: Path) -> None:
    path = listed(model_path, tmp_path, "{sum}  {name}\n")
    with relisted(path):
        assert load_model(path).size == 160, "before the new file is in place"
        classifier((64, 64, 3), [0, 0]).save(path)
        assert load_model(path).size == 64, "before the list tells of it"
    assert is_whole(path) and load_model(path).size == 64


def test_a_file_that_could_not_be_written_stays_listed(model_path: Path, tmp_path: Path) -> None:
    path = listed(model_path, tmp_path, "{sum}  {name}\n")
    with pytest.raises(OSError, match="full"), relisted(path):
        raise OSError("The disk is full.")
    assert is_listed(path) and is_whole(path)
    with pytest.raises(OSError, match="full"), relisted(path):
        path.write_bytes(b"another file")
        raise OSError("The disk is full.")
    assert not is_listed(path)


def test_relisting_keeps_the_other_files_and_begins_no_list(model_path: Path, tmp_path: Path) -> None:
    path = listed(model_path, tmp_path, "0  other.keras\n{sum}  {name}\n")
    content = (tmp_path / LIST).read_text()
    with relisted(path):
        pass
    assert sorted((tmp_path / LIST).read_text().splitlines()) == sorted(content.splitlines())
    (tmp_path / LIST).unlink()
    with relisted(path):
        pass
    assert not (tmp_path / LIST).exists()


def test_one_is_told_to_be_careful_with_a_file_of_somebody_elses(model_path: Path, photos: dict[str, Path]) -> None:
    assert caution(SHIPPED_MODEL) == caution(os.path.relpath(SHIPPED_MODEL)) == ""
    other = model_path.parents[1] / "benchmarks" / "models" / "seed_gender.keras"
    for words, told in (([], 0), (["--model", str(other)], 1)):
        ran = CliRunner().invoke(cli.app, ["predict", str(photos["hopper"]), *words])
        assert ran.exit_code == 0 and ran.stderr.count("only from people you trust") == told
        assert len(ran.stdout.splitlines()) == 1


def test_a_copy_of_the_shipped_file_is_nobody_elses(tmp_path: Path) -> None:
    copy = Path(shutil.copy(SHIPPED_MODEL, tmp_path / "copy.keras"))
    assert caution(copy) == caution(tmp_path / "nosuch.keras") == ""
    copy.write_bytes(copy.read_bytes()[:-1] + b"?")
    assert "only from people you trust" in caution(copy)


# Answers


def test_red_and_blue_swapped_is_another_photo(model: Classifier) -> None:
    """The original's worst fault: it took RGB for BGR."""
    faces = [(photo, find_faces(photo)[0]) for photo in (hopper(), collins())]
    crops = np.stack([canonical_crop(photo, face, model.size) for photo, face in faces])
    difference = model.predict(crops) - model.predict(np.ascontiguousarray(crops[..., ::-1]))
    assert np.abs(difference).max() > 1e-3


def test_array_file_csv_and_shell_agree(model: Classifier, model_path: Path, photos: dict[str, Path]) -> None:
    path = photos["hopper"]
    by_array, by_file = predict_photo(model, hopper())[0], predict_file(model, path)[0]
    assert by_array == by_file
    table = path.parent / "answers.csv"
    write_csv(csv_rows(model, path), table)
    shell = path.parent / "shell.csv"
    ran = CliRunner().invoke(cli.app, ["predict", str(path), "--model", str(model_path), "--csv", str(shell)])
    assert ran.exit_code == 0, ran.output
    for file in (table, shell):
        row = next(csv.DictReader(file.open(encoding="utf-8")))
        assert float(row["p_female"]) == pytest.approx(by_array.p_female, abs=1e-6), file.name
        assert float(row["p_male"]) == pytest.approx(by_array.p_male, abs=1e-6), file.name
        assert row["answer"] == by_array.answer


def test_a_face_gets_the_answer_of_its_canonical_crop(model: Classifier) -> None:
    """Oracle: detector, crop and a bare call of the model, step by step."""
    crop = canonical_crop(collins(), find_faces(collins())[0], model.size)
    pairs, _ = model.model(crop[None].astype(np.float32), training=False)
    expected = np.asarray(pairs)[0]
    given = predict_photo(model, collins())[0]
    assert (given.p_female, given.p_male) == pytest.approx(tuple(expected), abs=1e-5)


def test_every_face_of_a_group_is_answered_largest_first(model: Classifier) -> None:
    group = np.concatenate([collins(), hopper()[:512], collins()[:, ::-1]], axis=1)
    predictions = predict_photo(model, group)
    areas = [prediction.box[2] * prediction.box[3] for prediction in predictions]
    assert len(predictions) == 3 and areas == sorted(areas, reverse=True)
    centres = sorted((prediction.box[0] + prediction.box[2] / 2) // 512 for prediction in predictions)
    assert centres == [0, 1, 2]


def test_a_photo_from_a_turned_phone_gets_the_same_answer(model: Classifier, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, Image.fromarray(np.rot90(hopper()).copy()), "phone.png", exif=exif)
    assert predict_file(model, path) == predict_photo(model, hopper())


def test_crops_are_answered_alike_alone_and_in_a_crowd(model: Classifier) -> None:
    size = model.size
    crops = np.random.default_rng(0).integers(0, 256, (70, size, size, 3), np.uint8)
    alone = np.concatenate([model.predict(crops[number : number + 1]) for number in (0, 63, 64, 69)])
    assert model.predict(crops)[[0, 63, 64, 69]] == pytest.approx(alone, abs=1e-5)
    assert model.predict(crops[:0]).shape == (0, 2)


def test_no_face_is_an_empty_list_and_the_whole_picture_only_if_asked_for(model: Classifier) -> None:
    meadow = np.full((200, 300, 3), (60, 140, 60), np.uint8)
    assert predict_photo(model, meadow) == []
    (prediction,) = predict_photo(model, meadow, whole_picture=True)
    assert prediction.whole_picture and prediction.box == (0, 0, 300, 200) and prediction.score is None
    assert prediction.p_female + prediction.p_male == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (40, 300)])
def test_pictures_of_odd_shapes_have_no_face(shape: tuple[int, int], model: Classifier) -> None:
    assert predict_photo(model, np.zeros((*shape, 3), np.uint8)) == []
    assert len(predict_photo(model, np.zeros((*shape, 3), np.uint8), whole_picture=True)) == 1


@pytest.mark.parametrize("border", [0.7, 0.83, 0.9])
def test_each_model_brings_its_own_border_of_not_sure(border: float) -> None:
    def answer(p_female: float) -> str:
        weights = classifier((64, 64, 3), [float(np.log(p_female)), float(np.log(1 - p_female))])
        (prediction,) = predict_photo(Classifier(weights, True, border), hopper())
        assert prediction.p_female == pytest.approx(p_female, abs=1e-5)
        return prediction.answer

    given = [answer(p) for p in (border + 0.01, border - 0.01, 0.5, 0.01)]
    assert given == ["female", "not sure", "not sure", "male"]


def test_without_a_border_every_face_gets_one_of_the_two_words() -> None:
    (prediction,) = predict_photo(Classifier(classifier((64, 64, 3), [0.1, 0])), hopper())
    assert prediction.answer == "female" and not prediction.calibrated


def test_at_the_border_itself_an_answer_is_given() -> None:
    at, below = (Prediction((0, 0, 9, 9), 1.0, p, 1 - p, not_sure_below=0.83) for p in (0.83, 0.83 - 1e-9))
    assert (at.answer, below.answer) == ("female", "not sure")


def test_a_file_of_the_original_answers_from_true_luma(original_model: Path) -> None:
    """Two sigmoids become a pair that sums to 1, marked as not calibrated; grey is made from RGB, not from BGR."""
    model = load_model(original_model)
    (prediction,) = predict_photo(model, hopper())
    assert not prediction.calibrated and prediction.p_female + prediction.p_male == pytest.approx(1, abs=1e-6)
    crop = canonical_crop(hopper(), find_faces(hopper())[0], 100)
    luma = np.round(crop.astype(float) @ (0.299, 0.587, 0.114))[None, ..., None]
    sigmoids = np.asarray(model.model(luma.astype(np.float32), training=False))[0]
    assert prediction.p_male == pytest.approx(sigmoids[1] / sigmoids.sum(), abs=5e-3)


def test_our_own_files_are_calibrated(model: Classifier) -> None:
    assert predict_photo(model, hopper())[0].calibrated


def test_csv_rows_say_what_went_wrong(model: Classifier, photos: dict[str, Path], tmp_path: Path) -> None:
    (no_face,), (unreadable,) = csv_rows(model, photos["empty"]), csv_rows(model, photos["text"])
    assert no_face["error"] == NO_FACE and "is not a photo" in str(unreadable["error"])
    write_csv([no_face, unreadable, *csv_rows(model, photos["collins"])], tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").open(encoding="utf-8")))
    assert tuple(rows[0]) == COLUMNS and [row["face"] for row in rows] == ["", "", "1"]
    assert rows[2]["error"] == "" and float(rows[2]["score"]) > 0.6


def test_a_file_that_tells_of_masks_fills_the_column_and_others_leave_it_empty(tmp_path: Path) -> None:
    trained = small_cnn(64)
    mask = np.zeros((192, 1), np.float32), np.array([2.0], np.float32)
    answering_cnn(trained, mask=mask).save(tmp_path / "tells.keras")
    answering_cnn(trained).save(tmp_path / "silent.keras")
    names = "tells.keras", "silent.keras"
    tells, silent = (predict_photo(load_model(tmp_path / name), collins()) for name in names)
    assert tells[0].p_mask == pytest.approx(1 / (1 + np.exp(-2.0)), abs=1e-6) and silent[0].p_mask is None
    assert tells[0].p_female == pytest.approx(silent[0].p_female, abs=1e-6)
    rows = [face_rows("photo.jpg", found)[0]["p_mask"] for found in (tells, silent)]
    assert rows == [pytest.approx(0.880797, abs=1e-6), None]


@pytest.mark.parametrize(
    ("p", "border", "told"),
    [
        (0.8196, None, "82 %"),
        (0.8196, 0.82, "81.9 %"),
        (0.8129, 0.82, "81 %"),
        (0.82, 0.82, "82 %"),
        (0.995, None, ">99 %"),
        (0.9949, None, "99 %"),
        (0.005, None, "<1 %"),
    ],
)
def test_a_probability_is_told_in_whole_per_cent_and_never_seems_to_reach_the_border(
    p: float, border: float | None, told: str
) -> None:
    assert per_cent(p, border) == told

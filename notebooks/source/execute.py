"""Execute the notebooks anew, for the outputs that the committed copies show.

    python notebooks/source/execute.py pclubtask3 DATASET=masked EPOCHS=5
    python notebooks/source/execute.py PClubTask3Gradio

The training notebook runs in an empty folder, in which the dataset goes by its own name and a folder examples/ holds
portraits of the people who may be shown; the parameters are put in for the run alone. What is kept are the outputs, but
neither times nor what libraries write to standard error, so that no path of the machine gets in.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import cv2
import nbclient
import nbformat
import numpy as np
from build import ROOT, built, path_of
from run import value_of

from maskedgender.data.make_dataset import enlarged
from maskedgender.faces.crops import canonical_crop
from maskedgender.faces.detector import Face
from maskedgender.faces.finding import find_faces
from maskedgender.images.photos import read_photo
from maskedgender.masks.drawing import STYLES, draw_mask

LOOKS = ROOT / "benchmarks" / "results" / "looks.csv"
PEOPLE = {"Grace Hopper": "grace_hopper.jpg", "Eileen Collins": "eileen_collins.jpg"}
MASKS_SHOWN = 3  # of each person, beside the bare face
CROP_SIDE = 256


def main(name: str, *parameters: str) -> int:
    """Execute one notebook and write it with its outputs; the exit status."""
    given = {key: value_of(key, text) for key, text in (parameter.split("=", 1) for parameter in parameters)}
    notebook = nbformat.reads(built(name).decode(), as_version=4)
    if name == "pclubtask3":
        with tempfile.TemporaryDirectory() as folder:
            dataset = Path(str(given["DATASET"])).resolve()
            (Path(folder) / dataset.name).symlink_to(dataset)
            write_people(Path(folder) / "examples")
            if "OUTPUT" in given:  # to keep the model, and to go on with its run
                output = Path(str(given.pop("OUTPUT"))).resolve()
                output.mkdir(parents=True, exist_ok=True)
                (Path(folder) / "models").symlink_to(output)
            own = {"DATASET": dataset.name, "PEOPLE": "examples", "LOOKS": str(LOOKS)}
            run_in(folder, notebook, {**given, **own})
    else:
        run_in(str(ROOT / "notebooks"), notebook, given)
    path_of(name).write_text(nbformat.writes(notebook, version=4) + "\n", encoding="utf-8")
    path_of(name).write_bytes(built(name))  # the kernel has put versions of its own into the metadata
    print(f"executed {path_of(name)}: {path_of(name).stat().st_size / 1e6:.1f} MB")
    return 0


def run_in(folder: str, notebook: nbformat.NotebookNode, given: dict[str, object]) -> None:
    """Fill in a notebook's outputs, run in a folder with other parameters than those that it shows."""
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    source = cell.source
    cell.source = "\n".join([source, *(f"{name} = {value!r}" for name, value in given.items())])
    client = nbclient.NotebookClient(notebook, timeout=None, record_timing=False)
    client.execute(cwd=folder)
    cell.source = source
    for cell in notebook.cells:
        if cell.cell_type == "code":
            written = cell.source.startswith("%%writefile")
            cell.outputs = [] if written else [one for one in cell.outputs if one.get("name") != "stderr"]
            for output in cell.outputs:
                data = output.get("data", {})
                if "image/jpeg" in data:  # of a photo it says the same in a tenth of the bytes
                    del data["image/png"]
                if "text/plain" in data:  # a link to a file tells its whole path
                    data["text/plain"] = data["text/plain"].replace(f"{folder}/", "")
    for line in nbformat.writes(notebook, version=4).splitlines():
        if str(ROOT.resolve()) in line or folder in line:
            raise ValueError(f"An output holds a path of this machine: {line}")


def write_people(folder: Path) -> None:
    """Canonical crops of the people in examples/, bare and with masks drawn on."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name, file in PEOPLE.items():
        photo = read_photo(ROOT / "examples" / file)
        face, *_ = find_faces(photo)
        photo, face = enlarged(photo, face)
        write_crop(folder / f"{name}.jpg", photo, face)
        for style in rng.permutation(list(STYLES))[:MASKS_SHOWN]:
            write_crop(folder / f"{name}, {style}.jpg", draw_mask(photo, face.landmarks, style, rng).photo, face)


def write_crop(path: Path, photo: np.ndarray, face: Face) -> None:
    """Write a face's canonical crop."""
    cv2.imwrite(str(path), cv2.cvtColor(canonical_crop(photo, face, CROP_SIDE), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Run a notebook without a browser: `python notebooks/source/execute.py NOTEBOOK COPY [NAME=VALUE ...]`.

The notebook runs as it lies there, changes of its reader included, with the given parameters, in the folder of COPY;
what it prints appears in the terminal. Where COPY is the notebook itself, its outputs are those that the project shows:
then portraits of examples/ are shown in the place of the dataset's, and no output may hold a path of this machine.
"""

from __future__ import annotations

import ast
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import cv2
import nbclient
import nbformat
import numpy as np
from build import OURS, ROOT, code_of, path_of

PEOPLE = {"female": ("grace_hopper", "eileen_collins"), "male": ("barack_obama", "joe_biden")}
DRAWN_ON = PEOPLE["female"]  # the photos of the others are not to be altered, see examples/README.md


class Client(nbclient.NotebookClient):
    """Runs cells, and shows in the terminal what they print."""

    def process_message(self, msg: dict[str, Any], *rest: Any) -> Any:
        """Show a message of the kernel, then keep it."""
        if msg["msg_type"] == "stream" and msg["content"]["name"] == "stdout":
            print(msg["content"]["text"], end="", flush=True)
        return super().process_message(msg, *rest)


def main(name: str, copy: str, *parameters: str) -> int:
    """Run one of the two notebooks and write its executed copy; the exit status."""
    original, copy_path = path_of(name), Path(copy).resolve()
    notebook = nbformat.read(original, as_version=4)
    given = dict(parameter.split("=", 1) for parameter in parameters)
    shown = copy_path == original
    with tempfile.TemporaryDirectory() as folder:
        if shown:
            os.environ["PEOPLE"] = str(write_people(Path(folder, "people")))
            linked(given, Path(folder))
        try:
            run(notebook, {key: value_of(text) for key, text in given.items()}, folder if shown else copy_path.parent)
        except nbclient.exceptions.CellExecutionError as error:
            print(f"\n{error.ename}: {error.evalue}", file=sys.stderr)
            return 1
        finally:
            if not shown:
                nbformat.write(notebook, copy_path)
        if shown:
            tidy(notebook, folder)
            notebook.metadata[OURS]["executed"] = code_of(notebook)
            original.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    print(f"executed: {copy_path}")
    return 0


def linked(given: dict[str, str], folder: Path) -> None:
    """Have DATASET and OUTPUT lie in a folder, under names that outputs may tell."""
    if "DATASET" in given:
        dataset = Path(given["DATASET"]).resolve()
        folder.joinpath(dataset.name).symlink_to(dataset)
        given["DATASET"] = dataset.name
    if "OUTPUT" in given:
        output = Path(given.pop("OUTPUT")).resolve()
        output.mkdir(parents=True, exist_ok=True)
        folder.joinpath("models").symlink_to(output)


def run(notebook: nbformat.NotebookNode, given: dict[str, object], folder: str | Path) -> None:
    """Fill in a notebook's outputs, run in a folder with other parameters than those that it shows."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    source, metadata = cell.source, dict(notebook.metadata)
    cell.source = "\n".join([source, *(f"{name} = {value!r}" for name, value in given.items())])
    try:
        Client(notebook, timeout=None, record_timing=False, kernel_name="python3").execute(cwd=str(folder))
    finally:
        cell.source = source
        notebook.metadata = nbformat.from_dict(metadata)  # the kernel has put versions of its own into it


def value_of(text: str) -> object:
    """A parameter's value: a Python literal such as 3 or None, or else the text itself."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def tidy(notebook: nbformat.NotebookNode, folder: str) -> None:
    """Leave of outputs what a terminal would show at the end: no warnings, no overwritten lines, no place of ours."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        outputs, cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"], []
        for output in outputs:
            if cell.outputs and output.output_type == cell.outputs[-1].output_type == "stream":
                cell.outputs[-1].text += output.text
            else:
                cell.outputs.append(output)
        for output in cell.outputs:
            if output.output_type == "stream":
                output.text = re.sub(r"[^\n]*[\r\x08]|\x1b\[[0-9;]*[mK]", "", output.text)
            for kind in ("text/plain", "text/html"):
                if kind in output.get("data", {}):
                    output.data[kind] = output.data[kind].replace(f"{folder}/", "")
    text = nbformat.writes(notebook)
    for place in (folder, str(ROOT), str(Path.home())):
        if place in text:
            raise ValueError(f"An output holds {place}, a place on this machine.")


def write_people(folder: Path) -> Path:
    """A dataset folder of the people in examples/: bare, and, where that is allowed, with masks drawn on."""
    from maskedgender.data.make_dataset import CROP_SIZE, enlarged
    from maskedgender.faces.crops import canonical_crop
    from maskedgender.faces.finding import find_faces
    from maskedgender.images.photos import read_photo
    from maskedgender.masks.drawing import STYLES, draw_mask

    rng = np.random.default_rng(0)
    for part in ("Training", "Validation"):
        for gender, name in ((gender, name) for gender, names in PEOPLE.items() for name in names):
            photo = read_photo(ROOT / "examples" / f"{name}.jpg")
            photo, face = enlarged(photo, find_faces(photo)[0])
            styles = rng.permutation(list(STYLES))[:3] if part == "Validation" and name in DRAWN_ON else ["bare"]
            for style in styles:
                picture = photo if style == "bare" else draw_mask(photo, face.landmarks, str(style), rng).photo
                path = folder / part / gender / f"{name}-{style}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                crop = canonical_crop(picture, face, CROP_SIZE)
                cv2.imwrite(str(path), cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))
    return folder


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

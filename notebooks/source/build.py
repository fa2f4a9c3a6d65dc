"""Build the notebooks from their narratives: `python notebooks/source/build.py` writes them, `--check` only compares.

A narrative is a percent script (jupytext). A cell that is titled `module maskedgender/ROOM/NAME.py` becomes that module
of the package, as a plain cell: without its docstring and its imports, which stand in the narrative's own first cells.
Outputs of the notebook that lies there are kept where the code that gave them is unchanged; execute.py makes them anew.
What a reader has changed in a built notebook is not overwritten.
"""

from __future__ import annotations

import ast
import re
import sys
import zlib
from pathlib import Path

import jupytext
import nbformat

SOURCE = Path(__file__).resolve().parent
ROOT = SOURCE.parent.parent
NARRATIVES = ("pclubtask3", "PClubTask3Gradio")
MODULE = re.compile(r"module (?P<path>maskedgender/\w+/\w+\.py)")
OURS = "maskedgender"  # in a notebook's metadata: checksums of what was built, and of the code that was executed


class ChangedByHandError(ValueError):
    """A notebook holds what somebody wrote into it."""


def main(arguments: list[str]) -> int:
    """Write every notebook, or with `--check` name what is wrong with those that lie there; the exit status."""
    faults = []
    for name in NARRATIVES:
        try:
            notebook = built(name)
            if "--check" not in arguments:
                path_of(name).write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
            elif path_of(name).read_text(encoding="utf-8") != nbformat.writes(notebook) + "\n":
                faults.append(f"notebooks/{name}.ipynb is not what its sources give: run `make notebooks`.")
            elif notebook.metadata[OURS].get("executed") != code_of(notebook):
                faults.append(f"The outputs of notebooks/{name}.ipynb are older than its code: `make notebooks-run`.")
        except ChangedByHandError as error:
            faults.append(str(error))
    print(*faults, sep="\n", end="\n" if faults else "", file=sys.stderr)
    return 1 if faults else 0


def path_of(name: str) -> Path:
    """Where the built notebook of a narrative lies."""
    return ROOT / "notebooks" / f"{name}.ipynb"


def built(name: str) -> nbformat.NotebookNode:
    """The notebook that a narrative and the package give, with the outputs that still belong to it.

    Raises:
        ChangedByHandError: the one that lies there was changed since it was built.
    """
    narrative = jupytext.reads((SOURCE / f"{name}.py").read_text(encoding="utf-8"), fmt="py:percent")
    cells = []
    for number, cell in enumerate(narrative.cells):
        match = MODULE.fullmatch(cell.metadata.pop("title", ""))
        cells.append(nbformat.v4.new_code_cell(pasted(ROOT / match["path"])) if match else cell)
        cells[-1]["id"] = f"cell-{number:02d}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}, OURS: {"built": source_of(cells)}}
    if "kaggle" in narrative.metadata:
        metadata["kaggle"] = narrative.metadata["kaggle"]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    if path_of(name).exists():
        _keep_outputs(notebook, nbformat.read(path_of(name), as_version=4), path_of(name))
    nbformat.validate(notebook)
    return notebook


def pasted(module: Path) -> str:
    """A module's code, without its docstring and the imports at its top."""
    source = module.read_text(encoding="utf-8")
    lines = source.splitlines()
    for node in ast.parse(source).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if docstring or isinstance(node, (ast.Import, ast.ImportFrom)):
            lines[node.lineno - 1 : (node.end_lineno or 0)] = [""] * ((node.end_lineno or 0) - node.lineno + 1)
    return "\n".join(lines).strip("\n")


def source_of(cells: list[nbformat.NotebookNode]) -> str:
    """A checksum of all that is written in cells."""
    return f"{zlib.crc32(chr(0).join(cell.source.rstrip() for cell in cells).encode()):08x}"


def code_of(notebook: nbformat.NotebookNode) -> str:
    """A checksum of what a notebook computes: its code, without comments, docstrings and layout."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    tree = ast.parse("\n".join(line for cell in cells for line in cell.splitlines() if not line.startswith(("!", "%"))))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    return f"{zlib.crc32(ast.dump(tree).encode()):08x}"


def _keep_outputs(notebook: nbformat.NotebookNode, former: nbformat.NotebookNode, path: Path) -> None:
    """Give cells what the former notebook shows below the same code."""
    ours = former.metadata.get(OURS, {})
    if ours.get("built", source_of(former.cells)) != source_of(former.cells):
        raise ChangedByHandError(
            f"{path.name} was changed by hand, and is left as it is: save it under another name, or take "
            "the changes over into notebooks/source/."
        )
    notebook.metadata[OURS].update({name: ours[name] for name in ("executed",) if name in ours})
    by_source: dict[str, list[nbformat.NotebookNode]] = {}
    for cell in former.cells:
        by_source.setdefault(cell.source, []).append(cell)
    for cell in notebook.cells:
        if cell.cell_type == "code" and by_source.get(cell.source):
            before = by_source[cell.source].pop(0)
            cell.update(outputs=before.outputs, execution_count=before.execution_count)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

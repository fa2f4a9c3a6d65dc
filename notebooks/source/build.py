"""Build the notebooks from their narratives: `python notebooks/source/build.py` writes them, `--check` only compares.

A narrative is a percent script that imports from the package as everybody does. On Kaggle the package is not there, so
the training notebook brings it along: the cell `# %% library` becomes collapsed cells, each of which writes one module,
word for word, into the folder library/ beside the notebook; a cell `# %% module maskedgender/ROOM/NAME.py` writes one
that stands open. Which modules are needed follows from the imports. Outputs of the notebook that lies there are kept
where the code that gave them is unchanged; run.py makes them anew.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat

SOURCE = Path(__file__).resolve().parent
ROOT = SOURCE.parent.parent
NARRATIVES = ("pclubtask3", "PClubTask3Gradio")
PACKAGE = "maskedgender"
MODULE = re.compile(rf"module (?P<path>{PACKAGE}/\w+/\w+\.py)")
LIBRARY = "library"  # the title of the cell, and the folder
COLLAPSED = {"jupyter": {"source_hidden": True}, "_kg_hide-input": True}
KEPT = ("outputs", "execution_count")


def main(arguments: list[str]) -> int:
    """Write every notebook, or with `--check` name those that are not what their sources give; the exit status."""
    stale = [name for name in NARRATIVES if built(name) != current(name)]
    for name in stale:
        if "--check" in arguments:
            print(f"notebooks/{name}.ipynb is not what its sources give: run `make notebooks`", file=sys.stderr)
        else:
            path_of(name).write_bytes(built(name))
            print(f"built notebooks/{name}.ipynb")
    return 1 if stale and "--check" in arguments else 0


def path_of(name: str) -> Path:
    """Where the built notebook of a narrative lies."""
    return ROOT / "notebooks" / f"{name}.ipynb"


def current(name: str) -> bytes:
    """The bytes of the notebook as it lies there; empty where there is none."""
    path = path_of(name)
    return path.read_bytes() if path.exists() else b""


def built(name: str) -> bytes:
    """The notebook that a narrative and the package give, with the outputs that still belong to it."""
    narrative = jupytext.reads((SOURCE / f"{name}.py").read_text(encoding="utf-8"), fmt="py:percent")
    notebook = nbformat.v4.new_notebook(metadata=notebook_metadata(narrative.metadata))
    notebook.cells = list(built_cells(narrative))
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number:02d}"
    keep_outputs(notebook, current(name))
    nbformat.validate(notebook)
    return (nbformat.writes(notebook, version=4) + "\n").encode()


def built_cells(narrative: nbformat.NotebookNode) -> Iterator[nbformat.NotebookNode]:
    """The narrative's cells, with the modules in the places of their marks."""
    opened = [match["path"] for cell in narrative.cells if (match := MODULE.fullmatch(title_of(cell)))]
    for cell in narrative.cells:
        match = MODULE.fullmatch(title_of(cell))
        if title_of(cell) == LIBRARY:
            modules = needed_modules(narrative_code(narrative))
            yield written_folders(modules)
            yield from (written(module, COLLAPSED) for module in modules if module not in opened)
        elif match:
            yield written(match["path"], {})
        else:
            yield cell


def title_of(cell: nbformat.NotebookNode) -> str:
    """What stands behind a code cell's `# %%`."""
    return cell.metadata.get("title", "") if cell.cell_type == "code" else ""


def written(module: str, metadata: dict[str, object]) -> nbformat.NotebookNode:
    """A cell that writes a module of the package beside the notebook."""
    source = (ROOT / module).read_text(encoding="utf-8").rstrip("\n")
    return nbformat.v4.new_code_cell(f"%%writefile {LIBRARY}/{module}\n{source}", metadata=metadata)


def written_folders(modules: list[str]) -> nbformat.NotebookNode:
    """A cell that makes the folders of these modules."""
    rooms = tuple(dict.fromkeys(Path(module).parts[1] for module in modules if Path(module).parts[2:]))
    lines = (
        "import sys",
        "from pathlib import Path",
        "",
        f"for room in {rooms}:",
        f'    folder = Path("{LIBRARY}", "{PACKAGE}", room)',
        "    folder.mkdir(parents=True, exist_ok=True)",
        '    (folder / "__init__.py").touch()',
        '(folder.parent / "__init__.py").touch()',
        f'sys.path.insert(0, "{LIBRARY}")',
    )
    return nbformat.v4.new_code_cell("\n".join(lines), metadata=COLLAPSED)


def narrative_code(narrative: nbformat.NotebookNode) -> str:
    """The code of a narrative, magics left out."""
    cells = [cell.source for cell in narrative.cells if cell.cell_type == "code"]
    return "\n".join(line for cell in cells for line in cell.splitlines() if not line.startswith(("%", "!")))


def needed_modules(code: str) -> list[str]:
    """The modules of the package that code imports, and those that these import, and so on: each after its own."""
    found: dict[str, None] = {}

    def follow(source: str, path: Path) -> None:
        for module in imported(source, path):
            if module not in found:
                follow((ROOT / module).read_text(encoding="utf-8"), Path(module))
                found.setdefault(module)

    follow(code, Path())
    return list(found)


def imported(source: str, path: Path) -> Iterator[str]:
    """The files of the package that a source imports from; `path` is its own, which dots count from."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            above = path.parts[: -node.level] if node.level else ()
            parts = (*above, *(node.module or "").split("."))
            if parts[0] == PACKAGE:
                named = [Path(*parts, f"{alias.name}.py") for alias in node.names]
                files = [Path(*parts).with_suffix(".py"), *named]
                yield from (file.as_posix() for file in files if (ROOT / file).is_file())


def notebook_metadata(narrative: nbformat.NotebookNode) -> dict[str, object]:
    """A python3 kernel, and what the narrative's header says for Kaggle; nothing that a jupytext version may change."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    kaggle = {"kaggle": narrative["kaggle"]} if "kaggle" in narrative else {}
    return {"kernelspec": kernel, "language_info": {"name": "python"}, **kaggle}


def keep_outputs(notebook: nbformat.NotebookNode, former: bytes) -> None:
    """Give the cells what the former notebook shows below the same code; modules that were written show nothing."""
    cells = nbformat.reads(former.decode(), as_version=4).cells if former else []
    by_source: dict[str, list[nbformat.NotebookNode]] = {}
    for cell in cells:
        by_source.setdefault(cell.source, []).append(cell)
    for cell in notebook.cells:
        if cell.cell_type == "code" and by_source.get(cell.source):
            before = by_source[cell.source].pop(0)
            cell.update({name: before[name] for name in KEPT})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

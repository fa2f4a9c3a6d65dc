"""Build the notebooks from their narratives: `python notebooks/source/build.py` writes them, `--check` only compares.

A narrative is a percent script. A code cell whose title is `include maskedgender/ROOM/NAME.py` stands for that module:
in the notebook the module's source takes the place of the cell's body, without its imports of sibling modules. The
body, an import of the names that the narrative uses, lets the narrative be linted and run beside the package as it is.
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
INCLUDE = re.compile(r"include (?P<module>maskedgender/\w+/\w+\.py)")
PACKAGE = "maskedgender"
FORBIDDEN_NAMES = ("__file__", "__main__", "__package__", "__spec__")  # they mean something else in a notebook


class IncludeError(ValueError):
    """A module breaks a rule of inclusion; the message names the file, the line and the rule."""


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
    """The notebook that a narrative and the modules it includes give, always the same bytes for the same sources."""
    notebook = jupytext.reads((SOURCE / f"{name}.py").read_text(encoding="utf-8"), fmt="py:percent")
    modules = [module for cell in notebook.cells if (module := included_module(cell))]
    check_names(modules, narrative_code(notebook))
    for number, cell in enumerate(notebook.cells):
        module = included_module(cell)
        if module:
            cell.source = cell_of_module(ROOT / module, included=modules[: modules.index(module)])
            cell.metadata.pop("title")
        cell["id"] = f"cell-{number:02d}"
    notebook.metadata = notebook_metadata(notebook.metadata)
    nbformat.validate(notebook)
    return (nbformat.writes(notebook, version=4) + "\n").encode()


def notebook_metadata(narrative: nbformat.NotebookNode) -> dict[str, object]:
    """A python3 kernel, and what the narrative's header says for Kaggle; nothing that a jupytext version may change."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    kaggle = {"kaggle": narrative["kaggle"]} if "kaggle" in narrative else {}
    return {"kernelspec": kernel, "language_info": {"name": "python"}, **kaggle}


def included_module(cell: nbformat.NotebookNode) -> str | None:
    """The path, relative to the checkout, of the module that a cell stands for; None for every other cell."""
    title = cell.metadata.get("title", "") if cell.cell_type == "code" else ""
    match = INCLUDE.fullmatch(title)
    return match["module"] if match else None


def cell_of_module(path: Path, included: list[str]) -> str:
    """A module's source as a cell: checked against the rules, sibling imports cut out, all else as it stands.

    Args:
        path: the module's file.
        included: the modules whose cells come before, such as "maskedgender/data/dataset.py".

    Raises:
        IncludeError: where the module breaks a rule of inclusion.
    """
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    siblings = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level]
    check_imports(path.name, tree, siblings, {Path(module).stem for module in included})
    check_forbidden(path.name, tree)
    lines = source.splitlines()
    for node in reversed(siblings):
        del lines[node.lineno - 1 : node.end_lineno]
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines)).strip("\n")


def check_imports(name: str, tree: ast.Module, siblings: list[ast.ImportFrom], before: set[str]) -> None:
    """Siblings are imported as `from .x import y` or `from ..room.x import y`, at top level, from cells before."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and node not in siblings:
            raise IncludeError(f"{name}:{node.lineno}: a sibling is imported below the top level")
        if isinstance(node, (ast.Import, ast.ImportFrom)) and PACKAGE in imported_roots(node):
            raise IncludeError(f"{name}:{node.lineno}: a sibling is imported by the package's name, not by a dot")
    for node in siblings:
        if (node.module or "").split(".")[-1] not in before or any(alias.asname for alias in node.names):
            raise IncludeError(f"{name}:{node.lineno}: not `from .x import y` of a module included before")
        if any(other is not node and shares_line(node, other) for other in tree.body):
            raise IncludeError(f"{name}:{node.lineno}: a sibling's import shares its line")


def imported_roots(node: ast.Import | ast.ImportFrom) -> set[str]:
    """The first parts of the absolute modules that an import names."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    return {(node.module or "").split(".")[0]} if not node.level else set()


def shares_line(one: ast.stmt, other: ast.stmt) -> bool:
    """Whether two statements touch the same line."""
    return one.lineno <= (other.end_lineno or other.lineno) and other.lineno <= (one.end_lineno or one.lineno)


def check_forbidden(name: str, tree: ast.Module) -> None:
    """No name or string whose meaning a notebook changes: `__file__`, a `__main__` guard."""
    for node in ast.walk(tree):
        word = node.id if isinstance(node, ast.Name) else node.value if isinstance(node, ast.Constant) else None
        if word in FORBIDDEN_NAMES:
            raise IncludeError(f"{name}:{getattr(node, 'lineno', 0)}: {word} means nothing in a notebook")


def narrative_code(notebook: nbformat.NotebookNode) -> str:
    """The code of a narrative's own cells, magics left out."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code" and not included_module(cell)]
    return "\n".join(line for cell in cells for line in cell.splitlines() if not line.startswith(("%", "!")))


def check_names(modules: list[str], narrative: str) -> None:
    """In a notebook all share one namespace: no two modules, nor the narrative, may define the same name."""
    homes: dict[str, tuple[str, str]] = {}
    sources = [(module, (ROOT / module).read_text(encoding="utf-8")) for module in modules]
    for home, source in [*sources, ("the narrative", narrative)] if modules else []:
        for name, meaning in set(bindings(home, source)):
            if homes.setdefault(name, (home, meaning))[1] != meaning:
                raise IncludeError(f"{name} is defined by {homes[name][0]} and by {home}")


def bindings(home: str, source: str) -> Iterator[tuple[str, str]]:
    """What a source binds at top level: (name, its meaning); the same import means the same everywhere."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            pairs = ((alias.asname or alias.name.split(".")[0], alias) for alias in node.names)
            yield from ((name, alias.name if alias.asname else name) for name, alias in pairs)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name, home
        else:
            names = (part for part in ast.walk(node) if isinstance(part, ast.Name))
            yield from ((part.id, home) for part in names if isinstance(part.ctx, ast.Store))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

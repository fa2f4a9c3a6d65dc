"""Mutation testing: small faults are put into rooms of the package, one at a time, and the room's tests must see them.

`make mutants`, or `python -m tests.mutants --rooms measure,data --each 20 --seed 1`. Cosmic Ray makes the faults, in a
copy of the checkout, at places that are drawn by lot: as many in each room. Of a fault only those of the room's tests
run that import the module, up to the first that fails. Printed are the share that was seen, and what was not.

Cosmic Ray and not mutmut: that leaves out properties, context managers and constants, where half of our rules stand.
"""

from __future__ import annotations

import ast
import difflib
import os
import random
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Annotated

import typer
from cosmic_ray.commands import init
from cosmic_ray.mutating import use_mutation
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import MutationSpec

from .support.checkout import ROOT, copied, outcome_of

PACKAGE = Path("maskedgender")
ROOMS = "data,training,prediction,measure"
ENOUGH = 0.85  # of the faults must be seen
SECONDS = 600.0  # for the tests of one fault; one that makes them hang is seen, and told apart
# Faults that change nothing that a test should hold, or cannot be made: why, by operator and line.
HARMLESS = {
    r"@dataclass\(frozen=True": "nothing of ours changes one",
    r"warnings\.warn\(|stacklevel=": "the line that a warning names",
    r"lru_cache|TOGETHER \+ 2|os\.cpu_count\(\)|max_queue_size|chunksize=|: RETRY_SECONDS": "pace",
    r"disable=|smoothing=|unit=": "the look of a progress bar",
    r"figsize=|alpha=|linewidth=|color=|fontsize|\.set_|ax[ei]s\.|grid": "the look of a plot",
    r"TYPE_CHECKING": "for type checkers",
    r"NumberReplacer: (\"small\": Recipe\(|8, 64,)": "how our own networks are trained, which was found by trial",
    r"ReplaceTrueWithFalse: .*strict=True": "a check of what the code itself has made",
    r"except .*\w\.\w": "Cosmic Ray itself fails at an exception whose name has a dot",
}


def main(
    rooms: Annotated[str, typer.Option(help="Folders of the package, with commas.")] = ROOMS,
    each: Annotated[int, typer.Option(min=1, help="Faults to try in each room.")] = 20,
    seed: Annotated[int, typer.Option(help="Decides which.")] = 0,
) -> None:
    """Try faults, print what became of them; exit status 1 where too few are seen."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(copied(Path(folder)))  # Cosmic Ray names files from here, and changes them in place
        shares = [_room(room, each, seed) for room in rooms.split(",")]
        os.chdir(ROOT)
    raise typer.Exit(int(min(shares) < ENOUGH))


def _room(room: str, each: int, seed: int) -> float:
    """Try faults in one room; the share that its tests saw."""
    began, hung, missed = time.monotonic(), 0, 0
    drawn = sample(room, each, seed)
    _require_success(sorted({tests for fault in drawn for tests in tests_for(fault.module_path)}))
    for number, fault in enumerate(drawn, 1):
        with use_mutation(fault.module_path, get_operator(fault.operator_name)(), fault.occurrence) as codes:
            outcome = _outcome(tests_for(fault.module_path))
        hung += outcome is None
        where = f"{fault.module_path}:{fault.start_pos[0]}, {fault.operator_name.removeprefix('core/')}"
        typer.echo(f"{room} {number}/{len(drawn)}: {'NOT SEEN' if outcome == 0 else 'seen'}, {where}")
        if outcome == 0:
            missed += 1
            typer.echo("\n".join(list(difflib.unified_diff(*(code.splitlines() for code in codes), n=0))[3:]))
    share, pace = 1 - missed / len(drawn), (time.monotonic() - began) / len(drawn)
    typer.echo(f"\n{room}: {share:.0%} of {len(drawn)} faults seen, {hung} of them by hanging; {pace:.0f} s a fault\n")
    return share


def _require_success(tests: Sequence[str]) -> None:
    """End the run where tests fail as things are."""
    done = outcome_of(Path.cwd(), tests, 3 * SECONDS)
    if done.returncode != 0:
        typer.echo(f"Tests fail without a fault, so they would see every one:\n{done.stdout[-3000:]}", err=True)
        raise typer.Exit(2)


def _outcome(tests: Sequence[str]) -> int | None:
    """The exit status of pytest, which stops at the first failure; None where it had to be stopped.

    A new process for each: forks of one that has imported Keras would save ten seconds, but some hang for ever.
    """
    try:
        return outcome_of(Path.cwd(), tests, SECONDS).returncode
    except subprocess.TimeoutExpired:
        return None


def sample(room: str, count: int, seed: int) -> list[MutationSpec]:
    """So many faults of a room, or all: places are drawn, so that one with many possible faults comes no more often."""
    with tempfile.TemporaryDirectory() as folder, use_db(Path(folder) / "faults.sqlite") as faults:
        init(sorted((PACKAGE / room).glob("*.py")), faults, {})
        found = [item.mutations[0] for item in faults.work_items]
    lot = random.Random(seed)
    at: dict[tuple[Path, tuple[int, int]], list[MutationSpec]] = {}
    order = attrgetter("module_path", "start_pos", "operator_name", "occurrence")
    for fault in sorted(found, key=order):
        if not _harmless(fault):
            at.setdefault((fault.module_path, fault.start_pos), []).append(fault)
    return [lot.choice(at[place]) for place in lot.sample(list(at), min(count, len(at)))]


def _harmless(fault: MutationSpec) -> bool:
    """Whether it is one of HARMLESS, or in an annotation, which nothing evaluates."""
    line = fault.module_path.read_text(encoding="utf-8").splitlines()[fault.start_pos[0] - 1]
    inside = any(start <= fault.start_pos < end for start, end in _annotations(fault.module_path))
    return inside or any(re.search(harmless, f"{fault.operator_name}: {line.strip()}") for harmless in HARMLESS)


@cache
def _annotations(module: Path) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where the type hints of a module begin and end: lines from 1, columns from 0."""
    nodes = ast.walk(ast.parse(module.read_text(encoding="utf-8")))
    hints = [getattr(node, name, None) for node in nodes for name in ("annotation", "returns")]
    return [((hint.lineno, hint.col_offset), (hint.end_lineno, hint.end_col_offset)) for hint in hints if hint]


def tests_for(module: Path) -> list[str]:
    """The files of the room's tests that name a module; those of other rooms, or all of the room, where none does."""
    folder, room = Path("tests") / module.parent.name, ".".join(module.parent.parts)
    named = rf"^(?:from|import) .*\b{module.stem}\b"
    elsewhere = rf"^from {re.escape(room)}(?:\.{module.stem} import | import .*\b{module.stem}\b)"
    files = [*_naming(named, folder), *folder.glob(f"test_{module.stem}.py")] or _naming(elsewhere, Path("tests"))
    return sorted({str(path) for path in files}) or [str(folder)]


def _naming(pattern: str, folder: Path) -> list[Path]:
    """The files of tests at any depth of a folder that have a line which a pattern finds."""
    found = re.compile(pattern, re.MULTILINE)
    return [path for path in folder.rglob("test_*.py") if found.search(path.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    typer.run(main)

"""Run the training notebook without a browser: `python notebooks/source/run.py EXECUTED.ipynb [NAME=VALUE ...]`.

Papermill does it. It says nothing of outputs that change while a cell runs, such as the progress bar: here they are
shown in the terminal.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import Any

import papermill
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError

PATHS = ("DATASET", "OUTPUT", "LOOKS", "PEOPLE")  # parameters that name one
NOTEBOOK = Path(__file__).resolve().parents[1] / "pclubtask3.ipynb"


class ShowingClient(PapermillNotebookClient):
    """Runs cells, and shows in the terminal what they print, while they print it."""

    lines_shown = 0  # of the output that is changing now
    unfinished = ""  # its last line, which may change again

    def process_message(self, msg: dict[str, Any], *rest: Any) -> Any:
        """Show a message of the kernel, then let papermill keep it."""
        content = msg["content"]
        if msg["msg_type"] == "stream" and content["name"] == "stdout":
            self.end_line()
            print(content["text"], end="", flush=True)
        elif msg["msg_type"] in ("display_data", "update_display_data") and set(content["data"]) == {"text/plain"}:
            self.show(content["data"]["text/plain"].split("\n"))
        return super().process_message(msg, *rest)

    def show(self, lines: list[str]) -> None:
        """Show the lines that are new; the last one is drawn over by the next, in a terminal only."""
        for line in lines[self.lines_shown : -1]:
            print(f"\r\x1b[K{line}" if sys.stdout.isatty() else line, flush=True)
        self.lines_shown, self.unfinished = len(lines) - 1, lines[-1]
        if sys.stdout.isatty():
            print(f"\r\x1b[K{self.unfinished}", end="", flush=True)

    def end_line(self) -> None:
        """The output that was changing is complete: keep its last line."""
        if self.unfinished:
            print("" if sys.stdout.isatty() else self.unfinished, flush=True)
        self.lines_shown, self.unfinished = 0, ""


class ShowingEngine(Engine):
    """What papermill calls to run a notebook's cells."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **_: Any) -> None:
        """Run all cells of the notebook that `nb_man` manages."""
        client = ShowingClient(nb_man, kernel_name=kernel_name, timeout=None)
        client.execute()
        client.end_line()


def main(executed: str, *parameters: str) -> int:
    """Run the notebook with parameters such as "EPOCHS=3", and write the executed copy; the exit status.

    It runs in the folder of the copy, where it writes its library; paths among the parameters count from here.
    """
    folder = Path(executed).parent
    folder.mkdir(parents=True, exist_ok=True)
    given = {name: value_of(name, text) for name, text in (parameter.split("=", 1) for parameter in parameters)}
    papermill_engines.register("showing", ShowingEngine)
    options = {"engine_name": "showing", "progress_bar": False, "cwd": folder}
    try:
        papermill.execute_notebook(NOTEBOOK, executed, given, **options)
    except PapermillExecutionError as error:
        print(f"\n{error.ename}: {error.evalue}\nthe notebook, as far as it came: {executed}", file=sys.stderr)
        return 1
    print(f"the executed notebook: {executed}")
    return 0


def value_of(name: str, text: str) -> object:
    """A parameter's value: a Python literal such as 3 or None, or else the text itself; of a path, the whole one."""
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        is_path = name in PATHS or (name == "START" and text.endswith(".keras"))
        return str(Path(text).expanduser().resolve()) if is_path else text


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

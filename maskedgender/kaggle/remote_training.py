"""Train on Kaggle from here: push the training notebook, wait, fetch the model.

What was pushed is remembered in runs/kaggle.json, so that `status` and `fetch` go on after the laptop was closed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

import typer

from ..files import written_whole
from ..networks.checksums import relisted
from ..places import NOTEBOOKS, RUNS
from .client import NO_PHONE, Client, KaggleError, UnreachableError, remedy
from .parameters import with_parameters

NOTEBOOK = NOTEBOOKS / "pclubtask3.ipynb"
TITLE, SLUG = "maskedgender train", "maskedgender-train"  # Kaggle makes the slug from the title
T4_TWICE = "NvidiaTeslaT4"  # Kaggle's name for a machine with two of them
EXECUTED = "__notebook__.ipynb"  # Kaggle's name for the notebook while it runs
POLL_SECONDS = 15.0
LOG_LINES = 12  # shown of a notebook that failed


@dataclasses.dataclass(frozen=True)
class Run:
    """A notebook that was pushed.

    Attributes:
        kernel: OWNER/SLUG.
        version: counted by Kaggle from 1; 0 where its answer was lost.
        output: the folder where the model shall go.
        pushed: when, in ISO 8601.
        id: given to the notebook, which writes it into the model's record, so that no other run's model is taken.
    """

    kernel: str
    version: int
    output: str
    pushed: str
    id: str

    @property
    def url(self) -> str:
        """The notebook's page."""
        return f"https://www.kaggle.com/code/{self.kernel}"

    @property
    def age(self) -> str:
        """The time since it was pushed, as 1:05:59."""
        return str(timedelta(seconds=round((datetime.now(UTC) - datetime.fromisoformat(self.pushed)).total_seconds())))

    def remember(self) -> None:
        """Make this the run that `last` gives."""
        _put_in_place({RUNS / "kaggle.json": json.dumps(dataclasses.asdict(self), indent=2).encode()})

    @staticmethod
    def last() -> Run:
        """The run that was pushed last; KaggleError when there is none, or its file is not what `remember` writes."""
        file = RUNS / "kaggle.json"
        try:
            return Run(**json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise KaggleError(
                "Nothing was pushed to Kaggle from here: begin with `maskedgender kaggle train`."
            ) from error
        except (TypeError, ValueError) as error:
            raise KaggleError(
                f"{file} does not tell which run was pushed last, so none can be known again: push anew with "
                "`maskedgender kaggle train`, or download the model from https://www.kaggle.com/code."
            ) from error


def train(parameters: Sequence[str], output: Path, dataset: str) -> None:
    """Push the training notebook, wait for it, and put its model into the folder `output`.

    Args:
        parameters: NAME=value words for the notebook's cell of parameters.
        dataset: OWNER/NAME of the Kaggle dataset to attach.

    Raises:
        KaggleError: Kaggle refused or is out of reach, the notebook failed, or what it left cannot be used.
        ValueError: a parameter that the notebook does not have, or cannot use.
    """
    run_id = uuid.uuid4().hex
    source = with_parameters(NOTEBOOK.read_text(encoding="utf-8"), [*parameters, f"RUN_ID='{run_id}'"])
    kaggle = Client()
    kaggle.require_dataset(dataset)
    run = _push(kaggle, source, dataset, output, run_id)
    typer.echo(f"pushed: {run.url}, version {run.version}")
    typer.echo("It runs there without this machine; `maskedgender kaggle fetch` waits for it again.")
    _require_gpu(kaggle, run)
    _wait(kaggle, run)
    _fetch(kaggle, run)


def status() -> None:
    """Say how the run that was pushed last is doing."""
    run = Run.last()
    state, failure = Client().state(run.kernel)
    why = f": {failure}" if failure else ""
    typer.echo(f"{run.url}, version {run.version}, pushed {run.age} ago: {state}{why}")


def fetch() -> None:
    """Wait for the run that was pushed last, where it has not finished, and put its model in place."""
    run, kaggle = Run.last(), Client()
    _wait(kaggle, run)
    _fetch(kaggle, run)


def _push(kaggle: Client, source: str, dataset: str, output: Path, run_id: str) -> Run:
    """Have Kaggle save and run the notebook, and remember the run."""
    run = Run(f"{kaggle.user}/{SLUG}", 0, str(output.resolve()), datetime.now(UTC).isoformat(), run_id)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / NOTEBOOK.name).write_text(source, encoding="utf-8")
        (Path(folder) / "kernel-metadata.json").write_text(json.dumps(_metadata(run, dataset)), encoding="utf-8")
        try:
            answer = kaggle.push(Path(folder))
        except UnreachableError:
            run.remember()  # it may have arrived
            raise
    kernel = (answer.ref or run.kernel).removeprefix("/code/")
    run = dataclasses.replace(run, kernel=kernel, version=answer.version_number)
    run.remember()
    if answer.invalid_dataset_sources:
        raise KaggleError(f"Kaggle could not attach the dataset {dataset}: stop the notebook at {run.url}.")
    return run


def _metadata(run: Run, dataset: str) -> dict[str, object]:
    """The content of kernel-metadata.json; all is said, because Kaggle's defaults have changed over time."""
    kind = {"code_file": NOTEBOOK.name, "language": "python", "kernel_type": "notebook", "is_private": True}
    machine = {"enable_gpu": True, "enable_tpu": False, "enable_internet": True, "machine_shape": T4_TWICE}
    sources = {"dataset_sources": [dataset], "competition_sources": [], "kernel_sources": [], "model_sources": []}
    return {"id": run.kernel, "title": TITLE, **kind, **machine, **sources}


def _require_gpu(kaggle: Client, run: Run) -> None:
    """KaggleError when Kaggle took the notebook, but not the GPU that was asked for: it would train for days."""
    given = kaggle.kernel(run.kernel).metadata
    if not given.enable_gpu and "nvidia" not in (given.machine_shape or "").lower():
        raise KaggleError(f"{NO_PHONE} (version {run.version} runs without a GPU: stop it at {run.url}).")


def _wait(kaggle: Client, run: Run) -> None:
    """Show the state until the notebook has finished; KaggleError with the end of its log when it failed."""
    shown = ""
    while True:
        state, failure = kaggle.state(run.kernel)
        failed = state == "error" or state.startswith("cancel")
        if sys.stdout.isatty():
            typer.echo(f"\r\x1b[K{run.age}  {state}", nl=failed or state == "complete")
        elif state != shown:
            typer.echo(f"{run.age}  {state}")
        if failed:
            raise KaggleError(_why_failed(kaggle, run, state, failure))
        if state == "complete":
            return
        shown = state
        time.sleep(POLL_SECONDS)


def _why_failed(kaggle: Client, run: Run, state: str, failure: str) -> str:
    """A sentence, and the last lines of the log."""
    lines = [line for line in kaggle.output(run.kernel)[1].splitlines() if line.strip() and "NbConvertApp" not in line]
    parts = (f"The notebook on Kaggle ended with: {state}", failure, remedy(failure), run.url)
    sentence = ". ".join(part.rstrip(".") for part in parts if part)
    return "\n".join([f"{sentence}, the end of its log:", *lines[-LOG_LINES:]])


def _fetch(kaggle: Client, run: Run) -> None:
    """Put the model, its record and split, the executed notebook and its log in place, when the model is one."""
    files, log = kaggle.output(run.kernel)
    model_name, model = _left(kaggle, files, ".keras")
    record_name, record = _left(kaggle, files, ".json")
    split_name, split = _left(kaggle, files, ".split.csv.gz")
    _require_of_this_run(run, model, json.loads(record))
    _require_model(model_name, model, record)
    notebook = kaggle.download(files[EXECUTED]) if EXECUTED in files else kaggle.kernel(run.kernel).blob.source.encode()
    summary = _summary(notebook, log, json.loads(record))
    output, executed = Path(run.output), RUNS / f"pclubtask3-kaggle-{run.version}.ipynb"
    printed = executed.with_suffix(".log")  # Kaggle may give the notebook back without its outputs
    in_place = {executed: notebook, printed: log.encode(), output / split_name: split}
    in_place |= {output / record_name: record, output / model_name: model}
    with relisted(output / model_name):
        _put_in_place(in_place)
    typer.echo(f"{output / model_name}: {summary}\nthe executed notebook: {executed}, its log beside it")


def _left(kaggle: Client, files: Mapping[str, str], suffix: str) -> tuple[str, bytes]:
    """The plain name and the content of the file *_gender with this suffix that the notebook left."""
    for name, url in files.items():
        plain = PurePosixPath(name).name  # never a path that Kaggle made up
        if re.fullmatch(rf"\w+_gender{re.escape(suffix)}", plain):
            return plain, kaggle.download(url)
    raise KaggleError(f"The notebook has finished, but left no *_gender{suffix} among its {len(files)} files.")


def _require_of_this_run(run: Run, model: bytes, record: Mapping[str, str]) -> None:
    """KaggleError unless the record says that this run has made the model, and that these are its bytes."""
    if record.get("run") != run.id:
        raise KaggleError(
            f"What {run.url} has left was not made by the last push, which may never have arrived; nothing was "
            "replaced. Push again with `maskedgender kaggle train`."
        )
    if record.get("SHA-256") != hashlib.sha256(model).hexdigest():
        raise KaggleError("The model did not arrive as its record describes it; nothing was replaced: fetch it again.")


def _require_model(name: str, content: bytes, record: bytes) -> None:
    """KaggleError unless the file loads beside its record, safely, and has the shapes that the app takes."""
    from ..networks.model_files import ModelError, load_model  # late: it takes seconds, and a refusal should not

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        path.with_suffix(".json").write_bytes(record)
        try:
            load_model(path)
        except ModelError as error:
            text = str(error).replace(str(path), name)
            raise KaggleError(f"What came from Kaggle cannot be used, nothing was replaced: {text}") from error


def _summary(notebook: bytes, log: str, record: Mapping[str, str]) -> str:
    """The accuracy that the notebook printed, and facts of its record."""
    cells = json.loads(notebook)["cells"]
    outputs = [text for cell in cells for output in cell.get("outputs", ()) for text in output.get("text", ())]
    found = re.search(r"Validation accuracy: (.+)", "".join(outputs) + "\n" + log)
    facts = [
        f"{name} {record[name]}" for name in ("best epoch", "epochs", "training time", "hardware") if name in record
    ]
    return "; ".join([f"validation accuracy {found[1] if found else 'not known'}", *facts])


def _put_in_place(contents: Mapping[Path, bytes]) -> None:
    """Write files so that each is the old or the new one, whole, also on a full disk or when the process is killed."""
    with ExitStack() as all_of_them:
        for path, content in contents.items():
            all_of_them.enter_context(written_whole(path)).write_bytes(content)

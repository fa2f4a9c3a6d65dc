"""On which platforms what is needed can be installed from wheels alone, by asking the package index.

    python -m benchmarks.platforms [--packages serving] [--packages training]

For each platform, version of Python and package with compiled parts, pip is asked for a wheel of it, as by `pip
download --platform ... --only-binary=:all: --no-deps`, but by `pip install --dry-run`, which need not fetch gigabytes.
Prints a table in Markdown: "yes", or what is missing. About ten minutes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from functools import cache
from typing import Annotated

import typer
from packaging.requirements import Requirement

from .page_process import CHECKOUT

# By name: pip's tags, newest first, and what markers in requirements ask for.
PLATFORMS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "Linux x86-64": (
        ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64"),
        {"sys_platform": "linux", "platform_machine": "x86_64"},
    ),
    "Linux ARM": (
        ("manylinux_2_31_aarch64", "manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"),
        {"sys_platform": "linux", "platform_machine": "aarch64"},
    ),
    "macOS, Apple's chips": (
        ("macosx_14_0_arm64", "macosx_12_0_arm64", "macosx_11_0_arm64", "macosx_11_0_universal2"),
        {"sys_platform": "darwin", "platform_machine": "arm64"},
    ),
    "macOS, Intel": (
        ("macosx_14_0_x86_64", "macosx_12_0_x86_64", "macosx_11_0_x86_64", "macosx_10_15_x86_64"),
        {"sys_platform": "darwin", "platform_machine": "x86_64"},
    ),
    "Windows x64": (("win_amd64",), {"sys_platform": "win32", "platform_machine": "AMD64"}),
    "Windows ARM": (("win_arm64",), {"sys_platform": "win32", "platform_machine": "ARM64"}),
}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# Packages of Python alone install wherever the others do.
COMPILED = {
    "serving": ("openvino", "h5py", "scipy", "numpy", "pillow", "pillow-heif", "opencv-python-headless", "pandas"),
    "training": ("tensorflow-cpu", "tensorflow", "scikit-learn", "matplotlib"),
}


def main(packages: Annotated[list[str] | None, typer.Option(help="serving or training; both without")] = None) -> None:
    """Prints a table for each."""
    for what in packages or COMPILED:
        print(f"\n| {what} | " + " | ".join(PYTHONS) + " |\n|" + " --- |" * (1 + len(PYTHONS)))
        for platform in PLATFORMS:
            cells = [", ".join(missing(what, platform, python)) for python in PYTHONS]
            print(
                f"| {platform} | " + " | ".join(f"no: {cell}" if cell else "yes" for cell in cells) + " |", flush=True
            )


def missing(what: str, platform: str, python: str) -> list[str]:
    """The packages that have no wheel there."""
    _, markers = PLATFORMS[platform]
    wanted = [one for one in requirements(what) if not one.marker or one.marker.evaluate(markers)]
    return [one.name for one in wanted if not has_wheel(f"{one.name}{one.specifier}", platform, python)]


def requirements(what: str) -> list[Requirement]:
    """Of pyproject.toml, those with compiled parts."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = project["dependencies"] if what == "serving" else project["optional-dependencies"]["train"]
    return [one for one in map(Requirement, lines) if one.name in COMPILED[what]]


@cache
def has_wheel(requirement: str, platform: str, python: str) -> bool:
    """Whether pip finds a wheel of the package for the platform."""
    tags = [word for tag in PLATFORMS[platform][0] for word in ("--platform", tag)]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "-q",
            "--disable-pip-version-check",
            "install",
            "--dry-run",
            "--no-deps",
        ]
        command += ["--only-binary=:all:", "--python-version", python, *tags, "--target", folder, requirement]
        return subprocess.run(command, capture_output=True).returncode == 0


if __name__ == "__main__":
    typer.run(main)

"""Puts model, notebooks and examples into wheels; everything else stands in pyproject.toml.

In a checkout these lie beside the package, where people look for them; an installed package carries them inside, in
maskedgender/shipped/. places.py knows both.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
SHIPPED = (
    "models/LICENSE",
    "models/README.md",
    "models/SHA256SUMS",
    "models/*.png",
    "models/masked_gender.keras",
    "notebooks/*.ipynb",
    "examples/*.csv",
    "examples/*.jpg",
    "examples/README.md",
    "shots/group.png",
)


class BuildWithShipped(build_py):
    """The usual build, and a copy of what ships beside the package."""

    def run(self) -> None:
        """Copy into the build folder; an editable install finds everything in the checkout."""
        super().run()
        inside = Path(self.build_lib) / "maskedgender" / "shipped"
        if self.editable_mode:
            return
        shutil.rmtree(inside, ignore_errors=True)  # what an earlier build left, and no longer ships
        for path in shipped():
            copy = inside / path.relative_to(HERE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def shipped() -> list[Path]:
    """The files that ship; each pattern must find some, so that no wheel is made without its model."""
    found = {pattern: [path for path in sorted(HERE.glob(pattern)) if path.is_file()] for pattern in SHIPPED}
    if missing := [pattern for pattern, paths in found.items() if not paths]:
        raise FileNotFoundError(f"Nothing to ship as {', '.join(missing)}: build from a whole checkout or archive.")
    return [path for paths in found.values() for path in paths]


if __name__ == "__main__":
    setup(cmdclass={"build_py": BuildWithShipped})

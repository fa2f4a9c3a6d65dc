"""With what Keras computes: OpenVINO where answers are all that is wanted, and TensorFlow, as ever, where it trains.

OpenVINO takes a .keras file as it is, starts in a third of TensorFlow's time, and has a quarter of its size.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

SERVING = "openvino"
TELEMETRY = "openvino_telemetry"  # by which OpenVINO tells its maker of each import; it imports without it as well
MODULES: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]  # None: it cannot be imported
# What Keras and OpenVINO import at once, where it is installed, and no answer needs: it would take two to five times as
# long as the rest of them. What stands in for each meanwhile: nothing, or where Keras requires it, an empty module.
UNUSED = {"scipy.signal": ModuleType("scipy.signal"), "openvino.tools": None}
UNUSED |= dict.fromkeys(("jax", "matplotlib", "pandas", "sklearn"))


def import_keras_to_serve() -> None:
    """Import Keras, to compute with OpenVINO where that is installed; KERAS_BACKEND, where it is set, is obeyed.

    A process has one backend for good: where Keras was imported before, as for training, nothing changes.

    Raises:
        ImportError: Keras, or what it is to compute with, is not installed.
    """
    if "keras" not in sys.modules and find_spec(SERVING):
        os.environ.setdefault("KERAS_BACKEND", SERVING)
    with _without(UNUSED if os.environ.get("KERAS_BACKEND") == SERVING else {}):
        import keras  # noqa: F401


def import_openvino() -> None:
    """Import OpenVINO alone, as `import_keras_to_serve` does with Keras; ImportError where it is not installed."""
    if SERVING in sys.modules:
        return
    with _without({"openvino.tools": None}):  # no more: another thread may want the others just now
        import openvino  # noqa: F401


@contextmanager
def _without(stand_ins: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """Meanwhile these modules seem not to be installed, or to be empty; whoever imports them later has them whole.

    TELEMETRY is left out for good.
    """
    MODULES.setdefault(TELEMETRY, None)
    absent = {name: stand_in for name, stand_in in stand_ins.items() if name not in sys.modules}
    MODULES.update(absent)
    try:
        yield
    finally:
        for name in absent:
            MODULES.pop(name, None)

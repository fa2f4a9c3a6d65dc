"""With what Keras computes: OpenVINO where answers are all that is wanted, and TensorFlow, as ever, where it trains.

OpenVINO takes a .keras file as it is, starts in a third of TensorFlow's time, and has a quarter of its size.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

SERVING = "openvino"
TELEMETRY = "openvino_telemetry"  # by which OpenVINO tells its maker of each import; it imports without it as well
# What Keras and OpenVINO import at once, where it is installed, and no answer needs: it would take two to five times as
# long as the rest of them.
UNUSED = ("jax", "matplotlib", "openvino.tools", "pandas", "sklearn")
UNUSED_BUT_REQUIRED = ("scipy.signal",)
MODULES: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]  # None: it cannot be imported


def import_keras_to_serve() -> None:
    """Import Keras, to compute with OpenVINO where that is installed; KERAS_BACKEND, where it is set, is obeyed.

    A process has one backend for good: where Keras was imported before, as for training, nothing changes.

    Raises:
        ImportError: Keras, or what it is to compute with, is not installed.
    """
    if "keras" not in sys.modules and find_spec(SERVING):
        os.environ.setdefault("KERAS_BACKEND", SERVING)
    if os.environ.get("KERAS_BACKEND") != SERVING:
        import keras

        return
    MODULES.setdefault(TELEMETRY, None)
    with _without(UNUSED, UNUSED_BUT_REQUIRED):
        import keras  # noqa: F401


def import_openvino() -> None:
    """Import OpenVINO alone, as `import_keras_to_serve` does with Keras; ImportError where it is not installed."""
    if SERVING in sys.modules:
        return
    MODULES.setdefault(TELEMETRY, None)
    with _without(["openvino.tools"]):  # no more: another thread may want the others just now
        import openvino  # noqa: F401


@contextmanager
def _without(absent_ones: Sequence[str], empty_ones: Sequence[str] = ()) -> Iterator[None]:
    """Meanwhile these modules seem not to be installed, or to be empty; whoever imports them later has them whole."""
    stand_ins: dict[str, ModuleType | None] = dict.fromkeys(absent_ones)
    stand_ins |= {name: ModuleType(name) for name in empty_ones}
    absent = [name for name in stand_ins if name not in sys.modules]
    MODULES.update({name: stand_ins[name] for name in absent})
    try:
        yield
    finally:
        for name in absent:
            MODULES.pop(name, None)

"""A .keras file that older Keras 3 opens, too: what a newer one has added and is not used is taken out of it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

OLDEST = "3.8.0"  # that opens what `export` writes: it is Kaggle's, and a test opens a file with it
# Settings that came after it, at the values with which they change nothing.
ADDED_SINCE: dict[str, object] = {
    "quantization_config": None,
    "input_axes": None,
    "output_axes": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}
_OPERATIONS = "keras.src.ops."  # of `keras.ops`, in a network: they took no name


def open_to_older_keras(path: Path) -> None:
    """Rewrite the configuration inside a .keras file; weights and answers stay the same."""
    with zipfile.ZipFile(path) as file:
        contents = {name: file.read(name) for name in file.namelist()}
    contents["config.json"] = json.dumps(_without_additions(json.loads(contents["config.json"]))).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in contents.items():
            file.writestr(name, content)


def _without_additions(config: Any) -> Any:
    if isinstance(config, list):
        return [_without_additions(part) for part in config]
    if not isinstance(config, dict):
        return config
    kept = {name: _without_additions(value) for name, value in config.items() if not _is_addition(name, value)}
    if str(kept.get("module", "")).startswith(_OPERATIONS):
        kept["config"].pop("name", None)
    return kept


def _is_addition(name: str, value: object) -> bool:
    return name in ADDED_SINCE and value == ADDED_SINCE[name]

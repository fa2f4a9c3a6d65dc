"""Write NAME=value words into the training notebook's cell of parameters; refuse what could only fail on Kaggle."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence

from ..data.layout import folder_names
from ..training.recipes import RECIPES

STARTS = (None, "imagenet", "nothing")
NUMBERS = ("IMAGE_SIZE", "EPOCHS", "BATCH_SIZE", "HOURS", "LIMIT")  # all above 0, or None


def with_parameters(notebook: str, parameters: Sequence[str]) -> str:
    """The notebook's JSON with NAME=value words written into its cell of parameters.

    A value is a Python literal such as 3 or None, or else a text.

    Raises:
        ValueError: a name that the cell does not assign, or a value with which the notebook could not train.
    """
    content = json.loads(notebook)
    cell = next(cell for cell in content["cells"] if "parameters" in cell["metadata"].get("tags", ()))
    code = "".join(cell["source"])
    names = re.findall(r"^(\w+) = ", code, re.MULTILINE)
    given: dict[str, object] = {}
    for name, equals, text in (word.partition("=") for word in parameters):
        if name not in names or not equals:
            raise ValueError(f"{name!r} is no parameter of the notebook: give NAME=value, of {', '.join(names)}.")
        given[name] = _value(text)
        assignment = f"{name} = {given[name]!r}".replace("\\", r"\\")  # in a replacement a backslash is special
        code = re.sub(rf"^{name} = .*?(?=  #|$)", assignment, code, flags=re.MULTILINE)
    _require_usable(given)
    cell["source"] = code
    return json.dumps(content)


def _value(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _require_usable(given: dict[str, object]) -> None:
    """Raise ValueError for a value with which the notebook would fail, but only after the wait for a machine there."""
    architecture, start = given.get("ARCHITECTURE", "masked"), given.get("START")
    if architecture not in RECIPES:
        raise ValueError(f"ARCHITECTURE is one of {', '.join(reversed(RECIPES))}, not {architecture}.")
    if start not in STARTS:
        raise ValueError(f"START is imagenet, nothing or None, not {start}: files of this machine are not on Kaggle.")
    if start == "imagenet" and architecture != "masked":
        raise ValueError(f"The network {architecture} cannot start from ImageNet's weights; masked can.")
    for name in NUMBERS:
        number = given.get(name)
        if number is not None and not (isinstance(number, int | float) and number > 0):
            raise ValueError(f"{name} is a number above 0, or None, not {number}.")
    classes = given.get("CLASSES")
    folder_names(None if classes is None else str(classes))

"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TRAINED = Path("trained")  # not models/: what ships is replaced on purpose only
Dataset = Annotated[
    Path | None,
    typer.Option(help="The dataset's folder. If not given, Kaggle's dataset is used, attached or downloaded."),
]
TestLog = Annotated[
    Path | None,
    typer.Option(help="The log of the evaluations on Validation. If not given, looks.csv beside the model file."),
]
Model = Annotated[
    Path, typer.Option(help="The model: a .keras, .h5, .onnx or .tflite file.", show_default="the shipped one")
]
Scale = Annotated[
    str | None, typer.Option(help="The range of the model's input, 0..255, 0..1 or -1..1, if its file does not say.")
]
Classes = Annotated[
    str | None,
    typer.Option(help='The order of the model\'s outputs, "female,male" or "male,female", if its file does not say.'),
]

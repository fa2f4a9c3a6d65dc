"""What the options of commands can be, and those that several take: `train` and `kaggle train` spell them alike."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

TRAINED = Path("trained")  # not models/: what ships is replaced on purpose only


class Architecture(str, Enum):  # noqa: UP042 (its str() is never used)
    """The CNNs of the package."""

    MASKED = "masked"
    SEED = "seed"


class View(str, Enum):  # noqa: UP042 (its str() is never used)
    """How much of a canonical crop a CNN looks at."""

    FACE = "face"
    PORTRAIT = "portrait"


class Format(str, Enum):  # noqa: UP042 (its str() is never used)
    """The formats of export.py."""

    ONNX = "onnx"
    LITERT = "litert"
    LITERT_INT8 = "litert-int8"
    SAVED_MODEL = "saved-model"


class Engine(str, Enum):  # noqa: UP042 (its str() is never used)
    """What shares out the photos of `predict`."""

    PROCESSES = "processes"
    RAY = "ray"


ArchitectureOption = Annotated[
    Architecture,
    typer.Option(help="The network: masked (EfficientNet-Lite0), or seed (the original)."),
]
ViewOption = Annotated[
    View | None,
    typer.Option(help="The part of the portrait that the network sees. If not given, the dataset decides."),
]
ImageSize = Annotated[
    int | None,
    typer.Option(min=32, help="The side of the network's input in pixels. If not given, the network decides."),
]
Epochs = Annotated[int, typer.Option(min=1, help="The number of epochs.")]
BatchSize = Annotated[int, typer.Option(min=1, help="The number of pictures in a batch.")]
Output = Annotated[Path, typer.Option(help="The folder for the .keras file and the state of the run.")]
Seed = Annotated[
    int, typer.Option(help="The seed of the split, the weights, the order of the images and their augmentation.")
]
Limit = Annotated[int | None, typer.Option(min=4, help="For a quick try: use at most this many pictures of each part.")]
Start = Annotated[
    str | None,
    typer.Option(
        help="What to start from: imagenet, nothing, or a .keras file, which is then trained further. If not given, "
        "ImageNet's weights are used where they are installed."
    ),
]
Frozen = Annotated[
    int,
    typer.Option(
        min=0, max=16, help="How many of the masked network's first blocks keep what ImageNet has taught them."
    ),
]
DatasetOption = Annotated[
    Path | None,
    typer.Option(
        help="The dataset's folder. If not given, Kaggle's dataset is used, attached or downloaded.", show_default=False
    ),
]
ModelOption = Annotated[
    Path, typer.Option(help="The model: a .keras, .h5, .onnx or .tflite file.", show_default="the shipped one")
]
ScaleOption = Annotated[
    str | None, typer.Option(help="The range of the model's input, 0..255, 0..1 or -1..1, if its file does not say.")
]
ClassesOption = Annotated[
    str | None,
    typer.Option(
        help='The order of the model\'s outputs, "female,male" or "male,female", if its file does not say.',
        show_default=False,
    ),
]
Labels = Annotated[
    list[Path] | None,
    typer.Option(
        help="A CSV file with the columns file and gender and, if known, age and race. May be repeated. Files "
        "named train/... go to Training, val/... to Validation; if no file is in a folder, a fifth goes to "
        'Validation. If not given, the CSV files with "label" in their names beside the portraits are used.'
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Resume a stopped run from the rows that it left. Photos that could not be read are tried again; "
        "ray keeps their rows.",
    ),
]
LooksOption = Annotated[
    Path | None,
    typer.Option(
        help="The file in which each evaluation on Validation is logged. If not given, looks.csv beside the model file."
    ),
]

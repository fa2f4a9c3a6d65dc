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
    SMALL = "small"
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
    typer.Option(help="The network: masked (EfficientNet-Lite0), small (a third of its size), or seed (the original)."),
]
ViewOption = Annotated[
    View | None,
    typer.Option(help="The part of the portrait that the network sees. If not given, the dataset decides."),
]
ImageSize = Annotated[
    int | None,
    typer.Option(
        min=32, help="The side of the network's input in pixels. If not given, the network or --start decides."
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="The number of epochs. If not given, the recipe decides. "
        "With 0, the file given to --start is only calibrated and exported again.",
    ),
]
BatchSize = Annotated[
    int | None, typer.Option(min=1, help="The number of images in a batch. If not given, the recipe decides.")
]
Output = Annotated[Path, typer.Option(help="The folder for the .keras file and the state of the run.")]
Seed = Annotated[
    int, typer.Option(help="The seed of the split, the weights, the order of the images and their augmentation.")
]
Limit = Annotated[int | None, typer.Option(min=4, help="Train on this many images only, for a quick try.")]
Start = Annotated[
    str | None,
    typer.Option(
        help="What to start from: imagenet, nothing, or a .keras file, which is then trained further, with more images "
        "of the people on whom it errs most. If not given, ImageNet's weights are used where they are installed."
    ),
]
Frozen = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=7,
        help="How many of the masked network's first stages stay frozen. "
        "If not given: 3 when it starts from ImageNet's weights, otherwise none.",
    ),
]
MeanWith = Annotated[
    Path | None,
    typer.Option(
        help="A second file: training begins from the mean of its weights and of those of --start. "
        "Give the file that --start was trained on from.",
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
FoldersOption = Annotated[
    str | None,
    typer.Option(
        "--classes",
        help="The names of the dataset's folders for female and male, such as Female,Male. Add those of Training and "
        "Validation if they differ, as in Female,Male,train,val.",
        show_default=False,
    ),
]

"""The names in a dataset folder: GenderOcclusionData/{Training,Validation}/{female,male}/*.jpg, and labels.csv."""

from __future__ import annotations

from collections.abc import Mapping

CLASSES = ("female", "male")  # alphabetical, as Keras and the original number them: female 0, male 1
TRAINING = "Training"
VALIDATION = "Validation"
FOLDER = "GenderOcclusionData"
KAGGLE_DATASET = "itsshuvra/gender-classified-dataset-with-masked-face"
LABELS_FILE = "labels.csv"
BARE = "none"  # the style of an image without a mask
NOT_DESCRIBED = "not known"
OWN_SOURCE = "own source"  # the column with a portrait's own name, where it goes by the first of its copies'
# The first folder in the name of a portrait's file, in the labels that make-dataset reads, and where its images go.
FOLDERS: Mapping[str, str] = {"train": TRAINING, "val": VALIDATION}
OURS: Mapping[str, str] = {name: name for name in (*CLASSES, TRAINING, VALIDATION)}


def folder_names(called: str | None) -> Mapping[str, str]:
    """What a dataset calls the folders that the keys of OURS name.

    Args:
        called: "Female,Male", the classes; or "Female,Male,train,val", Training and Validation, too; None for OURS.

    Raises:
        ValueError: it is neither, or names the classes the other way round, which would swap all labels.
    """
    if called is None:
        return OURS
    names = [name.strip() for name in called.split(",")]
    swapped = names[0].lower() == CLASSES[1] or (names[1:2] and names[1].lower() == CLASSES[0])
    if len(names) not in (2, 4) or not all(names) or len(set(names)) < len(names) or swapped:
        raise ValueError(
            f'"{called}" does not say what the folders are called: give --classes the one of {CLASSES[0]}, then that '
            f"of {CLASSES[1]}, such as Female,Male; then, where they have other names, those of {TRAINING} and "
            f"{VALIDATION}, such as Female,Male,train,val."
        )
    return {**OURS, **dict(zip(OURS, names, strict=False))}

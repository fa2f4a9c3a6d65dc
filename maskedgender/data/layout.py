"""The names in a dataset folder: GenderOcclusionData/{Training,Validation}/{female,male}/*.jpg, and labels.csv."""

from __future__ import annotations

from collections.abc import Mapping

TRAINING = "Training"
VALIDATION = "Validation"
FOLDER = "GenderOcclusionData"
LABELS_FILE = "labels.csv"
BARE = "none"  # the style of an image without a mask
# The first folder in the name of a portrait's file, in the labels that make-dataset reads, and where its images go.
FOLDERS: Mapping[str, str] = {"train": TRAINING, "val": VALIDATION}

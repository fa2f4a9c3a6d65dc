"""The names in a dataset folder: GenderOcclusionData/{Training,Validation}/{female,male}/*.jpg, and labels.csv."""

from __future__ import annotations

CLASSES = ("female", "male")  # alphabetical, as Keras and the original number them: female 0, male 1
TRAINING = "Training"
VALIDATION = "Validation"
FOLDER = "GenderOcclusionData"
KAGGLE_DATASET = "itsshuvra/gender-classified-dataset-with-masked-face"
LABELS_FILE = "labels.csv"
BARE = "none"  # the style of an image without a mask
NOT_DESCRIBED = "not known"
OWN_SOURCE = "own source"  # the column with a portrait's own name, where it goes by the first of its copies'

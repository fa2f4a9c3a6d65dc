"""Faults that once went unnoticed, each put into a copy of the package: the tests named here must see it.

A sample of all other faults is what `make mutants` tries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from .support.checkout import ROOT, copied, outcome_of

TESTS_FAILED = 1  # the exit status of pytest; others tell of tests that could not be run


@dataclass(frozen=True)
class Mutant:
    """A fault: in a file of the package the old text, which is there once, becomes the new one.

    Attributes:
        tests: that fail then, at least one of them, as FOLDER/FILE.py::NAME.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


IN_FORCE = "training/test_recipes_in_force.py"
PIPELINE = ("training/test_pipeline.py::test_what_is_exported_is_calibrated_on_the_images_that_choose",)
EACH_SIDE = ("data/test_dataset.py::test_each_side_has_a_portrait_of_each_class",)
SMALLER = ("images/test_reduced_decoding.py::test_smaller_is_the_mean_over_areas",)
LARGER = ("images/test_reduced_decoding.py::test_larger_goes_along_straight_lines",)
MUTANTS = (
    Mutant(
        "weight decay on biases",
        "training/fitting.py",
        'var_names=["bias", "beta", "gamma"]',
        'var_names=["beta", "gamma"]',
        (f"{IN_FORCE}::test_weights_decay_but_no_bias_and_no_normalisation",),
    ),
    Mutant(
        "weight decay on normalisation",
        "training/fitting.py",
        'var_names=["bias", "beta", "gamma"]',
        'var_names=["bias"]',
        (f"{IN_FORCE}::test_weights_decay_but_no_bias_and_no_normalisation",),
    ),
    Mutant(
        "no calibration",
        "training/pipeline.py",
        'if architecture != "seed" else',
        "if not architecture else",
        PIPELINE,
    ),
    Mutant(
        "calibration of what is not exported",
        "training/pipeline.py",
        "calibration = calibrate(answering, stream)",
        "calibration = calibrate(keras.models.clone_model(answering), stream)",
        PIPELINE,
    ),
    Mutant(
        "calibration on the fit split",
        "training/pipeline.py",
        "masked_ones(portraits.choose)",
        "masked_ones(portraits.fit)",
        PIPELINE,
    ),
    Mutant("a class of which none chooses", "data/split.py", "if not choosing.any():", "if False:", EACH_SIDE),
    Mutant("a class of which none is fitted", "data/split.py", "elif choosing.all():", "elif False:", EACH_SIDE),
    Mutant(
        "the optimizer's state not restored",
        "training/run_folder.py",
        "self.load(done, [*model.variables, *optimizer.variables])",
        "self.load(done, model.variables)",
        (f"{IN_FORCE}::test_the_optimizers_state_comes_back",),
    ),
    Mutant(
        "no augmentation",
        "training/fitting.py",
        '"augment": self.recipe.augment',
        '"augment": False',
        (f"{IN_FORCE}::test_what_is_fitted_is_augmented_as_the_recipe_says_and_what_chooses_never",),
    ),
    Mutant(
        "not sure at the threshold itself",
        "prediction/answers.py",
        "max(self.p_female, self.p_male) < self.not_sure_below",
        "max(self.p_female, self.p_male) <= self.not_sure_below",
        ("prediction/test_answers.py::test_at_the_threshold_itself_an_answer_is_given",),
    ),
    Mutant(
        "the smallest face",
        "data/make_dataset.py",
        "enlarged(picture, faces[0])",
        "enlarged(picture, faces[-1])",
        ("data/test_largest_face.py",),
    ),
    Mutant(
        "faces in another order",
        "faces/detector.py",
        "key=lambda face: -face.area",
        "key=lambda face: face.area",
        ("data/test_largest_face.py",),
    ),
    Mutant(
        "another filter for smaller portraits",
        "images/reduced_decoding.py",
        "cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR",
        "cv2.INTER_LINEAR",
        SMALLER,
    ),
    Mutant(
        "another filter for larger portraits",
        "images/reduced_decoding.py",
        "cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR",
        "cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST",
        LARGER,
    ),
    Mutant(
        "another filter for smaller crops",
        "faces/geometry.py",
        "cv2.INTER_AREA if smaller else cv2.INTER_LINEAR",
        "cv2.INTER_CUBIC",
        SMALLER,
    ),
    Mutant(
        "another filter for larger crops",
        "faces/geometry.py",
        "cv2.INTER_AREA if smaller else cv2.INTER_LINEAR",
        "cv2.INTER_AREA if smaller else cv2.INTER_CUBIC",
        LARGER,
    ),
    Mutant(
        "no time in reserve",
        "training/callbacks.py",
        "(1 + RESERVE) * ",
        "",
        (f"{IN_FORCE}::test_another_epoch_begins_only_with_time_in_reserve_for_what_comes_after",),
    ),
)
named = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


@named
def test_the_list_tells_of_this_package(mutant: Mutant) -> None:
    assert (ROOT / "maskedgender" / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert re.search(rf"^def {name}", (ROOT / "tests" / file).read_text(encoding="utf-8"), re.MULTILINE), test


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("copy"))


@pytest.mark.soak
@named
def test_a_fault_that_has_a_name_is_seen(mutant: Mutant, copy: Path) -> None:
    file = copy / "maskedgender" / mutant.file
    whole = file.read_text(encoding="utf-8")
    file.write_text(whole.replace(mutant.old, mutant.new), encoding="utf-8")
    try:
        result = outcome_of(copy, [f"tests/{test}" for test in mutant.tests])
    finally:
        file.write_text(whole, encoding="utf-8")
    assert result.returncode == TESTS_FAILED, f"{mutant.name}:\n{result.stdout}\n{result.stderr}"

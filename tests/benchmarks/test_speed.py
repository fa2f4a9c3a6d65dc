"""What the benchmark of speed counts and draws."""

from __future__ import annotations

import time

import keras
import numpy as np
from keras import layers

from benchmarks.speed import picture
from benchmarks.speed_ways import LEAST_RUNS, Watch, medians, multiply_adds


def test_the_medians_are_those_of_each_part():
    def work(watch: Watch) -> None:
        watch.of("long", lambda: time.sleep(0.02))
        watch.of("short", lambda: None)

    found = medians(work, 0.0)
    assert found["long"] >= 20 and found["short"] < found["long"]


def test_a_run_before_the_counted_ones_warms_up():
    runs: list[int] = []
    medians(lambda watch: watch.of("part", lambda: runs.append(1)), 0.0)
    assert len(runs) == 1 + LEAST_RUNS


def test_multiply_adds_are_those_counted_by_hand_and_a_network_with_two_looks_counts_twice():
    inputs = keras.Input((8, 8, 3), name="crops")
    inside = keras.Model(inputs, layers.Flatten()(layers.Conv2D(4, 3, padding="same")(inputs)))
    crops = keras.Input((8, 8, 3), name="crops")  # the names of both are alike in the shipped file, too
    seen = inside(layers.Concatenate(axis=0)([crops, layers.Rescaling(2.0)(crops)]))
    model = keras.Model(crops, layers.Dense(2)(layers.Dense(5)(seen)))
    assert multiply_adds(model) == 2 * (8 * 8 * 3 * 3 * 3 * 4) + 8 * 8 * 4 * 5 + 5 * 2


def test_the_picture_stacks_the_parts_of_each_photo():
    parts = {"decode": 5.0, "find": 40.0, "crop": 1.0, "classify": 9.0}
    ours = {"cases": {"one crop": {"classify": 9.0}, "64 crops": {"classify": 300.0}, "no face": parts}}
    measured = {"floor": {"decode, no face": 4.0}, "openvino": ours, "original": ours}
    results = {"by cores": {"1": measured}, "machine": {"CPU": "a processor"}, "date": "2026-11-26"}
    (axes,) = picture(results).axes
    assert axes.get_title(loc="left") == "no face" and "a processor" in axes.get_xlabel()
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
    assert np.isclose(max(ends), sum(parts.values())) and len(axes.patches) == 2 * len(parts)

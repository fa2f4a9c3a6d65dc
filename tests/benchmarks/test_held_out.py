"""Both runs that are compared learn from as many images, one a portrait, and the second sees neither style."""

from __future__ import annotations

import pandas as pd

from benchmarks.held_out import LEFT_OUT, one_a_portrait

IMAGES = pd.DataFrame(
    [
        *(("kn95", "only-kn95"), ("patterned", "only-left-out"), ("kn95", "only-left-out")),
        *(("surgical", f"both-{number}") for number in range(5)),
        *(("kn95", f"both-{number}") for number in range(5)),
    ],
    columns=["style", "source"],
)


def test_as_many_images_with_and_without_the_styles_one_a_portrait():
    seen, unseen = (one_a_portrait(IMAGES, without) for without in ((), LEFT_OUT))
    assert len(seen) == len(unseen) == 5
    assert seen["source"].is_unique and unseen["source"].is_unique
    assert set(unseen["style"]) == {"surgical"}
    assert set(seen["style"]) & set(LEFT_OUT)

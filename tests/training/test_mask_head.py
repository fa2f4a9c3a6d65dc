"""Is a mask worn? The second answer is learned from the styles, and is there only where the dataset tells them."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from maskedgender.data.layout import BARE, NOT_DESCRIBED, TRAINING
from maskedgender.data.listing import list_images
from maskedgender.data.stream import PortraitStream
from maskedgender.networks.answering import PLAIN, answering_cnn
from maskedgender.networks.small import small_cnn
from maskedgender.training.mask_head import mask_head

from ..support.synthetic import synthetic_dataset


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """A dataset whose men are said to wear masks: what can be seen in a picture can be learned."""
    folder = synthetic_dataset(tmp_path_factory.mktemp("dataset"), portraits=60)
    table = list_images(folder, TRAINING)
    return folder, table.assign(style=np.where(table["label"] == 1, "surgical", BARE))


def test_it_learns_what_the_styles_tell(images: tuple[Path, pd.DataFrame]) -> None:
    folder, table = images
    keras.utils.set_random_seed(0)
    trained = small_cnn(64)
    mask = mask_head(trained, folder, table[::2], table[1::2])
    assert mask is not None and mask[0].shape == (192, 1) and mask[1].shape == (1,)
    stream = PortraitStream(folder, table[1::2], (64, 64, 3), 16)
    _, worn = answering_cnn(trained, [PLAIN], mask).predict(stream, verbose=0)
    assert ((worn[:, 0] > 0.5) == (table["style"][1::2] != BARE)).mean() > 0.8


def test_it_learns_from_augmented_images_and_is_calibrated_on_plain_ones(
    images: tuple[Path, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, table = images
    read: list[tuple[int, bool]] = []

    def reading(dataset: Path, part: pd.DataFrame, *how: object, augment: bool) -> PortraitStream:
        read.append((len(part), augment))
        return PortraitStream(dataset, part, *how, augment=augment)

    monkeypatch.setattr("maskedgender.training.mask_head.PortraitStream", reading)
    fit, choose = table[::2], table[1::4]
    mask_head(small_cnn(64), folder, fit, choose)
    assert read == [(len(fit), True), (len(choose), False)]


@pytest.mark.parametrize("style", [BARE, "surgical", NOT_DESCRIBED])
def test_it_is_not_there_where_one_kind_is_not_known(images: tuple[Path, pd.DataFrame], style: str) -> None:
    folder, table = images
    assert mask_head(small_cnn(64), folder, table.assign(style=style), table) is None
    assert mask_head(small_cnn(64), folder, table, table.assign(style=style)) is None

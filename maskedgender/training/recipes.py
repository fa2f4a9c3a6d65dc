"""How each CNN is trained: epochs, learning rate, augmentation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How a CNN is trained.

    Attributes:
        epochs, batch_size: as everywhere.
        learning_rate: the highest one.
        cosine: warm up, then fall to zero along a cosine (Loshchilov and Hutter, "SGDR", 2016);
            otherwise the learning rate is constant.
        weight_decay: of AdamW, times the learning rate a step; None for plain Adam.
        augment: show another picture of each portrait in each epoch.
        warm_up: epochs, of the cosine's beginning; a fifth of the run at most.
        mild_epochs: so many of the last epochs are augmented half as much: what is learnt last is to be learnt from
            faces as they are met (He et al., "Data Augmentation Revisited", 2019).
        helper_weight: of the losses of further heads, age, race and mask worn, where the dataset describes them; 0 for
            none. They make the features better, and are not part of the model.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    cosine: bool
    weight_decay: float | None
    augment: bool
    helper_weight: float = 0.0
    warm_up: float = 1.0
    mild_epochs: int = 0


RECIPES = {
    # The original's: Adam with its defaults, batch 32, 30 epochs, the images as they are.
    "seed": Recipe(30, 32, 0.001, cosine=False, weight_decay=None, augment=False),
    "small": Recipe(30, 64, 0.002, cosine=True, weight_decay=0.05, augment=True, helper_weight=0.3),
    "masked": Recipe(
        8, 64, 0.001, cosine=True, weight_decay=0.05, augment=True, helper_weight=0.3, warm_up=0.25, mild_epochs=3
    ),
}

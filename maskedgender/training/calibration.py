"""Make a trained CNN's probabilities honest, and its answers as often right for women as for men."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from sklearn.linear_model import LogisticRegression

from ..data.stream import PortraitStream

LEAST_SLOPE = 0.01  # of the calibration: a model that knows less than this answers with the classes' frequencies


@dataclass(frozen=True)
class Calibration:
    """What `calibrate` found on the choosing split: new logits = logits / temperature, plus `shift` towards male.

    Attributes:
        images: how many it was found on.
        loss_before, loss_after: log loss on them, in nats.
        recall_before, recall_after: the share of women, and of men, whose likelier answer is the label, 0..1.
    """

    temperature: float
    shift: float
    images: int
    loss_before: float
    loss_after: float
    recall_before: tuple[float, float]
    recall_after: tuple[float, float]


def calibrate(model: keras.Model, choose: PortraitStream) -> Calibration:
    """Fold a temperature and an operating point into the last Dense: honest probabilities, and women as often right.

    The temperature comes from the logistic regression of the label on the difference of the logits (Platt,
    "Probabilistic outputs for support vector machines", 1999; Guo et al., "On Calibration of Modern Neural Networks",
    2017). The shift is the one at which women and men are recognised equally often (Hardt, Price and Srebro, "Equality
    of Opportunity in Supervised Learning", 2016).

    Args:
        model: of `masked_cnn`: a Dense called "logits", then a Softmax; changed in place.
        choose: the choosing split, neither shuffled nor augmented.

    Raises:
        ValueError: the stream is shuffled or augmented, or lacks a class.
    """
    if choose.shuffle or choose.augment:
        raise ValueError("Calibration needs the choosing split as it is, neither shuffled nor augmented.")
    probabilities = np.maximum(model.predict(choose, verbose=0).astype(np.float64), np.finfo(np.float32).tiny)
    margin = np.log(probabilities[:, 1] / probabilities[:, 0])
    regression = LogisticRegression(C=1000.0).fit(margin[:, None], choose.labels)
    slope = float(regression.coef_[0, 0])
    if slope < LEAST_SLOPE:  # it has learnt nothing, so the honest answer is how frequent the classes are
        slope, shift = LEAST_SLOPE, float(np.log(np.mean(choose.labels == 1) / np.mean(choose.labels == 0)))
    else:
        shift = _shift_of_equal_recall(slope * margin, choose.labels)
    fold_calibration(model, 1 / slope, shift)
    honest = slope * margin + shift
    losses = _log_loss(margin, choose.labels), _log_loss(honest, choose.labels)
    recalls = _recall(margin, choose.labels), _recall(honest, choose.labels)
    return Calibration(1 / slope, shift, len(margin), *losses, *recalls)


def fold_calibration(model: keras.Model, temperature: float, shift: float) -> None:
    """Make the "logits" Dense give logits / temperature, and `shift` more of male minus female; in place."""
    dense = model.get_layer("logits")
    kernel, bias = dense.get_weights()
    dense.set_weights([kernel / temperature, bias / temperature + np.array([-shift / 2, shift / 2], bias.dtype)])


def _log_loss(margin: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log p(label), where p(male) is the logistic function of the margin."""
    return float(np.mean(np.logaddexp(0, np.where(labels == 1, -margin, margin))))


def _recall(margin: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """The shares of women, and of men, on the right side of a margin of 0."""
    return float(np.mean(margin[labels == 0] < 0)), float(np.mean(margin[labels == 1] > 0))


def _shift_of_equal_recall(margin: np.ndarray, labels: np.ndarray) -> float:
    """What to add to the margins so that both recalls are the same, as nearly as so many images allow."""
    female, male = np.sort(margin[labels == 0]), np.sort(margin[labels == 1])
    borders = np.unique(margin)
    women_right = np.searchsorted(female, borders) / len(female)
    men_right = 1 - np.searchsorted(male, borders, side="right") / len(male)
    return -float(borders[np.abs(women_right - men_right).argmin()])

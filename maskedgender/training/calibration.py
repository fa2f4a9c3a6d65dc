"""Make a trained CNN's probabilities honest, where there are as many women as men."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
from scipy.stats import binomtest, norm
from sklearn.linear_model import LogisticRegression

from ..data.stream import PortraitStream
from ..networks.answering import LOGITS, trained_cnn
from ..networks.probabilities import gender_output

LEAST_RIGHT = 0.95  # of the answers: what is less probable than they are is "not sure"
LEAST_SLOPE = 0.01  # of the calibration: a model that knows less than this says one half
# To choose by: of fewer portraits, even if all answers are right, nobody can be sure that 95 % of such answers are. Of
# these the log loss comes within 0.02 to 0.05 of the best one, where 20 leave it far above what it was (simulated).
LEAST_PORTRAITS = math.ceil(norm.ppf(0.975) ** 2 * LEAST_RIGHT / (1 - LEAST_RIGHT))


@dataclass(frozen=True)
class Calibration:
    """What `calibrate` found on the choosing split: new logits = logits / temperature, plus `shift` towards male.

    Attributes:
        images: how many it was found on.
        loss_before, loss_after: log loss on them, in nats, women and men weighing the same.
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
    """Fold the slope and the intercept that fit the choosing split into the last Dense, in place.

    They are those of the logistic regression of the label on the difference of the logits (Platt, "Probabilistic
    outputs for support vector machines", 1999), women and men weighing the same however many there are. So the
    probabilities hold where there are as many women as men, and the border between the answers is 1/2. Where a share
    `m` of the people are men, the odds of male are those of the model times m / (1 - m).

    Args:
        model: as `answering_cnn` makes it, or a CNN of its own: a Dense called "logits", then a Softmax.
        choose: the choosing split, neither shuffled nor augmented.

    Raises:
        ValueError: the stream is shuffled or augmented, or lacks a class.
    """
    if choose.shuffle or choose.augment:
        raise ValueError("Calibration needs the choosing split as it is, neither shuffled nor augmented.")
    pairs = gender_output(model.predict(choose, verbose=0)).astype(np.float64)
    probabilities = np.maximum(pairs, np.finfo(np.float32).tiny)
    margin = np.log(probabilities[:, 1] / probabilities[:, 0])
    regression = LogisticRegression(C=1000.0, class_weight="balanced").fit(margin[:, None], choose.labels)
    slope, shift = float(regression.coef_[0, 0]), float(regression.intercept_[0])
    if slope < LEAST_SLOPE:  # it has learnt nothing, so the honest answer is that both are as likely
        slope, shift = LEAST_SLOPE, -LEAST_SLOPE * float(margin.mean())
    fold_calibration(model, 1 / slope, shift)
    honest = slope * margin + shift
    losses = _log_loss(margin, choose.labels), _log_loss(honest, choose.labels)
    recalls = _recall(margin, choose.labels), _recall(honest, choose.labels)
    return Calibration(1 / slope, shift, len(margin), *losses, *recalls)


def border_of_not_sure(model: keras.Model, choose: PortraitStream, sources: Sequence[str]) -> float | None:
    """The smallest probability, in steps of 0.01, whose answers to the choosing split are surely right often enough.

    Surely: the lower end of the 95 % interval (Wilson) of their share is at least LEAST_RIGHT; images of one portrait
    err together, so there are as many trials as portraits. None where no step passes, as where there are too few.

    Args:
        model: calibrated.
        choose: the choosing split, neither shuffled nor augmented.
        sources: the portrait of each of its images.
    """
    pairs = gender_output(model.predict(choose, verbose=0))
    right, sure = pairs.argmax(axis=1) == choose.labels, pairs.max(axis=1)
    for border in np.arange(50, 100) / 100:
        if _surely_right(right[sure >= border], np.asarray(sources)[sure >= border]):
            return float(border)
    return None


def _surely_right(right: np.ndarray, sources: np.ndarray) -> bool:
    """Whether the answers, bool (N,), are right as often as they must be, at the lower end of the interval."""
    if not len(right):
        return False
    portraits = len(np.unique(sources))
    return binomtest(round(right.mean() * portraits), portraits).proportion_ci(method="wilson").low >= LEAST_RIGHT


def fold_calibration(model: keras.Model, temperature: float, shift: float) -> None:
    """Make the "logits" Dense give logits / temperature, and `shift` more of male minus female; in place."""
    dense = trained_cnn(model).get_layer(LOGITS)
    kernel, bias = dense.get_weights()
    dense.set_weights([kernel / temperature, bias / temperature + np.array([-shift / 2, shift / 2], bias.dtype)])


def _log_loss(margin: np.ndarray, labels: np.ndarray) -> float:
    """Mean of -log p(label) of both classes alike, where p(male) is the logistic function of the margin."""
    losses = np.logaddexp(0, np.where(labels == 1, -margin, margin))
    return float(np.mean([losses[labels == label].mean() for label in (0, 1)]))


def _recall(margin: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """The shares of women, and of men, on the right side of a margin of 0."""
    return float(np.mean(margin[labels == 0] < 0)), float(np.mean(margin[labels == 1] > 0))

"""What the page answers to a photo's bytes, as JSON: numbers, and for its own scripts the HTML to show."""

from __future__ import annotations

import dataclasses
from typing import Any

from ..images.photos import PhotoError, read_photo_bytes
from ..networks.classifier import Classifier
from ..prediction.answers import error_row, face_rows
from ..prediction.attribution import heat_map, overlay
from .annotation import annotate
from .answer_html import NO_FACE_NOTICE, cards_html, data_url, picture_html, summary, verdict_html
from .one_photo import Answer, PhotoAnswers, answer_photo, picture_of

Told = dict[str, Any]


def answer(model: Classifier, name: str, content: bytes, show: str, style: str | None, whole: bool) -> Told:
    """The answer for a photo.

    Args:
        model: any model of `load_model`.
        name: what its owner calls it, perhaps with its folder.
        content: the file.
        show: "numbers", "live" for these, quickly, or "one" or "many" for what these tabs show, too.
        style: draw a mask of this style on each face, and answer again.
        whole: when no face is found, take the whole picture as one crop.

    Returns:
        `faces`, one entry each, largest first; instead of them `error`, a sentence, where the file cannot be read.
    """
    try:
        photo = read_photo_bytes(content, name)
    except PhotoError as error:
        rows = {"rows": [error_row(name, str(error))]} if show == "many" else {}
        return {"error": str(error), **rows}
    answers = answer_photo(model, photo, style, whole, quick=show == "live")
    told: Told = {"faces": _numbers(answers), "not_sure_below": model.not_sure_below}
    if show == "one":
        told |= _for_one(name, answers)
    if show == "many":
        told |= _for_many(name, answers)
    return told


def heat_of(model: Classifier, content: bytes) -> Told:
    """The heat map of a crop that this page has shown, sent back as the PNG that it was."""
    try:
        crop = picture_of(content, model.size)
    except ValueError as error:
        return {"error": str(error)}
    return {"picture": data_url(overlay(crop, heat_map(model.model, crop)), "PNG")}


def _for_one(name: str, answers: PhotoAnswers) -> Told:
    if not answers.as_it_is:
        return {"notice": NO_FACE_NOTICE}
    return {"verdict": verdict_html(answers), "picture": picture_html(answers), "cards": cards_html(name, answers)}


def _for_many(name: str, answers: PhotoAnswers) -> Told:
    faces = [one.prediction for one in answers.as_it_is]
    return {
        "rows": face_rows(name, faces, answers.left_out),
        "picture": data_url(annotate(answers.photo, faces), "JPEG"),
        "summary": summary(faces) if faces else "No face found.",
    }


def _numbers(answers: PhotoAnswers) -> list[Told]:
    """The answers for a program; `with_mask` is there where masks were asked for, None where none fits."""
    if not answers.style:
        return [_as_json(bare) for bare in answers.as_it_is]
    return [
        {**_as_json(bare), "with_mask": again and _as_json(again)}
        for bare, again in zip(answers.as_it_is, answers.with_mask, strict=True)
    ]


def _as_json(answer: Answer) -> Told:
    return {**dataclasses.asdict(answer.prediction), "answer": answer.prediction.answer}

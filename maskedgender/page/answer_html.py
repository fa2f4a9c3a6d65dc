"""The words of an answer, as HTML: what was found, a table of all faces, and a card for each; pictures lie within it.

Every picture is a data URL: no file of a face is left behind, and none can be fetched by anybody else.
"""

from __future__ import annotations

import base64
import csv
import html
import io
from collections.abc import Iterable
from pathlib import PurePath

import numpy as np
from PIL import Image

from ..faces.finding import reading_order
from ..prediction.answers import COLUMNS, NOT_SURE, Prediction, face_rows, left_out_words, per_cent
from .annotation import annotate
from .one_photo import Answer, PhotoAnswers
from .style import COLOURS, css_colour

NO_FACE_NOTICE = (
    "<strong>No face found in this photo.</strong> Try one in which a face is larger, sharper or seen from the front."
)
NOT_CALIBRATED = "The model is not calibrated: read its percentages as scores, not as how often it is right."
NO_MASK = (
    "No mask is drawn here: the face already wears one, or a drawn one would miss the nose and mouth or cover an eye."
)
NUMBERED = "Numbered from the largest face to the smallest."
TOO_CLOSE = 0.65  # a likelier label under this is nobody's guess; from here on the face leans to it
HEAT_CAPTION = (
    "Orange areas support “{likelier}”, blue areas speak against it. Each area was hidden in turn, and the model was "
    "asked again."
)


def picture_html(answers: PhotoAnswers) -> str:
    """The photo with its faces marked; where a mask was drawn, with the answer given for it."""
    shown = answers.with_mask or answers.as_it_is
    faces = [(again or bare).prediction for again, bare in zip(shown, answers.as_it_is, strict=True)]
    masks = f", with masks drawn on ({style_name(answers.style)})" if answers.style else ""
    source = data_url(annotate(answers.photo, faces), "JPEG")
    image = f'<img src="{source}" alt="Your photo with its faces marked{masks}. {summary(faces)}">'
    return f'{image}<p class="why">{NUMBERED}</p>' if len(faces) > 1 else image


def verdict_html(answers: PhotoAnswers) -> str:
    """What was found, in one line, and what masks do to it."""
    faces = [answer.prediction for answer in answers.as_it_is]
    scores = "" if all(face.calibrated for face in faces) else f'<p class="why">{NOT_CALIBRATED}</p>'
    more = f'<p class="why">{left_out_words(answers.left_out)}.</p>' if answers.left_out else ""
    return f'<h2 class="summary">{summary(faces)}</h2>{more}{scores}{_about_masks(answers)}'


def cards_html(name: str, answers: PhotoAnswers) -> str:
    """All that is said about each face of a photo with at least one answer.

    Args:
        name: the photo's file name; it names the files that are saved.
        answers: the answers.
    """
    faces = [answer.prediction for answer in answers.as_it_is]
    with_mask = answers.with_mask or [None] * len(faces)
    cards = [
        _card(number, *versions, answers.style)
        for number, versions in enumerate(zip(answers.as_it_is, with_mask, strict=True), 1)
    ]
    table = _table(faces) if len(faces) > 1 else ""
    return f'<ol class="faces">{"".join(cards)}</ol>{table}{_save_buttons(name, answers)}'


def summary(predictions: list[Prediction]) -> str:
    """Such as "3 faces: 2 female, 1 not sure."."""
    counts = [(sum(prediction.answer == answer for prediction in predictions), answer) for answer in COLOURS]
    said = ", ".join(f"{count} {answer}" for count, answer in counts if count)
    if len(predictions) == 1:
        found = "No face found; the whole picture" if predictions[0].whole_picture else "1 face"
        return f"{found}: {predictions[0].answer}{_leaning(predictions[0])}."
    return f"{len(predictions)} faces: {said}."


def csv_link(rows: Iterable[dict[str, object]], name: str, words: str) -> str:
    """A link with these words that saves rows under COLUMNS as a CSV file, which lies in the page itself."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    content = base64.b64encode(text.getvalue().encode()).decode()
    href = f"data:text/csv;charset=utf-8;base64,{content}"
    return f'<a class="save-csv" href="{href}" download="{html.escape(name)}">{words}</a>'


def data_url(picture: np.ndarray, kind: str) -> str:
    """A picture, uint8 (height, width, 3), inside the page itself: as PNG, to the bit, or as JPEG, small."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, kind, quality=90)
    return f"data:image/{kind.lower()};base64," + base64.b64encode(file.getvalue()).decode()


def html_table(caption: str, header: Iterable[str], rows: str) -> str:
    """A table of rows that are HTML already; where it is too wide, it scrolls by mouse or keyboard."""
    head = "".join(f'<th scope="col">{name}</th>' for name in header)
    return (
        f'<div class="table" tabindex="0"><table><caption>{caption}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def style_name(style: str) -> str:
    """A mask's style as a person would write it."""
    return style.upper() if style[-1].isdigit() else style


def _about_masks(answers: PhotoAnswers) -> str:
    """On how many faces a mask was drawn, if it was asked for, and what it does to the answers."""
    if not answers.style:
        return ""
    pairs = [(bare, again) for bare, again in zip(answers.as_it_is, answers.with_mask, strict=True) if again]
    if not pairs:
        return f'<p class="why">{NO_MASK}</p>'
    return (
        f'<p class="why">With a mask ({style_name(answers.style)}) drawn on {len(pairs)} of {len(answers.as_it_is)}, '
        f"{_changes([(bare.prediction, again.prediction) for bare, again in pairs])}. {_about_worn(answers)}</p>"
    )


def _changes(pairs: list[tuple[Prediction, Prediction]]) -> str:
    """Such as "no answer changes; 1 face leans the other way", of the same faces bare and masked."""
    changed = sum(bare.answer != again.answer for bare, again in pairs)
    told = f"{changed or 'no'} {'answer changes' if changed <= 1 else 'answers change'}"
    leaning = [(_leaning(bare), _leaning(again)) for bare, again in pairs]
    turned = sum(bool(bare and again) and bare != again for bare, again in leaning)
    return f"{told}; {turned} {'face leans' if turned == 1 else 'faces lean'} the other way" if turned else told


def _about_worn(answers: PhotoAnswers) -> str:
    if any(answer.prediction.p_mask is None for answer in answers.as_it_is):
        return "This model cannot tell whether a face already wears a mask, so one may be drawn over another."
    return "Faces that already wear a mask are left as they are."


def _save_buttons(name: str, answers: PhotoAnswers) -> str:
    """The answers as CSV, a row a face as it is, and the picture as it is shown."""
    stem, faces = PurePath(name).stem, [answer.prediction for answer in answers.as_it_is]
    words = "Save the answers without drawn masks (CSV)" if answers.style else "Save the answers (CSV)"
    link = csv_link(face_rows(name, faces, answers.left_out), f"{stem}-answers.csv", words)
    saved = html.escape(f"{stem}-answers.png")
    button = f'<button type="button" class="save-picture" data-name="{saved}">Save the picture (PNG)</button>'
    return f'<div class="save">{link}{button}</div>'


def _table(faces: list[Prediction]) -> str:
    """All faces in reading order, a row each, under their numbers in the picture."""
    rows = "".join(_table_row(index + 1, faces[index]) for index in reading_order([face.box for face in faces]))
    caption = f"All faces as they are, in reading order. {NUMBERED}"
    return html_table(caption, ("Face", "Answer", "Female", "Male"), rows)


def _table_row(number: int, face: Prediction) -> str:
    shares = "".join(f"<td>{_per_cent(p, face.not_sure_below)}</td>" for p in (face.p_female, face.p_male))
    return f'<tr data-face="{number}"><th scope="row">{number}</th><td>{face.answer}</td>{shares}</tr>'


def _card(number: int, bare: Answer, again: Answer | None, style: str | None) -> str:
    """One face: its answer as it is and, where it was asked for, with a mask beside it."""
    answer = bare.prediction.answer
    name = "Whole picture" if bare.prediction.whole_picture else f"Face {number}"
    versions = [_version(name, bare, "As it is" if again else "")]
    if again and style:
        versions.append(_version(name, again, f"With a mask ({style_name(style)})"))
    left_out = f'<p class="why">{NO_MASK}</p>' if style and not again else ""
    body = f'<div class="versions {"two" if again else "one"}">{"".join(versions)}</div>{left_out}'
    title = f"<h3>{name}: {answer}{_leaning(bare.prediction)}</h3>"
    return f'<li class="face" data-answer="{answer}" style="--answer:{css_colour(answer)}">{title}{body}</li>'


def _version(name: str, answer: Answer, title: str) -> str:
    """A face's crop, a bar for each of the two labels, and what the model looked at, on demand."""
    prediction = answer.prediction
    said = f"<h4>{title}: {prediction.answer}</h4>" if title else ""
    border = prediction.not_sure_below
    bars = _bar("female", prediction.p_female, border) + _bar("male", prediction.p_male, border)
    why = ""
    if border is not None and prediction.answer == NOT_SURE:
        why = f'<p class="why">{_why_not_sure(prediction, border)}</p>'
    if prediction.p_mask is not None:
        why += f'<p class="why">Wears a mask: {_per_cent(prediction.p_mask)}</p>'
    if answer.crop is None:
        return f'<div class="version"><div class="said">{said}{bars}{why}</div></div>'
    named = f"{name}, {title[:1].lower()}{title[1:]}" if title else name
    crop = f'<img src="{data_url(answer.crop, "PNG")}" alt="{named}, as the model sees it">'
    return f'<div class="version">{crop}<div class="said">{said}{bars}{why}{_heat(named, prediction)}</div></div>'


def _why_not_sure(prediction: Prediction, border: float) -> str:
    p = max(prediction.p_female, prediction.p_male)
    close = f"Leans to “{_likelier(prediction)}”" if _leaning(prediction) else "Too close to call"
    return (
        f"{close}: {_per_cent(p, border)} is below the {_per_cent(border)} that an answer needs (the mark in the bar)."
    )


def _leaning(prediction: Prediction) -> str:
    """Such as ", leans to female", of a face that is not sure and yet far from even."""
    if prediction.answer != NOT_SURE or max(prediction.p_female, prediction.p_male) < TOO_CLOSE:
        return ""
    return f", leans to {_likelier(prediction)}"


def _per_cent(p: float, not_sure_below: float | None = None) -> str:
    return html.escape(per_cent(p, not_sure_below))


def _likelier(prediction: Prediction) -> str:
    return "female" if prediction.p_female > prediction.p_male else "male"


def _heat(named: str, prediction: Prediction) -> str:
    """A button, and the place in which it shows the heat map, made when it is pressed."""
    button = (
        f'<button type="button" class="look" aria-expanded="false" aria-label="What did it look at? {named}">'
        "What did it look at?</button>"
    )
    caption = f"<figcaption>{HEAT_CAPTION.format(likelier=_likelier(prediction))}</figcaption>"
    return f'{button}<figure class="heat" hidden><img src="" alt="{named}: heat map over the face">{caption}</figure>'


def _bar(label: str, p: float, border: float | None) -> str:
    """A labelled bar, with a mark where answers begin; `aria-valuenow` carries the probability in per cent."""
    meter = f'role="meter" aria-label="{label}" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{100 * p:.4f}"'
    fill = f'<div class="fill" style="width:{p:.2%};background:{css_colour(label)}"></div>'
    track = f'class="track" {meter}'
    if border is not None:
        track = f'class="track has-border" style="--not-sure-below:{border:.2%}" {meter}'
    return f'<div class="bar"><span>{label}</span><div {track}>{fill}</div><b>{_per_cent(p, border)}</b></div>'

"""The words of an answer, the same everywhere, and their HTML: the headline, and a card for each face.

Pictures of faces lie within the HTML as data URLs: none of them is a file.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

from ..prediction.answers import NOT_SURE, Prediction, left_out_words, per_cent
from .gradio_import import data_url
from .one_photo import Answer, PhotoAnswers, wears_mask
from .style import COLOURS, css_colour

NO_FACE_NOTICE = (
    "<strong>No face found in this photo.</strong> Try one in which a face is larger, sharper or seen from the front."
)
NOT_CALIBRATED = "The model is not calibrated: read its percentages as scores, not as how often it is right."
NO_MASK = "No mask is drawn here: the face already wears one, or one would miss the nose and mouth or cover an eye."
CANNOT_TELL = "This model cannot tell who already wears a mask, so that one may be drawn over another."
NUMBERED = "Numbered from the largest face to the smallest."
TOO_CLOSE = 0.65  # a likelier label under this is nobody's guess; from here on the face leans to it
Heats = Mapping[int, Sequence[str] | None]  # data URLs by a face's number; None while they are being made


def answer_words(face: Prediction) -> str:
    """An answer as people read it, everywhere the same: such as "female" or "not sure, leans to male"."""
    leans = face.answer == NOT_SURE and max(face.p_female, face.p_male) >= TOO_CLOSE and not face.whole_picture
    return f"{face.answer}, leans to {likelier(face)}" if leans else face.answer


def headline(faces: Sequence[Prediction], shown: Sequence[Prediction] = (), style: str = "") -> str:
    """What was found, in one sentence, such as "1 face: male, and not sure with a surgical mask.".

    `shown` are the same faces with masks of a style drawn on them, where that was asked for.
    """
    style = style_name(style)
    if not faces:
        return "No face found."
    if faces[0].whole_picture:
        return f"No face was seen; this is a guess: {answer_words(faces[0])}."
    if len(faces) > 1:
        worn = sum(map(wears_mask, faces))
        masks = f"; {worn} {'wears' if worn == 1 else 'wear'} a mask" if worn else ""
        said = f"{len(faces)} faces: {counts([face.answer for face in faces])}{masks}."
        drawn = f" With {style} masks: {counts([face.answer for face in shown])}." if style else ""
        return said + drawn
    bare = answer_words(faces[0])
    if not style or shown[0] is faces[0]:
        return f"1 face: {bare}{', wearing a mask' if wears_mask(faces[0]) else ''}."
    again, mask = answer_words(shown[0]), f"{'an' if style in ('N95', 'FFP2') else 'a'} {style} mask"
    return f"1 face: {bare}, with or without {mask}." if again == bare else f"1 face: {bare}, and {again} with {mask}."


def verdict_html(answers: PhotoAnswers) -> str:
    """The headline, and what else there is to say of all faces together."""
    notes = []
    if answers.left_out:
        notes.append(f"{left_out_words(answers.left_out)}.")
    if len(answers.bare) > 1:
        notes.append(NUMBERED)
    if not all(face.calibrated for face in answers.bare):
        notes.append(NOT_CALIBRATED)
    if answers.style and not any(answers.masked):
        notes.append(NO_MASK)
    elif answers.style and answers.bare[0].p_mask is None:
        notes.append(CANNOT_TELL)
    said = f'<h2 class="summary">{headline(answers.bare, answers.shown, answers.style)}</h2>'
    return said + (f'<p class="why">{" ".join(notes)}</p>' if notes else "")


def cards_html(answers: PhotoAnswers, heats: Heats | None = None) -> str:
    """A card for each face of a photo, with the heat maps that were asked for: its own, and that with a mask."""
    cards = "".join(
        _card(number, bare, masked, answers.style, heats or {})
        for number, (bare, masked) in enumerate(zip(answers.bare, answers.masked, strict=True), 1)
    )
    return f'<ol class="faces">{cards}</ol>'


def counts(answers: Sequence[str]) -> str:
    """Such as "2 female, 1 not sure"."""
    return ", ".join(f"{answers.count(answer)} {answer}" for answer in COLOURS if answer in answers)


def likelier(face: Prediction) -> str:
    """The likelier of the two labels, whatever the answer is."""
    return "female" if face.p_female > face.p_male else "male"


def style_name(style: str) -> str:
    """A mask's style as a person would write it."""
    return style.upper() if style[-1:].isdigit() else style


def _card(number: int, bare: Answer, masked: Answer | None, style: str, heats: Heats) -> str:
    """One face: its answer as it is and, where it was asked for, with a mask beside it."""
    name = "Whole picture" if bare.whole_picture else f"Face {number}"
    made = heats.get(number) or ()
    versions = _version(name, bare, "As it is" if masked else "", made[:1])
    if masked:
        versions += _version(name, masked, f"With a mask ({style_name(style)})", made[1:])
    body = f'<div class="versions {"two" if masked else "one"}">{versions}</div>'
    if style and not masked:
        body += f'<p class="why">{NO_MASK}</p>'
    if bare.crop is not None:
        body += _heat_button(number, heats)
    title = f"<h3>{name}: {answer_words(bare)}</h3>"
    return f'<li class="face" style="--answer:{css_colour(bare.answer)}">{title}{body}</li>'


def _version(name: str, face: Answer, title: str, heat: Sequence[str]) -> str:
    """A face's crop, a bar for each of the two labels, and what the model looked at if that was asked for."""
    bars = _bar("female", face.p_female, face.not_sure_below) + _bar("male", face.p_male, face.not_sure_below)
    notes = ""
    if face.not_sure_below is not None and face.answer == NOT_SURE:
        p, needed = per_cent(max(face.p_female, face.p_male), face.not_sure_below), per_cent(face.not_sure_below)
        notes = f'<p class="why">{p} is below the {needed} that an answer needs (the mark in the bar).</p>'
    if face.p_mask is not None and not face.whole_picture:
        notes += f'<p class="why">Wears a mask: {"yes" if wears_mask(face) else "no"}</p>'
    said = f"{f'<h4>{title}: {answer_words(face)}</h4>' if title else ''}{bars}{notes}"
    if face.crop is None:
        return f'<div class="version"><div class="said">{said}</div></div>'
    named = f"{name}, {title[:1].lower()}{title[1:]}" if title else name
    crop = f'<img src="{data_url(face.crop)}" alt="{named}, as the model sees it">'
    looked_at = "".join(
        f'<figure class="heat"><img src="{url}" alt="{named}: heat map over the face">'
        f"<figcaption>Orange areas support “{likelier(face)}”, blue areas speak against it. "
        "Each area was hidden in turn, and the model was asked again.</figcaption></figure>"
        for url in heat
    )
    return f'<div class="version">{crop}<div class="said">{said}</div>{looked_at}</div>'


def _heat_button(number: int, heats: Heats) -> str:
    """The button that asks for a face's heat map, says that it is being made, and takes it away again."""
    is_open, works = bool(heats.get(number)), number in heats and heats[number] is None
    words = "Looking again, 100 times ..." if works else "Hide what it looked at" if is_open else "What did it look at?"
    state = f'aria-expanded="{str(is_open).lower()}" aria-busy="{str(works).lower()}"'
    named = f'value="{number}" aria-label="{words} Face {number}"'
    return f'<button type="button" class="look" {named} {state}>{words}</button>'


def _bar(label: str, p: float, border: float | None) -> str:
    """A labelled bar, with a mark where answers begin; `aria-valuenow` carries the probability in per cent."""
    meter = f'role="meter" aria-label="{label}" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{100 * p:.4f}"'
    fill = f'<div class="fill" style="width:{p:.2%};background:{css_colour(label)}"></div>'
    track = f'class="track" {meter}'
    if border is not None:
        track = f'class="track has-border" style="--not-sure-below:{border:.2%}" {meter}'
    return (
        f'<div class="bar"><span>{label}</span><div {track}>{fill}</div><b>{html.escape(per_cent(p, border))}</b></div>'
    )

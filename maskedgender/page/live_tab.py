"""The tab for a camera: each of its pictures is answered and shown with its boxes; none of them is ever a file.

Faces are followed from one picture to the next, so that their answers and boxes do not flicker.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..faces.detector import overlap
from ..networks.classifier import Classifier
from ..prediction.answers import Prediction
from .annotation import annotate
from .answer_html import headline
from .gradio_import import gr
from .one_photo import answer_photo
from .one_photo_tab import PRIVATE
from .uploads import Camera, Given

SIDE = 640  # pixels of a camera's picture: a face within arm's reach is large in it
NOT_YET = '<p class="hint">Start the camera below; browsers allow it on pages over HTTPS or on localhost.</p>'
SECONDS = 1.0  # over which a face's answer is averaged
SAME_FACE = 0.4  # of the smaller of two boxes lies in the other, where they are of the same face in two pictures
Track = list[tuple[float, Prediction]]  # when a face was seen, and how


class LiveTab:
    """Its components, and what they do."""

    def __init__(self, model: Classifier, tabs: gr.Tabs, name: str) -> None:
        """Lay the tab out, inside the gr.Tab of this name among these."""
        self.model = model
        said = gr.HTML(NOT_YET, elem_id="now")
        size = {"width": {"ideal": SIDE}}
        camera = Camera(
            sources=["webcam"], streaming=True, label="Camera", show_label=False, height=540, buttons=[],
            webcam_options=gr.WebcamOptions(mirror=False, constraints={"video": size}), elem_id="camera",
        )  # fmt: skip
        tracks = gr.State([], time_to_live=60)
        camera.stream(
            self.answer, [camera, tracks], [camera, said, tracks], stream_every=0.05, time_limit=600,
            concurrency_id="live", concurrency_limit=4, show_progress="hidden", **PRIVATE,
        )  # fmt: skip

        def camera_only_where_it_is_seen(event: gr.SelectData) -> Any:
            return gr.Image(None, visible=event.value == name)  # gone from the page, it lets go of the camera

        tabs.select(camera_only_where_it_is_seen, None, camera, queue=False, show_progress="hidden", **PRIVATE)

    def answer(self, given: Given | None, tracks: list[Track]) -> tuple[np.ndarray | None, Any, list[Track]]:
        """A camera's picture with its boxes, the words for it, and the faces that are followed."""
        if given is None or given.pixels is None:
            return None, gr.skip(), tracks
        found = answer_photo(self.model, given.pixels, quick=True).bare
        tracks, faces = followed(tracks, found, time.monotonic())
        told = headline(faces) if faces else "No face in view."
        return annotate(given.pixels, faces), f'<h2 class="summary" role="status">{told}</h2>', tracks


def followed(tracks: list[Track], faces: Sequence[Prediction], now: float) -> tuple[list[Track], list[Prediction]]:
    """The tracks with the faces of a picture of `now`, in seconds, and these, each with its track's mean answer."""
    tracks = [recent for track in tracks if (recent := [seen for seen in track if now - seen[0] < SECONDS])]
    free, smooth = list(tracks), []
    for face in faces:
        track = max(free, key=lambda one: overlap(one[-1][1].box, face.box), default=[])
        if track and overlap(track[-1][1].box, face.box) > SAME_FACE:
            free = [other for other in free if other is not track]
        else:
            tracks.append(track := [])
        track.append((now, face))
        p_female = sum(seen.p_female for _, seen in track) / len(track)
        sides = zip(*(seen.box for _, seen in track[-3:]), strict=True)
        left, top, width, height = (sum(side) / len(side) for side in sides)
        box = left, top, width, height
        smooth.append(dataclasses.replace(face, box=box, p_female=p_female, p_male=1 - p_female))
    return tracks, smooth

"""The tab for a camera: each of its pictures is answered and shown with its boxes; none of them is ever a file."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ..networks.classifier import Classifier
from .annotation import annotate
from .answer_html import headline
from .follow import followed
from .gradio_import import gr
from .one_photo import answer_photo
from .one_photo_tab import PRIVATE
from .uploads import Camera, Given

SIDE = 640  # pixels of a camera's picture: a face within arm's reach is large in it
NOT_YET = '<p class="hint">Start the camera below; browsers allow it on pages over HTTPS or on localhost.</p>'


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
        state = gr.State({"tracks": [], "told": ""}, time_to_live=60)
        camera.stream(
            self.answer, [camera, state], [camera, said, state], stream_every=0.05, time_limit=600,
            concurrency_id="live", concurrency_limit=4, show_progress="hidden", **PRIVATE,
        )  # fmt: skip

        def camera_only_where_it_is_seen(event: gr.SelectData) -> Any:
            return gr.Image(None, visible=event.value == name)  # gone from the page, it lets go of the camera

        tabs.select(camera_only_where_it_is_seen, None, camera, queue=False, show_progress="hidden", **PRIVATE)

    def answer(self, given: Given | None, state: dict[str, Any]) -> tuple[np.ndarray | None, Any, dict[str, Any]]:
        """A camera's picture with its boxes, the words where they have changed, and what is known of its faces."""
        if given is None or given.pixels is None:
            return None, gr.skip(), state
        found = answer_photo(self.model, given.pixels, quick=True).bare
        tracks, faces = followed(state["tracks"], found, time.monotonic())
        told = headline(faces) if faces else "No face in view."
        said = gr.skip() if told == state["told"] else f'<h2 class="summary" role="status">{told}</h2>'
        return annotate(given.pixels, faces), said, {"tracks": tracks, "told": told}

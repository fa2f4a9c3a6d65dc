"""What programs may ask: the named endpoint "answer" of the page, and two plain routes beside it.

Client("http://127.0.0.1:7860").predict(handle_file("photo.jpg"), api_name="/answer")
curl --data-binary @photo.jpg http://127.0.0.1:7860/answer
"""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from ..images.photos import MAX_MEGABYTES
from ..masks.drawing import STYLES
from ..networks.classifier import Classifier
from .gradio_import import gr
from .one_photo import Answer, answer_photo
from .uploads import Given, Photo, decoded

MOST_BYTES, MOST_WAITING = MAX_MEGABYTES * 1024**2, 16


def answered(model: Classifier, photo: Given | None, mask: str = "", whole_picture: bool = False) -> dict[str, Any]:
    """The faces of a photo, largest first, or `error`, a sentence, where it cannot be read.

    With a `mask` of `STYLES`, one is drawn on each bare face, too; `with_mask` is what is answered then.
    """
    if photo is None or photo.pixels is None:
        return {"error": photo.error if photo else "Give a photo."}
    answers = answer_photo(model, photo.pixels, mask if mask in STYLES else "", whole_picture)
    faces = [_as_json(face) for face in answers.bare]
    if answers.style:
        for face, masked in zip(faces, answers.masked, strict=True):
            face["with_mask"] = masked and _as_json(masked)
    return {"faces": faces, "not_sure_below": model.not_sure_below}


def add_endpoint(model: Classifier) -> None:
    """The endpoint, inside a gr.Blocks; nothing of it is seen on the page."""
    with gr.Column(visible=False):
        photo, told = Photo(label="photo"), gr.JSON(label="faces")
        mask = gr.Radio(["", *STYLES], value="", label="mask")
        whole = gr.Checkbox(False, label="whole_picture")
        gr.Button().click(
            partial(answered, model), [photo, mask, whole], told, concurrency_id="one", concurrency_limit=4,
            api_name="answer", api_description="The faces of a photo, or a sentence under `error`.",
        )  # fmt: skip


def routes(model: Classifier) -> list[Route]:
    """POST /answer, with a photo's bytes, and GET /health."""
    waiting = 0  # photos, from before they arrive until they are answered

    async def answer(request: Request) -> JSONResponse:
        nonlocal waiting
        if not _may_ask(request):
            return JSONResponse({"error": "Log in first."}, 401)
        if request.headers.get("content-type", "").startswith("multipart/"):
            return JSONResponse({"error": "Send the photo's bytes alone: curl --data-binary @photo.jpg"}, 415)
        if waiting >= MOST_WAITING:
            return JSONResponse({"error": "Too many photos are waiting just now; try again in a minute."}, 503)
        waiting += 1
        try:
            content = bytearray()
            async for part in request.stream():
                content += part
                if len(content) > MOST_BYTES:
                    return JSONResponse({"error": f"A photo has at most {MAX_MEGABYTES} MB; save it smaller."}, 413)
            photo = await run_in_threadpool(decoded, "The photo", bytes(content))
            asked = request.query_params
            how = asked.get("mask", ""), asked.get("whole_picture", "") in ("1", "true")
            return JSONResponse(await run_in_threadpool(answered, model, photo, *how))
        except ClientDisconnect:
            return JSONResponse({"error": "The photo did not arrive whole."}, 400)
        finally:
            waiting -= 1

    async def health(request: Request) -> JSONResponse:
        return JSONResponse({"waiting": waiting})

    return [Route("/answer", answer, methods=["POST"]), Route("/health", health)]


def _may_ask(request: Request) -> bool:
    """Whether a login is not asked for, or was passed; Gradio knows who has."""
    app = request.app
    names = f"access-token-{app.cookie_id}", f"access-token-unsecure-{app.cookie_id}"
    return app.auth is None or any(request.cookies.get(name) in app.tokens for name in names)


def _as_json(face: Answer) -> dict[str, Any]:
    told = {**vars(face), "answer": face.answer}
    del told["crop"]
    return told

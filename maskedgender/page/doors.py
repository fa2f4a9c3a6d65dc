"""The page's own doors: a photo comes in one request, is read in memory, answered, and forgotten.

    curl --data-binary @photo.jpg http://127.0.0.1:7860/answer

answers in lines of JSON: how many photos are before this one, as long as there are any, and then the faces, or `error`,
a sentence. The status of both is 200, as it goes out before the photo's turn has come.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from typing import Any, Literal
from urllib.parse import unquote

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.requests import ClientDisconnect

from ..images.photos import MAX_MEGABYTES
from ..masks.drawing import STYLES
from ..networks.classifier import Classifier
from ..places import EXAMPLES
from .answering import answer, heat_of
from .line import FullError, Line
from .static_files import read_static

MOST_BYTES = MAX_MEGABYTES * 1024**2
ARRIVAL_SECONDS = 300  # for which a photo may be on its way: it holds a place in the line
TOO_LARGE = f"The photo has more than {MAX_MEGABYTES} MB; save it smaller."
TOO_SLOW = "The photo took too long to arrive; please try again."
SCRIPTS = ("asking", "camera", "drop", "live", "many_photos", "one_photo", "zip")


def doors(model: Classifier) -> APIRouter:
    """The routes of a page with this model."""
    line, locked = Line(), APIRouter(dependencies=[Depends(_require_login)])
    router = APIRouter()

    @locked.post("/answer")
    async def answer_photo(
        request: Request,
        show: Literal["numbers", "live", "one", "many"] = "numbers",
        style: str | None = None,
        whole: bool = False,
    ) -> Response:
        name = unquote(request.headers.get("x-name", "")) or "The photo"
        drawn = style if style in STYLES else None
        return await _in_line(
            line, request, functools.partial(answer, model, name, show=show, style=drawn, whole=whole)
        )

    @locked.post("/heat")
    async def heat_map(request: Request) -> Response:
        return await _in_line(line, request, functools.partial(heat_of, model))

    @locked.get("/examples/{name}")
    async def example(name: str) -> Response:
        found = {path.name: path for path in EXAMPLES.glob("*.jpg")}
        return FileResponse(found[name]) if name in found else JSONResponse({"error": "No such example."}, 404)

    @router.get("/page/{name}.js")
    async def script(name: str) -> Response:
        if name not in SCRIPTS:
            return JSONResponse({"error": "No such script."}, 404)
        headers = {"Cache-Control": "no-cache"}  # of another version of the page it would not fit
        return Response(read_static(f"{name}.js"), media_type="text/javascript", headers=headers)

    @router.get("/health")
    async def health() -> dict[str, int]:
        return {"waiting": len(line)}

    router.include_router(locked)
    return router


def _require_login(request: Request) -> None:
    """Whoever has not logged in, where that is asked for, gets no further; Gradio knows who has."""
    page = request.app.state.page
    known = [cookie for name, cookie in request.cookies.items() if name.startswith("access-token-")]
    if page.auth is not None and not any(cookie in page.tokens for cookie in known):
        raise HTTPException(401, "Log in first: reload the page.")


async def _in_line(line: Line, request: Request, work: Callable[[bytes], dict[str, Any]]) -> Response:
    """The answer to a request's body, when its turn has come; a friendly sentence where it cannot be taken."""
    with ExitStack() as stack:
        try:
            stack.enter_context(line.place(_length(request)))
            async with asyncio.timeout(ARRIVAL_SECONDS):
                body = await _body(request)
        except FullError as error:
            return JSONResponse({"error": str(error)}, 503, {"Retry-After": "60"})
        except TimeoutError:
            return JSONResponse({"error": TOO_SLOW}, 408)
        except ClientDisconnect:
            return Response(status_code=400)  # whoever it was for has gone
        if body is None:
            return JSONResponse({"error": TOO_LARGE}, 413)
        place = stack.pop_all()  # given up when the answer has gone out

    async def lines() -> AsyncIterator[str]:
        with place:
            async for told in line.answered(functools.partial(work, body)):
                yield json.dumps(told) + "\n"

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx would keep the lines together
    return StreamingResponse(lines(), media_type="application/x-ndjson", headers=headers)


def _length(request: Request) -> int:
    """How long the body says that it is; at most as much is read, and of one that does not say, all that may be."""
    said = request.headers.get("content-length", "")
    return min(int(said), MOST_BYTES) if said.isdecimal() else MOST_BYTES


async def _body(request: Request) -> bytes | None:
    """The body; None, unread, when it is longer than a photo may be."""
    said = request.headers.get("content-length", "")
    if said.isdecimal() and int(said) > MOST_BYTES:
        return None
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return None
    return bytes(body)

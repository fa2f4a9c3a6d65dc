"""Uploads are the uploader's alone: who may reach a file through the page, and when it is deleted.

Gradio gives any file in its cache to anybody who knows its path, which two users with the same photo do. Here each
visitor, known by a random cookie, has a folder; only examples are for all. A request that names any other file, by
address or in its JSON, or a URL that the server would fetch, is refused before Gradio sees it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import get_route_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .gradio_import import gr
from .memory_release import give_back

KEEP_SECONDS = 45  # with SWEEP_SECONDS and the answer's own time it stays below the minute that is promised
SWEEP_SECONDS = 5
LONGEST_UPLOAD = 540  # seconds for which what has arrived waits for the rest of its upload, or of another's
API_PREFIX = "/gradio_api"
MOST_JSON = 4_000_000  # bytes of a request that is no upload
COOKIE = "maskedgender-visitor"

_UPLOAD = f"{API_PREFIX}/upload"
_PREFIX = "maskedgender-uploads-"
_UNOWNED = "open-"  # of callers without cookies, such as gradio_client: who knows the path, which is random, may use it
_FILE = re.compile(r"/file[=/](.*)", re.DOTALL)
# Doors of Gradio's that the page does not use: other servers' files, streams, server functions, shared states.
_CLOSED = re.compile(
    r"/(proxy=|stream/|component_server|process_recording|deep_link|custom_component/|(undo-)?vibe-|run-history|runs)"
)

_uploading: list[float] = []  # since when each upload that is arriving has been under way, as time.time() tells


@functools.cache
def upload_folder() -> Path:
    """The folder of this process's uploads, readable by its user alone; removed when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def sweep(keep_seconds: float = KEEP_SECONDS, now: float | None = None) -> None:
    """Delete what at the time `now` (a time.time()) is older than `keep_seconds`.

    While an upload of many files arrives, nothing goes that came after its beginning: it may be the first of them. Of
    pages that were killed too, whose folders lie beside this one's, by the usual time.
    """
    own, now = upload_folder(), now or time.time()
    arriving = [since for since in tuple(_uploading) if since > now - LONGEST_UPLOAD]
    for folder in own.parent.glob(f"{_PREFIX}*"):
        _delete_older(folder, min([now - keep_seconds, *arriving]) if folder == own else now - KEEP_SECONDS)


def touch(paths: Sequence[str | Path]) -> None:
    """Begin the time anew for which uploads are kept: they are about to be used. Other files stay as they are."""
    for path in paths:
        if Path(path).is_relative_to(upload_folder()):
            with contextlib.suppress(OSError):  # swept already, or never there: who reads it will say so
                os.utime(path)


@contextlib.asynccontextmanager
async def sweeping(app: gr.routes.App, keep_seconds: float = KEEP_SECONDS) -> AsyncIterator[None]:
    """Sweep for as long as the server runs; a lifespan of its app."""

    async def sweep_for_ever() -> None:
        page = app.get_blocks()
        while True:
            now = time.time()  # before the touch: what waits is kept however late the sweep's thread comes to run
            touch(_waiting(page))
            await asyncio.to_thread(sweep, keep_seconds, now)
            await asyncio.to_thread(_forget_swept, page)
            await asyncio.to_thread(give_back)
            await asyncio.sleep(min(SWEEP_SECONDS, keep_seconds))

    task = asyncio.create_task(sweep_for_ever())
    try:
        yield
    finally:
        task.cancel()


class OwnFiles:
    """ASGI middleware that lets a request reach its own visitor's uploads and public files, and no others."""

    def __init__(self, app: ASGIApp, public: Sequence[str | Path] = ()) -> None:
        """`public` are folders whose files are for all visitors."""
        self.app = app
        self.public = [Path(folder).resolve() for folder in public]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope, receive)
        path, visitor = get_route_path(scope), request.cookies.get(COOKIE)
        named = _FILE.search(path)
        if _CLOSED.search(path) or (named and not self._may_use(named[1], visitor)):
            return await _refuse(404)(scope, receive, send)
        try:
            if request.method == "POST":
                return await self._post(request, visitor, send)
        except ClientDisconnect:  # gone in the middle of an upload; what came of it is swept
            return None
        return await self.app(scope, receive, send if visitor else _introduced(send))

    async def _post(self, request: Request, visitor: str | None, send: Send) -> None:
        if (
            get_route_path(request.scope).rstrip("/") == _UPLOAD
        ):  # this door alone: /run/upload takes JSON as all others do
            with _under_way():
                return await self.app(request.scope, request.receive, _rehoused(send, visitor))
        body = await _body(request)
        if body is None:
            return await _refuse(413)(request.scope, request.receive, send)
        if not _is_text(body):
            return await _refuse(400)(request.scope, request.receive, send)
        files = list(_files(body))
        if not all(self._may_use(file, visitor) for file in files):
            return await _refuse(403)(request.scope, request.receive, send)
        touch(files)
        return await self.app(request.scope, _replayed(body, request.receive), send)

    def _may_use(self, name: str, visitor: str | None) -> bool:
        """Whether a file may be read for a visitor; links are followed, so that they lead nowhere else."""
        try:
            file = Path(name).resolve()
        except (ValueError, OSError, RuntimeError):  # a null byte; a name too long; links in a circle
            return False
        if any(file.is_relative_to(folder) for folder in self.public):
            return True
        owner, *within = file.relative_to(upload_folder()).parts if file.is_relative_to(upload_folder()) else ("",)
        return bool(within) and (owner.startswith(_UNOWNED) or owner == _folder_of(visitor))


@contextlib.contextmanager
def _under_way() -> Iterator[None]:
    """While an upload arrives; its files' times may be a little older, as a file system's clock is coarse."""
    since = time.time() - 1
    _uploading.append(since)
    try:
        yield
    finally:
        _uploading.remove(since)


def _folder_of(visitor: str | None) -> str | None:
    """A name from which the cookie cannot be told."""
    return visitor and hashlib.sha256(visitor.encode()).hexdigest()


def _introduced(send: Send) -> Send:
    """`send` that gives a visitor a cookie with the page."""

    async def introduce(message: Message) -> None:
        if (
            message["type"] == "http.response.start"
            and (b"content-type", b"text/html; charset=utf-8") in (message["headers"])
        ):
            cookie = f"{COOKIE}={secrets.token_urlsafe(32)}; Path=/; HttpOnly; SameSite=Lax"
            message["headers"].append((b"set-cookie", cookie.encode()))
        await send(message)

    return introduce


def _rehoused(send: Send, visitor: str | None) -> Send:
    """`send` that moves uploads from Gradio's folder into the visitor's, and answers with where they are now."""
    answer: list[Message] = []

    async def rehouse(message: Message) -> None:
        answer.append(message)
        if message.get("more_body", False) or message["type"] == "http.response.start":
            return
        body = b"".join(part.get("body", b"") for part in answer)
        if answer[0]["status"] == 200:
            body = json.dumps([str(_rehouse(Path(file), visitor)) for file in json.loads(body)]).encode()
        headers = [(name, value) for name, value in answer[0]["headers"] if name != b"content-length"]
        await send({**answer[0], "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})

    return rehouse


def _rehouse(file: Path, visitor: str | None) -> Path:
    """Link an upload into a random folder of the visitor's; the original goes with the next sweep.

    It is not moved: another visitor may have uploaded the same photo under the same name just now, and Gradio keeps
    the two as one file.
    """
    random = secrets.token_hex(16)
    folder = upload_folder() / (_folder_of(visitor) or _UNOWNED + random) / random
    folder.mkdir(parents=True, mode=0o700)
    try:
        os.link(file, folder / file.name)
    except OSError:  # a file system without links
        shutil.copyfile(file, folder / file.name)
    os.utime(folder / file.name)  # the last of many files may have come minutes after it
    return folder / file.name


async def _body(request: Request) -> bytes | None:
    """The body, or None when it is longer than MOST_JSON."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_JSON:
            return None
    return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """`receive` that gives a body that has been read once more."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _is_text(body: bytes) -> bool:
    """Whether it can be JSON or a form; of other bytes Gradio would make a fault of its own (status 500)."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _files(body: bytes) -> Iterator[str]:
    """Every path in a JSON body; of what is none, such as a login's form, nothing."""
    try:
        yield from _paths(json.loads(body))
    except (ValueError, RecursionError):
        return


def _paths(value: Any) -> Iterator[str]:
    """Every value of a key "path", at any depth."""
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if isinstance(value.get("path"), str):
                yield value["path"]
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def _refuse(status: int) -> Callable[[Scope, Receive, Send], Any]:
    return JSONResponse({"detail": "There is nothing here for you."}, status)


def _delete_older(folder: Path, when: float) -> None:
    """Delete files and emptied folders below `folder` that were not changed since `when`, a time in seconds."""
    for place, folders, files in os.walk(folder, topdown=False):
        for name, delete in [(name, os.unlink) for name in files] + [(name, os.rmdir) for name in folders]:
            path = os.path.join(place, name)  # noqa: PTH118 (as os.walk speaks)
            # Gone by now, in use (Windows), another user's, or a folder that is not empty: the next sweep looks again.
            with contextlib.suppress(OSError):
                if os.lstat(path).st_mtime < when:
                    delete(path)


def _waiting(page: gr.Blocks) -> list[str]:
    """The files of requests that wait in Gradio's queue or are being answered: their time has not begun."""
    events = list(page._queue.event_ids_to_events.values())
    return [file for event in events if event.data for file in _paths(event.data.data)]


def _forget_swept(page: gr.Blocks) -> None:
    """Drop the names of deleted files from Gradio's lists, which would grow for ever."""
    for files in page.temp_file_sets:
        files.difference_update([file for file in tuple(files) if not os.path.exists(file)])  # noqa: PTH110 (may be "")

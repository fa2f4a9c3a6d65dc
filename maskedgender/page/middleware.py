"""ASGI middleware before the page: by which names it may be called, from where, and how often to guess a password."""

from __future__ import annotations

import html
import re
import shutil
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import get_route_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
FREE_TRIES = 5  # wrong passwords that cost nothing
LONGEST_WAIT = 300  # seconds
FREE_SPACE = 512 * 1024**2  # bytes that must be left where photos lie for another one to be taken
# Gradio's routes that fetch an address or store more than a photo; those that tell of others are off as it is launched.
CLOSED = re.compile(r"/gradio_api/(file[=/]https?:|process_recording|deep_link)")


class Brakes:
    """Only requests to this page by its own names, and of this page's own pages, go on.

    Otherwise any page on the web that a visitor opens could use this one, by its address on the visitor's machine or
    by a name of its own that leads there. Gradio's strict_cors only hides the replies from such a page.
    """

    def __init__(self, app: ASGIApp, host: str, names: set[str], folder: Path) -> None:
        """The page listens on `host`, is also called `names` ("*.example.org" for all below), and has a folder."""
        self.app, self.folder = app, folder
        self.others, self.names, self.is_local = names, {*LOOPBACK, host.lower(), *names}, host in LOOPBACK
        self.tries: dict[str, tuple[int, float]] = {}  # by address, how many wrong passwords, and when the last one

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path = get_route_path(scope)
        if refusal := self._refusal(Headers(scope=scope), path):
            return await refusal(scope, receive, send)
        if scope["method"] == "POST" and path.rstrip("/") == "/login":
            return await self._login(scope, receive, send)
        return await self.app(scope, receive, send)

    def _refusal(self, headers: Headers, path: str) -> Response | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not host:
            return PlainTextResponse("The request has no Host; let the proxy send it (nginx: $host).", 400)
        if not self._is_called(host_name(host)):
            name = html.escape(host_name(host)[:100]) or "that name"
            return PlainTextResponse(
                f"This page is not known as {name}; start it with --host ADDRESS --host {name}.", 403
            )
        # A page of this origin is ours if it came from here, or through the proxy whose name is known.
        if not (
            origin is None or origin.partition("//")[2].lower() == host.lower() or host_name(origin) in self.others
        ):
            return JSONResponse({"error": "Another site's page may not use this one."}, 403)
        if CLOSED.match(path):
            return JSONResponse({"error": "There is nothing here."}, 404)
        if path.endswith("/upload") and shutil.disk_usage(self.folder).free < FREE_SPACE:
            return JSONResponse({"error": "Too many photos are waiting just now; try again in some minutes."}, 503)
        return None

    def _is_called(self, name: str) -> bool:
        """Another site can make its own name lead here, but no address: where others may call, any address will do."""
        is_address = ":" in name or name.replace(".", "").isdecimal()
        return name in self.names or f"*.{name.partition('.')[2]}" in self.names or (is_address and not self.is_local)

    async def _login(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let an address try again: after five wrong passwords, each next one has to wait twice as long."""
        caller = (scope.get("client") or ("",))[0]
        count, last = self.tries.get(caller, (0, 0.0))
        seconds = last + min(2 ** (count - FREE_TRIES), LONGEST_WAIT) - monotonic()
        if count >= FREE_TRIES and seconds > 0:
            told = {"detail": f"Too many wrong passwords; try again in {seconds:.0f} seconds."}
            return await JSONResponse(told, 429, {"Retry-After": f"{seconds:.0f}"})(scope, receive, send)
        self.tries[caller] = count + 1, monotonic()  # before its answer is known: many at once are many, too

        async def notice(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                self.tries.pop(caller, None)
            await send(message)

        return await self.app(scope, receive, notice)


def host_name(host: str) -> str:
    """The name in a header Host or Origin, without scheme, port and brackets; "" where there is none."""
    try:
        return (urlsplit(host if "//" in host else f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""

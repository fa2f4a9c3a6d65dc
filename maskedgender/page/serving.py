"""Serve the page: a FastAPI app that mounts it, with the doors for photos beside it; where it listens, who may see it.

It runs on this machine alone: no public link, no analytics, no history, no font or script from elsewhere.
"""

from __future__ import annotations

import secrets
import signal
import sys
import threading
import webbrowser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.routing import Mount

from ..memory import give_back, keep_little
from .address import Address, address, host_name, listen
from .brakes import Brakes
from .gradio_import import gr

END_SECONDS = 1  # for which open connections are waited for at the end: a browser keeps one as long as it is open


class AuthError(ValueError):
    """A file of names and passwords that cannot be used; its text is one sentence."""


@dataclass
class Served:
    """A page that is open.

    Attributes:
        address: such as "http://127.0.0.1:7860/".
        port: where it listens.
    """

    address: str
    port: int
    _server: uvicorn.Server
    _thread: threading.Thread

    def wait(self) -> None:
        """Until it is stopped, by Ctrl-C or from outside."""
        try:
            while self._thread.is_alive():
                self._thread.join(0.5)
        except KeyboardInterrupt:
            print("The page is closed.", flush=True)
        finally:
            self.close()

    def close(self) -> None:
        """Stop it."""
        self._server.should_exit = True
        self._thread.join(END_SECONDS + 10)


def serve(
    page: gr.Blocks,
    doors: APIRouter,
    host: str | Sequence[str] = (),
    port: int | None = None,
    root_path: str | None = None,
    share: bool = False,
    auth: str | Path | None = None,
    inbrowser: bool = False,
    background: bool | None = None,
    height: int | None = None,
    **options: Any,
) -> Served:
    """Open a page and say where it is; in a script this waits until the page is stopped.

    Args:
        page: what is to be served.
        doors: the routes beside it, to which its scripts send photos.
        host: address to listen on, and after it further names by which the page may be called; without, the
            environment's GRADIO_SERVER_NAME, or 127.0.0.1, which means this machine alone.
        port: the port wanted; without, GRADIO_SERVER_PORT or 7860. When it is taken, the next free one is used.
        root_path: where a proxy shows the page; without, GRADIO_ROOT_PATH.
        share: ask Gradio for a public link, which sends photos through its servers.
        auth: a file of names and passwords, as `read_auth` takes it; without, whoever reaches the page may use it.
        inbrowser: open a browser on it.
        background: return at once; without, in a notebook only.
        height: pixels of the frame that shows the page in a notebook; without, there is none.
        options: further arguments of gr.mount_gradio_app, such as theme, css, js.

    Raises:
        AuthError: `auth` cannot be used.
        ValueError: an environment variable cannot.
        OSError: no free port.
    """
    accounts = read_auth(auth) if auth else None
    where = address([host] if isinstance(host, str) else host, port, root_path)
    app = _mounted(page, doors, where, accounts, options)
    served = _opened(app, where)
    _say(served, where, bool(accounts))
    if share:
        print(f"Everybody on the internet can reach it at {_public_link(served, where)}", flush=True)
    if inbrowser:
        webbrowser.open(served.address)
    if height and _in_notebook():
        _show(served, height)
    if not (_in_notebook() if background is None else background):
        _end_tidily()
        served.wait()
    return served


def _mounted(
    page: gr.Blocks,
    doors: APIRouter,
    where: Address,
    accounts: list[tuple[str, str]] | None,
    options: dict[str, Any],
) -> FastAPI:
    """The app that is served: brakes, and behind them the page."""
    # No openapi_url: a list of all doors, which needs no login.
    app = FastAPI(root_path=where.root_path, openapi_url=None, middleware=[Middleware(Brakes, address=where)])
    app.include_router(doors)
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        auth=accounts,
        root_path=where.root_path or None,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        app_kwargs={"openapi_url": None},
        **options,
    )
    (app.state.page,) = (route.app for route in app.routes if isinstance(route, Mount))  # knows who has logged in
    return app


def _opened(app: FastAPI, where: Address) -> Served:
    """The app, served in a thread of its own at the first free port."""
    listening = listen(where)
    if _in_notebook():
        give_back()  # what other cells have left would be kept for good
    keep_little()
    config = uvicorn.Config(
        app, log_level="warning", ws="none", server_header=False, timeout_graceful_shutdown=END_SECONDS
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while thread.is_alive() and not server.started:
        thread.join(0.01)
    if not thread.is_alive():
        raise OSError("The page did not start; what was printed above says why.")
    port = listening.getsockname()[1]
    here = _from_here(where.host)
    host = f"[{here}]" if ":" in here else here
    return Served(f"http://{host}:{port}/", port, server, thread)


def _from_here(host: str) -> str:
    """The address at which this machine itself reaches the page.

    0.0.0.0 stands for every address of this machine, and browsers on Windows cannot go there.
    """
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _say(served: Served, where: Address, locked: bool) -> None:
    taken = f"Port {where.port} is taken; the" if served.port != where.port else "The"
    print(f"{taken} page is at {served.address.rstrip('/')}", flush=True)
    if not (locked or where.is_local):
        print("Whoever has its address may use it; --auth FILE asks for a name and a password.", flush=True)
    if not where.is_local:
        print("Browsers allow the camera only over HTTPS or on localhost.", flush=True)


def _public_link(served: Served, where: Address) -> str:
    """A link of Gradio's, by which anybody reaches this page; OSError when there is none to be had."""
    from gradio import networking

    try:
        link = networking.setup_tunnel(_from_here(where.host), served.port, secrets.token_urlsafe(32), None, None)
    except Exception as error:
        served.close()
        raise OSError(
            "There is no public link to be had from Gradio's servers; check the network, or leave --share out."
        ) from error
    where.names.add(host_name(link))
    return link


def _in_notebook() -> bool:
    """Whether this runs in Jupyter, or another kernel of IPython."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return shell is not None and hasattr(shell, "kernel")


def _show(served: Served, height: int) -> None:
    """The page in a frame below the notebook's cell."""
    from IPython.display import IFrame, display

    display(IFrame(served.address, "100%", height, allow="camera; clipboard-read; clipboard-write"))


def read_auth(path: str | Path) -> list[tuple[str, str]]:
    """Names and passwords from a text file with a line NAME:PASSWORD for each person; AuthError when it has none.

    A file, because everybody on a machine can read the arguments of a command.
    """
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()  # Windows's editors begin a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise AuthError(
            f"{path} cannot be read; give a text file with a line NAME:PASSWORD for each person."
        ) from error
    accounts = [
        (name, password) for name, _, password in (line.strip().partition(":") for line in lines if line.strip())
    ]
    if not accounts or not all(name and password for name, password in accounts):
        raise AuthError(f"{path} needs a line NAME:PASSWORD for each person, and no others.")
    return accounts


def _end_tidily() -> None:
    """Let SIGTERM end the program as Ctrl-C does, and close the page; only a main thread can set this."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

"""Serve the page: where it listens, who may see it, and how long an upload is kept.

It runs on this machine alone: no public link, no analytics, no history, no font or script from elsewhere.
"""

from __future__ import annotations

import errno
import functools
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from .memory_release import keep_little
from .uploads import KEEP_SECONDS, OwnFiles, sweeping, upload_folder

HOST, PORT, PORTS_TRIED = "127.0.0.1", 7860, 100
UPLOAD_LIMIT = "25mb"
MOST_WAITING = 200  # requests; the next are told that the queue is full
SESSIONS_KEPT = 8  # Gradio keeps each session's last answer in memory
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class AuthError(ValueError):
    """A file of names and passwords that cannot be used; its text is one sentence."""


def private_page(title: str, public: Sequence[str | Path] = ()) -> gr.Blocks:
    """An empty page to be filled and given to `serve`; what it stores lies where nobody else may read.

    `public` are folders whose files the page shows from where they are, such as examples: copies would be swept.
    """
    gr.set_static_paths(list(public))
    upload_folder()
    return gr.Blocks(title=title, analytics_enabled=False)


def serve(
    page: gr.Blocks,
    host: str = HOST,
    port: int = PORT,
    share: bool = False,
    auth: str | Path | None = None,
    public: Sequence[str | Path] = (),
    keep_seconds: float = KEEP_SECONDS,
    **options: Any,
) -> gr.Blocks:
    """Open a page and say where it is; in a script this waits until the page is stopped.

    Args:
        page: what is to be served, from `private_page`.
        host: address to listen on; 127.0.0.1 means this machine alone.
        port: the port wanted; when it is taken, the next free one is used and named.
        share: ask Gradio for a public link, which sends photos through its servers.
        auth: a file of names and passwords, as `read_auth` takes it; without, whoever reaches the page may use it.
        public: folders whose files every visitor may see.
        keep_seconds: how long an upload is kept after it was last used.
        options: further arguments of gr.Blocks.launch, such as prevent_thread_lock, inbrowser, css.

    Raises:
        AuthError: `auth` cannot be used.
        OSError: no free port.
    """
    accounts = read_auth(auth) if auth else None
    free, name = free_port(host, port), f"[{host}]" if ":" in host else host
    taken = f"Port {port} is taken; the" if free != port else "The"
    print(f"{taken} page is at http://{name}:{free}", flush=True)
    if not accounts and (share or host not in LOOPBACK):
        print("Whoever has its address may use it; --auth FILE asks for a name and a password.", flush=True)
    _end_tidily()
    keep_little()
    page.queue(max_size=MOST_WAITING)
    page.launch(
        server_name=name,
        server_port=free,
        share=share,
        auth=accounts,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        max_file_size=UPLOAD_LIMIT,
        state_session_capacity=SESSIONS_KEPT,
        allowed_paths=[str(folder) for folder in public],
        app_kwargs={
            "lifespan": functools.partial(sweeping, keep_seconds=keep_seconds),
            "middleware": [Middleware(OwnFiles, public)],
            "openapi_url": None,  # a list of all doors, which needs no login
        },
        **{"quiet": not share, **options},
    )
    return page


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
    """Let SIGTERM end the program as Ctrl-C does, and delete its uploads; only a main thread can set this."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def free_port(host: str, wanted: int) -> int:
    """The first free port from `wanted` on; OSError when there is none among PORTS_TRIED, or `host` is not ours."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            # A page closed just now still holds its port a while; on Windows the option would share a port in use.
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise OSError(f"{host} is no address of this machine; 127.0.0.1 and 0.0.0.0 always are.") from error
            else:
                return port
    raise OSError(f"Ports {wanted} to {wanted + PORTS_TRIED - 1} are all taken, or not for you; name another one.")

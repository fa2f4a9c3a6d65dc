"""The web page, of Gradio's components: one photo, many, or a camera; and an endpoint for programs.

It runs on this machine alone: no public link unless asked for, no analytics, no history, and no address is fetched for
a visitor.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.middleware import Middleware

from ..faces.yunet import prepare
from ..images.photos import MAX_MEGABYTES
from ..networks.classifier import Classifier
from ..networks.model_files import load_model, require_there
from ..places import EXAMPLES, SHIPPED_MODEL
from .about_model import about_model, meaning
from .folder import MEMORY, own_folder
from .gradio_import import gr, http_server, no_proxies
from .live_tab import LiveTab
from .many_photos_tab import ManyPhotosTab
from .middleware import LOOPBACK, Brakes, host_name
from .one_photo_tab import UNKNOWN_KINDS, OnePhotoTab
from .programs import add_endpoint, routes
from .style import CSS, THEME

TITLE = """# Masked gender
Female or male, as the training data's labels define them, for every face in a photo, with or without a mask."""
HEIGHT = 900  # pixels of the frame that shows the page in a notebook
MOST_WAITING = 64  # visitors' questions
MOST_SESSIONS = 200  # visitors of whom something is remembered, such as the heat maps that they see


def open_page(
    model_path: str | Path = SHIPPED_MODEL,
    scale: str | None = None,
    classes: str | None = None,
    tell: Callable[[str], object] = print,
    *,
    host: str | Sequence[str] = (),
    port: int | None = None,
    root_path: str | None = None,
    share: bool = False,
    auth: str | Path | None = None,
    inbrowser: bool = False,
    background: bool | None = None,
) -> gr.Blocks:
    """Open the page of a model file and say where it is; in a script this waits until the page is stopped.

    Args:
        model_path, scale, classes: as `load_model` takes them.
        tell: gets each of the notes on the model, which the page shows, too.
        host: address to listen on, and after it further names by which the page may be called; without, the
            environment's GRADIO_SERVER_NAME, or 127.0.0.1, which means this machine alone.
        port: without, GRADIO_SERVER_PORT or 7860, or the next free one.
        root_path: where a proxy shows the page, a path or a whole address; without, GRADIO_ROOT_PATH.
        share: ask Gradio for a public link, which sends photos through its servers.
        auth: a file of names and passwords, as `read_auth` takes it; without, whoever reaches the page may use it.
        inbrowser: open a browser on it.
        background: return at once; without, in a notebook only.

    Returns:
        The page, whose `local_url` is where it is, and which `close()` closes.

    Raises:
        ModelError: the model file cannot be used.
        ValueError: `auth` cannot be used.
        OSError: no free port, or no public link.
    """
    accounts = read_auth(auth) if auth else None
    named = [host] if isinstance(host, str) else [*host]
    host, *names = named or os.environ.get("GRADIO_SERVER_NAME", "").split() or ["127.0.0.1"]
    host, root_path = host.strip("[]"), root_path or os.environ.get("GRADIO_ROOT_PATH", "")
    others = [*names, os.environ.get("SPACE_HOST", ""), root_path, "*.gradio.live" if share else ""]
    is_local = host in LOOPBACK
    if not is_local:
        others += [socket.gethostname().lower(), f"{socket.gethostname().lower()}.local"]
    require_there(Path(model_path))
    prepare()
    model = load_model(model_path, scale, classes)
    for note in model.notes:
        tell(note)
    page = build_page(model, Path(model_path), share)
    # Gradio looks for a free port here; it cannot do so at an address of version 6.
    http_server.LOCALHOST_NAME = "127.0.0.1" if ":" in host else host
    brakes = Middleware(Brakes, host=host, names=set(filter(None, map(host_name, others))), folder=own_folder())
    with no_proxies():
        page.launch(
            server_name=f"[{host}]" if ":" in host else host, server_port=port, root_path=root_path or None,
            share=share, auth=accounts, inbrowser=inbrowser, height=HEIGHT, theme=THEME, css=CSS, js=UNKNOWN_KINDS,
            footer_links=["api"], max_file_size=f"{MAX_MEGABYTES}mb", state_session_capacity=MOST_SESSIONS,
            prevent_thread_lock=True, quiet=True, run_history=False, enable_monitoring=False, ssr_mode=False,
            mcp_server=False, pwa=False,
            app_kwargs={"middleware": [brakes], "routes": routes(model), "openapi_url": None},
        )  # fmt: skip
    if share and not page.share_url:
        page.close()
        raise OSError(
            "There is no public link to be had from Gradio's servers; check the network, or leave --share out."
        )
    print(f"The page is at {str(page.local_url).rstrip('/')}", flush=True)
    if not (accounts or is_local):
        print("Whoever has its address may use it; --auth FILE asks for a name and a password.", flush=True)
    if not (gr.utils.ipython_check() if background is None else background):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # its folder goes then, too
        page.block_thread()
    return page


def read_auth(path: str | Path) -> list[tuple[str, str]]:
    """Names and passwords from a text file with a line NAME:PASSWORD for each person; ValueError when it has none.

    A file, because everybody on a machine can read the arguments of a command.
    """
    wanted = f"{path} needs a line NAME:PASSWORD for each person, and no others."
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()  # Windows's editors begin a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read; give a text file. {wanted}") from error
    parts = [line.strip().partition(":") for line in lines if line.strip()]
    accounts = [(name.strip(), password.strip()) for name, _, password in parts]
    if not accounts or not all(map(all, accounts)):
        raise ValueError(wanted)
    return accounts


def build_page(model: Classifier, path: Path, shared: bool = False) -> gr.Blocks:
    """The page for a model that was loaded from a file, not yet launched; to be shared by a public link."""
    gr.processing_utils.async_ssrf_protected_get = _fetch_nothing
    gr.set_static_paths([EXAMPLES])
    with gr.Blocks(title="Masked gender", analytics_enabled=False) as page:
        gr.Markdown(TITLE, elem_id="title")
        with gr.Tabs() as tabs:
            with gr.Tab("One photo"):
                OnePhotoTab(model)
            with gr.Tab("Many photos"):
                ManyPhotosTab(model)
            with gr.Tab("Live"):
                LiveTab(model, tabs, "Live")
        gr.Markdown(meaning(model, path, own_folder().is_relative_to(MEMORY), shared), elem_id="about")
        with gr.Accordion("About this model: how often it is right, for whom, and what it is not for", open=False):
            gr.Markdown(about_model(model, path), elem_id="model")
        add_endpoint(model)
    page.queue(max_size=MOST_WAITING, default_concurrency_limit=1)
    return page


async def _fetch_nothing(url: str) -> Any:
    raise gr.Error("This page fetches nothing from other machines; give the photo itself.", print_exception=False)

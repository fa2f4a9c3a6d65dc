"""Gradio, imported without a look at proxies, and in half the time: `from .gradio_import import gr`.

It makes an HTTP client as it is imported, and asks its own page for a sign of life as that is launched; both fail where
http_proxy or ALL_PROXY names a proxy that is not there. The page asks no other machine for anything, so that it needs
none. And it writes stubs for editors (.pyi) beside the files of its components, and of ours, each time anew.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from .folder import own_folder

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@contextmanager
def no_proxies() -> Iterator[None]:
    """While this lasts, the environment names no proxies."""
    hidden = {name: os.environ.pop(name) for name in tuple(os.environ) if name.lower() in _PROXIES}
    try:
        yield
    finally:
        os.environ.update(hidden)


with no_proxies(), mock.patch("inspect.getfile", side_effect=OSError):  # it writes none for what has no file
    import gradio as gr
    from gradio import http_server as http_server

gr.component_meta.create_or_modify_pyi = lambda *_: None
own_folder()  # at once: pages of one process share it, and one that is open would not find its photos in another
gr.processing_utils.hash_seed = secrets.token_bytes(32)  # files' names cannot be told from their content
data_url = gr.image_utils.encode_image_array_to_base64

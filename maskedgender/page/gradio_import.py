"""Gradio, imported without a look at proxies: `from .gradio_import import gr`.

It makes an HTTP client as it is imported, and fails where http_proxy or ALL_PROXY names a proxy of a kind that it does
not know. The page asks no other machine for anything, so that it needs none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_PROXIES = ("http_proxy", "https_proxy", "all_proxy")


@contextmanager
def _no_proxies() -> Iterator[None]:
    """While this lasts, the environment names no proxies."""
    hidden = {name: os.environ.pop(name) for name in tuple(os.environ) if name.lower() in _PROXIES}
    try:
        yield
    finally:
        os.environ.update(hidden)


with _no_proxies():
    import gradio as gr

__all__ = ["gr"]

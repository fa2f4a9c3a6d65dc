"""Where the page listens, and by which names it may be called.

The environment says it too, as for any Gradio page: GRADIO_SERVER_NAME, GRADIO_SERVER_PORT and GRADIO_ROOT_PATH.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "::1")
PUBLIC_LINKS = ".gradio.live"  # where Gradio's public links lie


@dataclass(frozen=True)
class Address:
    """Where a page is.

    Attributes:
        host: the address that it listens on.
        names: further names under which its visitors call it, such as that of a proxy in front of it.
        root_path: where a proxy shows it, such as "/faces", or a whole address; "" where it has a name for itself.
        share: whether it has a public link of Gradio's.
    """

    host: str = "127.0.0.1"
    names: frozenset[str] = frozenset()
    root_path: str = ""
    share: bool = False

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        return self.host in LOOPBACK

    def is_called(self, host: str) -> bool:
        """Whether a request's header Host names this page.

        A page of another site can make its own name lead here (DNS rebinding), but no address: where more than this
        machine is listened to, any address will do.
        """
        name = host_name(host)
        own = socket.gethostname().lower()
        known = {*LOOPBACK, self.host.lower(), *self.names, *(() if self.is_local else (own, f"{own}.local"))}
        is_link = self.share and name.endswith(PUBLIC_LINKS)
        return name in known or is_link or (not self.is_local and _is_address(name))


def address(hosts: Sequence[str] = (), root_path: str | None = None, share: bool = False) -> Address:
    """The address of a page, from what was asked for, then from the environment.

    Args:
        hosts: the address to listen on, and after it further names by which the page may be called.
        root_path: where a proxy shows the page: a path, or a whole address.
        share: whether the page gets a public link.

    Raises:
        ValueError: the root path is neither.
    """
    first, *names = hosts or os.environ.get("GRADIO_SERVER_NAME", "").split() or [Address.host]
    root = os.environ.get("GRADIO_ROOT_PATH", "") if root_path is None else root_path
    split = urlsplit(root)
    if root and not (root.startswith("/") or split.hostname):
        raise ValueError(f"{root} is no root path; give one such as /faces, or https://example.org/faces.")
    names += [name for name in (split.hostname, os.environ.get("SPACE_HOST")) if name]
    return Address(first.strip("[]"), frozenset(map(host_name, names)), root.rstrip("/"), share)


def host_name(host: str) -> str:
    """The name in a header Host or Origin, without scheme, port and brackets; "" where there is none."""
    try:
        return (urlsplit(host if "//" in host else f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

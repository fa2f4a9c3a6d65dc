"""Where the page listens, and by which names it may be called.

The environment says it too, as for any Gradio page: GRADIO_SERVER_NAME, GRADIO_SERVER_PORT and GRADIO_ROOT_PATH.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

HOST, PORT, PORTS_TRIED = "127.0.0.1", 7860, 100
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Address:
    """Where a page is.

    Attributes:
        host: the address that it listens on.
        port: the port that is wanted; when it is taken, the next free one is used.
        names: further names under which its visitors call it, such as that of a proxy in front of it.
        root_path: where a proxy shows it, such as "/faces"; "" where it has a name for itself.
    """

    host: str = HOST
    port: int = PORT
    names: set[str] = field(default_factory=set)
    root_path: str = ""

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
        known = {*LOOPBACK, self.host.lower(), *self.names}
        if not self.is_local:
            own = socket.gethostname().lower()
            known |= {own, f"{own}.local"}
        return name in known or (not self.is_local and _is_address(name))


def address(hosts: Sequence[str] = (), port: int | None = None, root_path: str | None = None) -> Address:
    """The address of a page, from what was asked for, then from the environment.

    Args:
        hosts: the address to listen on, and after it further names by which the page may be called.
        port: the port wanted.
        root_path: where a proxy shows the page: a path, or a whole address.

    Raises:
        ValueError: the environment's port is no number, or the root path is neither.
    """
    first, *names = hosts or os.environ.get("GRADIO_SERVER_NAME", "").split() or [HOST]
    root = os.environ.get("GRADIO_ROOT_PATH", "") if root_path is None else root_path
    split = urlsplit(root)
    if root and not (root.startswith("/") or split.hostname):
        raise ValueError(f"{root} is no root path; give one such as /faces, or https://example.org/faces.")
    names += [name for name in (split.hostname, os.environ.get("SPACE_HOST")) if name]
    known = {host_name(name) for name in names}
    return Address(first.strip("[]"), port or _port_of_environment(), known, split.path.rstrip("/"))


def host_name(host: str) -> str:
    """The name in a header Host or Origin, without scheme, port and brackets; "" where there is none."""
    try:
        return (urlsplit(host if "//" in host else f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def listen(where: Address) -> socket.socket:
    """A socket that listens at the first free port from the wanted one on.

    Raises:
        OSError: there is none among PORTS_TRIED, or the host is not ours.
    """
    for port in range(where.port, min(where.port + PORTS_TRIED, 65536)):
        listening = socket.socket(socket.AF_INET6 if ":" in where.host else socket.AF_INET)
        # A page closed just now still holds its port a while; on Windows the option would share a port in use.
        if os.name == "posix":
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((where.host, port))
            listening.listen()
        except OSError as error:
            listening.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise OSError(
                    f"{where.host} is no address of this machine; 127.0.0.1 and 0.0.0.0 always are."
                ) from error
        else:
            return listening
    last = where.port + PORTS_TRIED - 1
    raise OSError(f"Ports {where.port} to {last} are all taken or not allowed; name another one.")


def _port_of_environment() -> int:
    named = os.environ.get("GRADIO_SERVER_PORT") or str(PORT)
    if not (named.isdecimal() and 0 < int(named) < 65536):
        raise ValueError(f"GRADIO_SERVER_PORT is {named}; set it to a number from 1 to 65535.")
    return int(named)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

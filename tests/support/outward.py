"""Run `maskedgender` and note each attempt to reach another machine: python -m tests.support.outward LOG app ..."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys

LOG = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
ASKS = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.connect": 1, "socket.sendto": 1}


def note(event: str, arguments: tuple[object, ...]) -> None:
    """An audit hook: a name looked up, or an address connected to, that is not this machine's loopback."""
    if event not in ASKS:
        return
    asked = arguments[ASKS[event]]
    host = asked[0] if isinstance(asked, tuple) else asked
    if event.startswith("socket.get") or getattr(arguments[0], "family", None) in (socket.AF_INET, socket.AF_INET6):
        name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
        if name != "localhost" and not _is_loopback(name):
            os.write(LOG, f"{event} {name}\n".encode())


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


sys.addaudithook(note)
sys.argv = ["maskedgender", *sys.argv[2:]]

from maskedgender.cli.commands import app  # noqa: E402 (what is imported is listened to as well)

app(prog_name="maskedgender")

"""Kaggle's machine, made believe: Python without our package and without a network, and Kaggle's folders."""

from __future__ import annotations

import os
from pathlib import Path

SLUG = "gender-classified-dataset-with-masked-face"
LAYOUTS = (SLUG, f"datasets/itsshuvra/{SLUG}")  # below /kaggle/input, the older one first
NO_NETWORK = """
import socket
from pathlib import Path

def guarded(reach):
    def guard(*words, **options):
        target = next((word for word in words if isinstance(word, (str, tuple))), None)
        host = target[0] if isinstance(target, tuple) else target
        if host in (None, "", "localhost", "127.0.0.1", "::1") or str(host).startswith("/"):
            return reach(*words, **options)
        with Path(ATTEMPTS).open("a") as attempts:
            print(host, file=attempts)
        raise OSError(101, "Network is unreachable")
    return guard

for owner, name in ((socket, "getaddrinfo"), (socket.socket, "connect"), (socket.socket, "connect_ex")):
    setattr(owner, name, guarded(getattr(owner, name)))
"""


def no_package_no_network(folder: Path) -> tuple[str, Path]:
    """A PYTHONPATH of processes that can import neither the package, installed or not, nor reach other machines.

    Returns:
        The PYTHONPATH, and the file where each attempt at another machine is written down.
    """
    folder.mkdir()
    attempts = folder / "attempts.txt"
    (folder / "maskedgender.py").write_text('raise ImportError("the notebook must do without the package")')
    (folder / "sitecustomize.py").write_text(NO_NETWORK.replace("ATTEMPTS", repr(os.fspath(attempts))))
    return os.fspath(folder), attempts

"""The folder of this process alone, in which uploaded photos and results lie as files for some minutes.

It lies in memory where the system has a place for that with room, else among the system's temporary files. It may be
opened by this user alone, goes when the process ends, and is swept by the next start where the process was killed.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock, Timeout

MEMORY = Path("/dev/shm")
PREFIX = "maskedgender-page-"
ROOM = 2 * 1024**3  # bytes that must be free in memory for it to be chosen
OLDEST, EVERY = 165, 5  # seconds: a file is gone three minutes after its last use at the latest


@functools.cache
def own_folder() -> Path:
    """This process's folder, made at the first call; Gradio keeps its files there, too (GRADIO_TEMP_DIR)."""
    _sweep_what_killed_processes_left()
    in_memory = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=MEMORY if in_memory else None))  # mode 700
    lock = FileLock(folder / "lock")
    lock.acquire()
    files = folder / "files"
    files.mkdir()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(lock.release)  # before that: Windows removes no locked file
    os.environ["GRADIO_TEMP_DIR"] = str(files)
    threading.Thread(target=_remove_old, args=(files,), daemon=True).start()
    return files


def new_file(name: str) -> Path:
    """A path in the folder under which a result can be saved: it ends in this name, and nobody can guess it."""
    folder = own_folder() / secrets.token_urlsafe(24)
    folder.mkdir()
    return folder / "".join(c if c.isalnum() or c in "-_. ()" else "_" for c in name)[-80:]


def in_use(files: Iterable[str | Path]) -> None:
    """Count the time of these files from now on."""
    for file in files:
        with contextlib.suppress(OSError):  # gone: whoever reads it next says so
            os.utime(file)


def _sweep_what_killed_processes_left() -> None:
    for place in {MEMORY, Path(tempfile.gettempdir())}:
        for left in place.glob(f"{PREFIX}*"):
            with contextlib.suppress(OSError, Timeout):  # in use, or another user's
                if left.is_symlink() or left.stat().st_uid != getattr(os, "getuid", lambda: 0)():
                    continue
                with FileLock(left / "lock").acquire(blocking=False):
                    shutil.rmtree(left / "files", ignore_errors=True)
                shutil.rmtree(left, ignore_errors=True)


def _remove_old(folder: Path) -> None:
    """Remove files that were not used for OLDEST seconds, for ever: Gradio's own sweeping misses broken uploads."""
    while True:
        time.sleep(EVERY)
        # Unlike rglob, it bears folders that have just gone.
        for here, folders, files in os.walk(folder, topdown=False):
            for path in (Path(here, name) for name in (*files, *folders)):
                with contextlib.suppress(OSError):  # a folder that is not empty, or what has just gone
                    used = path.stat()
                    if max(used.st_mtime, used.st_ctime) < time.time() - OLDEST:
                        path.rmdir() if path.is_dir() else path.unlink()

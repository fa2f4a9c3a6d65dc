"""Who may log in: a file of names and passwords, because everybody on a machine can read a command's arguments."""

from __future__ import annotations

from pathlib import Path


class AuthError(ValueError):
    """A file of names and passwords that cannot be used; its text is one sentence."""


def read_auth(path: str | Path) -> list[tuple[str, str]]:
    """Names and passwords from a text file with a line NAME:PASSWORD for each person; AuthError when it has none."""
    try:
        lines = Path(path).read_text("utf-8-sig").splitlines()  # Windows's editors begin a file with a mark
    except (OSError, UnicodeDecodeError) as error:
        raise AuthError(
            f"{path} cannot be read; give a text file with a line NAME:PASSWORD for each person."
        ) from error
    parts = [line.strip().partition(":") for line in lines if line.strip()]
    accounts = [(name.strip(), password.strip()) for name, _, password in parts]
    if not accounts or not all(name and password for name, password in accounts):
        raise AuthError(f"{path} needs a line NAME:PASSWORD for each person, and no others.")
    return accounts

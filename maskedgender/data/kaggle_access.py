"""What stands between this machine and Kaggle, and the setting that mends it: the network's part, and token files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from requests.exceptions import InvalidProxyURL, ProxyError, SSLError

SOCKS = "A SOCKS proxy needs one more package: `pip install pysocks`, or unset ALL_PROXY and HTTPS_PROXY"
PROXY = (
    "The proxy does not let us through: name it in HTTPS_PROXY (or ALL_PROXY) as http://HOST:PORT, where it asks who "
    "you are as http://NAME:PASSWORD@HOST:PORT, or unset both where there is none"
)
CERTIFICATE = (
    "The certificate is not trusted here: where a firewall or a virus scanner puts its own in between, set "
    "REQUESTS_CA_BUNDLE to a PEM file that holds it; otherwise look at the clock of this machine"
)
TOKEN_FILES = ("access_token", "access_token.txt", "kaggle.json", "credentials.json")


class TokenFileError(OSError):
    """A token of Kaggle's cannot be read; the message names its file and says what to do."""


def setting(error: Exception) -> str:
    """What mends a request that failed, and the network's own words, as one sentence; "" where time may mend it."""
    text = str(error)
    if "Missing dependencies for SOCKS" in text:
        advice = SOCKS
    elif isinstance(error, SSLError) or "TLS CA certificate" in text:
        advice = CERTIFICATE
    elif isinstance(error, (ProxyError, InvalidProxyURL)) or "SOCKS" in text:
        advice = PROXY
    else:
        return ""
    return f"{advice} ({cause(error)})."


def cause(error: BaseException) -> str:
    """The innermost words of a request that failed, such as "[Errno 111] Connection refused"."""
    inner = [part for part in (getattr(error, "reason", None), *error.args) if isinstance(part, BaseException)]
    if inner:
        return cause(inner[-1])
    return re.sub(r"^<?\w+Connection.*?[)>]: ", "", str(error)).rstrip(".") or type(error).__name__


def spoiled_token() -> str:
    """A sentence that names a token file which is no plain UTF-8, as a Windows editor or PowerShell leaves it; or "".

    Neither of Kaggle's clients reads such a file, and neither says so.
    """
    for path in _token_files():
        try:
            text = path.read_bytes().decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text or text.startswith("\ufeff"):
            return (
                f"{path} is not plain UTF-8 (it is UTF-16, or begins with a byte-order mark), so that Kaggle's client "
                "cannot read it: save it as UTF-8 without a byte-order mark."
            )
    return ""


def _token_files() -> list[Path]:
    """The files that Kaggle's clients look into for a token, those that are there."""
    home = Path.home() / ".kaggle"
    folder = Path(os.environ.get("KAGGLE_CONFIG_DIR") or home)
    named = os.environ.get("KAGGLE_API_TOKEN", "")
    places = [*([Path(named)] if named else []), folder / "kaggle.json", *(home / name for name in TOKEN_FILES)]
    return [path for path in places if os.path.isfile(path)]  # noqa: PTH113 (Path.is_file raises on a long name)

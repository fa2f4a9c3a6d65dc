"""Kaggle's official client, made patient where the network fails, and clear where Kaggle refuses.

Only what `kaggle_run` asks of Kaggle is here: is there this dataset, run this notebook, how is it, what did it leave.
"""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, TypeVar

import requests
import typer
from kagglesdk.datasets.types.dataset_api_service import ApiGetDatasetRequest
from kagglesdk.kernels.types.kernels_api_service import (
    ApiGetKernelRequest,
    ApiGetKernelSessionStatusRequest,
    ApiListKernelSessionOutputRequest,
)
from requests.adapters import HTTPAdapter

from ..data.kaggle_access import cause, setting, spoiled_token

DELAYS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)  # seconds before each further attempt while Kaggle is out of reach
TIMEOUT = 60.0  # seconds without a byte; the client itself would wait for ever, as after a laptop's sleep
OVERBURDENED = (429, 500, 502, 503, 504)  # HTTP statuses that a later attempt may not get

NO_CREDENTIALS = (
    "There are no credentials that Kaggle accepts: make an API token at https://www.kaggle.com/settings and put it "
    "into KAGGLE_API_TOKEN or ~/.kaggle/access_token (an older kaggle.json will do), or run `kaggle auth login`."
)
NO_PHONE = (
    "Kaggle gives neither GPU nor internet to an account without a verified phone: verify it at "
    "https://www.kaggle.com/settings, then push again"
)
REMEDIES = {  # what Kaggle's own words are about -> what to do
    r"phone|verif": NO_PHONE,
    r"quota|number of hours": (
        "Your weekly GPU quota on Kaggle is used up: https://www.kaggle.com/settings says when it starts anew"
    ),
    r"session count": "Too many notebooks of yours run on Kaggle: stop one at https://www.kaggle.com/code, or wait",
}

T = TypeVar("T")


class KaggleError(OSError):
    """Kaggle did not do as asked; the text is for the person who asked, and says what to do."""


class UnreachableError(KaggleError):
    """No answer from Kaggle, so that it is not known whether the request arrived."""


class Client:
    """Kaggle, logged in with the credentials that the official client finds, in any of its forms.

    A `kernel`, Kaggle's word for a notebook, is named OWNER/SLUG. Every method raises KaggleError with one sentence
    when Kaggle refuses, and UnreachableError when it stays out of reach.
    """

    def __init__(self) -> None:
        """Log in; KaggleError when there are no credentials, none that can be read, or none that Kaggle accepts."""
        try:
            with redirect_stdout(io.StringIO()):  # the import logs in already, and prints a page when that fails
                self._api = _impatient_api()
                _patiently(self._api.authenticate)
        except (SystemExit, UnicodeError) as stopped:
            raise KaggleError(spoiled_token() or NO_CREDENTIALS) from stopped

    @property
    def user(self) -> str:
        """The name of the account."""
        return str(self._api.get_config_value("username"))

    def require_dataset(self, dataset: str) -> None:
        """Raise when there is no dataset OWNER/NAME: a notebook would start without it, and use up quota."""
        request = ApiGetDatasetRequest()
        request.owner_slug, _, request.dataset_slug = dataset.partition("/")
        missing = f"Kaggle has no dataset {dataset}: it was renamed or removed; name another by --dataset OWNER/NAME"
        self._ask("datasets.dataset_api_client.get_dataset", request, missing)

    def push(self, folder: Path) -> Any:
        """Save the notebook in a folder with kernel-metadata.json; Kaggle then runs it. The official response.

        There is no second attempt: when only the answer was lost, the notebook would run twice.
        """
        answer = _patiently(lambda: self._api.kernels_push(str(folder)), delays=())
        if answer.error:
            raise KaggleError(refusal(answer.error))
        return answer

    def kernel(self, kernel: str) -> Any:
        """The official response about a notebook: `metadata`, its settings, and `blob.source`, its JSON."""
        return self._ask_about(kernel, "get_kernel", ApiGetKernelRequest())

    def state(self, kernel: str) -> tuple[str, str]:
        """Such as "queued", "running", "complete", "error" or "cancel requested"; and why it failed, or ""."""
        answer = self._ask_about(kernel, "get_kernel_session_status", ApiGetKernelSessionStatusRequest())
        return answer.status.name.lower().replace("_", " "), answer.failure_message or ""

    def output(self, kernel: str) -> tuple[dict[str, str], str]:
        """The addresses of the files that a notebook left, by name, and what it printed."""
        files, log, request = {}, "", ApiListKernelSessionOutputRequest()
        while True:
            page = self._ask_about(kernel, "list_kernel_session_output", request)
            files.update({file.file_name: file.url for file in page.files})
            log = log or page.log or ""
            if not page.next_page_token:
                return files, _printed(log)
            request.page_token = page.next_page_token

    def download(self, url: str) -> bytes:
        """The content of a file that a notebook left."""

        def get() -> bytes:
            answer = requests.get(url, timeout=TIMEOUT)
            answer.raise_for_status()
            return answer.content

        return _patiently(get)

    def _ask_about(self, kernel: str, method: str, request: Any) -> Any:
        request.user_name, request.kernel_slug = kernel.split("/")
        missing = f"Kaggle has no notebook {kernel} that you may see; start anew with `maskedgender kaggle train`"
        return self._ask(f"kernels.kernels_api_client.{method}", request, missing)

    def _ask(self, method: str, request: Any, missing: str) -> Any:
        def ask() -> Any:
            with self._api.build_kaggle_client() as client:
                service, of_client, name = method.split(".")
                return getattr(getattr(getattr(client, service), of_client), name)(request)

        return _patiently(ask, {403: missing, 404: missing})


def refusal(text: str, code: int = 0, sentences: Mapping[int, str] | None = None) -> str:
    """What to do about Kaggle's refusal, and Kaggle's own words.

    Args:
        code: the HTTP status; 0 for a refusal within an answer.
        sentences: what a status means in this place.
    """
    if code == 401:
        return NO_CREDENTIALS
    what_to_do = remedy(text) or (sentences or {}).get(code, "Kaggle refused")
    return f"{what_to_do} (Kaggle says: {text})."


def remedy(text: str) -> str:
    """What to do about Kaggle's words, as a sentence without its full stop; "" where that is not known."""
    return next((sentence for words, sentence in REMEDIES.items() if re.search(words, text, re.IGNORECASE)), "")


class _Impatient(HTTPAdapter):
    """Sends requests that do not wait for ever."""

    def send(self, *args: Any, **options: Any) -> requests.Response:
        return super().send(*args, **{**options, "timeout": options.get("timeout") or TIMEOUT})


def _impatient_api() -> Any:
    """The official client, which is imported only now because its import asks Kaggle who one is."""
    from kaggle.api.kaggle_api_extended import KaggleApi

    class ImpatientApi(KaggleApi):
        def build_kaggle_client(self) -> Any:
            client = super().build_kaggle_client()
            http = client.http_client()
            http._init_session()
            for scheme in ("http://", "https://"):
                http._session.mount(scheme, _Impatient())
            return client

    return ImpatientApi()


def _patiently(
    call: Callable[[], T], sentences: Mapping[int, str] | None = None, delays: Sequence[float] | None = None
) -> T:
    """The answer to a call, which is repeated after each of `delays`, DELAYS without, while Kaggle is out of reach.

    What time does not mend, a certificate or a proxy, is a KaggleError at once, with the setting that does.
    """
    for delay in (*(DELAYS if delays is None else delays), None):
        try:
            return call()
        except (OSError, json.JSONDecodeError) as error:  # JSON: a network's own page, in between
            if mended := setting(error):
                raise KaggleError(mended) from error
            if not isinstance(error, (requests.RequestException, json.JSONDecodeError)):
                raise
            answer = getattr(error, "response", None)  # an answer that says no is false: compare it with None
            if answer is not None and answer.status_code not in OVERBURDENED:
                raise KaggleError(refusal(str(error), answer.status_code, sentences)) from error
            if delay is None:
                raise UnreachableError(_out_of_reach(error)) from error
            typer.echo(f"Kaggle is out of reach ({_in_words(error)}); again in {delay:g} s", err=True)
            time.sleep(delay)
    raise AssertionError("the last attempt returns or raises")


def _out_of_reach(error: Exception) -> str:
    return (
        f"Kaggle is out of reach ({_in_words(error)}): look at your network. A notebook that was pushed goes on "
        "there, and `maskedgender kaggle fetch` waits for it again."
    )


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {cause(error)}"


def _printed(log: str) -> str:
    """What a notebook printed: the log is JSON, a list of {stream_name, time, data}; colours are left out."""
    try:
        text = "".join(str(record["data"]) for record in json.loads(log or "[]"))
    except (ValueError, TypeError, KeyError):  # no such list: better as it is than not at all
        text = log
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)

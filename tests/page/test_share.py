"""`--share`: a public link makes its name one of the page's own, and where there is none, one sentence says so."""

from __future__ import annotations

import pytest
from gradio import networking

from maskedgender.page.address import Address
from maskedgender.page.serving import _public_link


class OpenPage:
    """A page that is open, as far as a public link needs to know."""

    port, is_open = 7860, True

    def close(self) -> None:
        self.is_open = False


def test_the_name_of_the_link_is_one_of_the_pages_own(monkeypatch: pytest.MonkeyPatch):
    asked: list[object] = []
    monkeypatch.setattr(networking, "setup_tunnel", lambda *how: asked.extend(how) or "https://abc.gradio.live")
    page, where = OpenPage(), Address()
    assert _public_link(page, where) == "https://abc.gradio.live"
    assert asked[:2] == ["127.0.0.1", 7860] and len(str(asked[2])) >= 32, "the token cannot be guessed"
    assert where.is_called("abc.gradio.live") and not where.is_called("abd.gradio.live") and page.is_open


@pytest.mark.parametrize(("host", "asked"), [("127.0.0.2", "127.0.0.2"), ("0.0.0.0", "127.0.0.1")])
def test_the_link_leads_to_the_address_that_is_listened_on(
    monkeypatch: pytest.MonkeyPatch, host: str, asked: str
) -> None:
    led_to: list[object] = []
    monkeypatch.setattr(networking, "setup_tunnel", lambda *how: led_to.extend(how) or "https://abc.gradio.live")
    _public_link(OpenPage(), Address(host))
    assert led_to[0] == asked


def test_without_the_network_one_sentence_says_so_and_the_page_is_closed(monkeypatch: pytest.MonkeyPatch):
    def unreachable(*how: object) -> str:
        raise ConnectionError("Network is unreachable")

    monkeypatch.setattr(networking, "setup_tunnel", unreachable)
    page, where = OpenPage(), Address()
    with pytest.raises(OSError, match=r"^There is no public link .* leave --share out\.$"):
        _public_link(page, where)
    assert not page.is_open and where.names == set()

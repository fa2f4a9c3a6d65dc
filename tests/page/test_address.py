"""Where the page listens and by which names it may be called, as asked for or as the environment says."""

from __future__ import annotations

import socket

import pytest

from maskedgender.page.address import Address, address, host_name, listen


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT", "GRADIO_ROOT_PATH", "SPACE_HOST"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_says_where_and_what_is_asked_for_goes_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert address() == Address("127.0.0.1", 7860)
    monkeypatch.setenv("GRADIO_SERVER_NAME", "0.0.0.0")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8123")
    monkeypatch.setenv("GRADIO_ROOT_PATH", "https://faces.example.org/here/")
    assert address() == Address("0.0.0.0", 8123, {"faces.example.org"}, "/here")
    assert address(["127.0.0.1", "other.example"], 9000, "/there") == Address(
        "127.0.0.1", 9000, {"other.example"}, "/there"
    )


@pytest.mark.parametrize("port", ["abc", "0", "70000", "-1"])
def test_a_port_that_is_none_is_one_sentence(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_SERVER_PORT", port)
    with pytest.raises(ValueError, match=f"GRADIO_SERVER_PORT is {port}; set it to a number"):
        address()


def test_a_root_path_that_is_none_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="faces is no root path; give one such as /faces"):
        address(root_path="faces")


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860", "LOCALHOST", "localhost."])
def test_a_page_is_called_by_its_own_names(host: str) -> None:
    assert Address(names={"faces.example"}).is_called(host)


@pytest.mark.parametrize("host", ["", "evil.example", "192.168.1.5", "localhost.evil.example", "[", "127.0.0.1.evil"])
def test_a_page_for_this_machine_is_called_by_no_other_name(host: str) -> None:
    assert not Address(names={"faces.example"}).is_called(host)


def test_a_page_for_others_is_called_by_any_address_and_its_machines_name() -> None:
    where = Address("0.0.0.0")
    assert where.is_called("192.168.1.5:7860") and where.is_called("[fe80::1]")
    assert where.is_called(f"{socket.gethostname()}.local:7860")
    assert not where.is_called("evil.example")


def test_a_name_is_read_from_a_host_and_from_an_origin() -> None:
    assert [host_name(text) for text in ("a.example:80", "https://A.example", "null", "[::1]:7860", "http://[")] == [
        "a.example", "a.example", "null", "::1", "",
    ]  # fmt: skip


def test_a_host_that_is_not_this_machine_is_one_sentence() -> None:
    with pytest.raises(OSError, match=r"192\.0\.2\.1 is no address of this machine"):
        listen(Address("192.0.2.1"))


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_a_host_may_be_an_address_of_ipv6() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with listen(Address("::1", port)) as listening:
            assert listening.getsockname()[1] > port

"""What answers leave in memory is given back, and nothing breaks where the system's C library is another one."""

from __future__ import annotations

import gc
import weakref

import pytest

from maskedgender.page import memory_release as memory


class Holder:
    """What a finished request is: an object that something of its own refers to."""

    itself: Holder


def test_what_refers_only_to_itself_is_freed() -> None:
    gc.disable()
    try:
        holder = Holder()
        holder.itself, left = holder, weakref.ref(holder)
        del holder
        assert left() is not None
        memory.give_back()
        assert left() is None
    finally:
        gc.enable()


def test_elsewhere_than_on_glibc_nothing_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    assert memory._glibc() is None
    memory.give_back()

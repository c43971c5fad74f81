"""The first tier: bounded in bytes and in time."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache.memory import ENTRY_BYTES, Memory

MEBIBYTE = 2**20


class Clock:
    """Seconds, as a test sets them."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3000)), max_size=60))
def test_memory_is_bounded(puts: list[tuple[int, int]]) -> None:
    """Whatever is put, the bytes stay within the bound, and what is found is what was put last."""
    memory = Memory(8 * ENTRY_BYTES, 60)
    last: dict[str, bytes] = {}
    for number, size in puts:
        key, value = f"answer:{number}", bytes([number]) * size
        memory.put(key, value)
        last[key] = value
        assert memory.size <= 8 * ENTRY_BYTES
    assert memory.size == sum(len(k) + len(v) + ENTRY_BYTES for k, v in last.items() if memory.get(k) is not None)
    assert all(memory.get(key) in {None, value} for key, value in last.items())


def test_the_least_recently_used_goes_first() -> None:
    """What is asked for stays."""
    memory = Memory(2 * ENTRY_BYTES + 20, 60)
    memory.put("a", b"1")
    memory.put("b", b"2")
    assert memory.get("a") == b"1"
    memory.put("c", b"3")
    assert (memory.get("a"), memory.get("b"), memory.get("c")) == (b"1", None, b"3")


def test_what_does_not_fit_is_not_kept() -> None:
    """A value larger than all of the memory leaves the others in place, and nothing stale under its own key."""
    memory = Memory(MEBIBYTE, 60)
    memory.put("a", b"1")
    memory.put("b", b"2")
    memory.put("b", bytes(MEBIBYTE))
    assert (memory.get("a"), memory.get("b"), len(memory)) == (b"1", None, 1)


def test_no_memory_is_no_error() -> None:
    """A bound of nothing keeps nothing."""
    memory = Memory(0, 60)
    memory.put("a", b"")
    assert memory.get("a") is None


def test_values_expire() -> None:
    """A value is found until its time is over, and then takes no room."""
    clock = Clock()
    memory = Memory(MEBIBYTE, 10, clock)
    memory.put("a", b"1")
    clock.now = 9.9
    assert memory.get("a") == b"1"
    clock.now = 10
    assert memory.get("a") is None
    assert memory.size == 0


@pytest.mark.parametrize("size", [0, 100, 10_000])
def test_the_bound_holds_for_the_process(size: int) -> None:
    """What the interpreter takes for keys, values and tables is within the bound, too."""
    tracemalloc.start()
    try:
        memory = Memory(8 * MEBIBYTE, 60)
        for number in range(20_000):
            memory.put(f"answer:{number:064x}", bytes(size))
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    print(f"\n{len(memory)} values of {size} bytes in 8 MiB: {taken / MEBIBYTE:.2f} MiB")  # noqa: T201
    assert taken <= 8 * MEBIBYTE

"""The parts of an executor that need no process."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import psutil
import pytest

from service.errors import OverloadedError
from service.pool import quarantine
from service.pool.bounds import PoolBounds
from service.pool.frames import BrokenFrameError, Inbox, LostBodyError, frame
from service.pool.lanes import SLACK, Correction, Ticket, Waiting
from service.pool.memory import mapped, shared, shared_soon
from service.pool.quarantine import Quarantine
from service.pool.slot import Slot
from tests.pool.executors import order, run


def worker(lane: Waiting) -> Slot:
    """An idle worker without a process, which no order reaches."""
    slot = object.__new__(Slot)
    lane.idle.append(slot)
    return slot


def ticket(lane: Waiting, seconds: float, deadline: float) -> Ticket:
    """An order that waits."""
    waiting = Ticket(order("echo"), deadline, seconds, 0.0)
    lane.push(waiting)
    return waiting


def test_the_wait_is_the_work_ahead() -> None:
    """Of those who wait and of those at work, shared by the workers, as far as it is not done."""

    async def scenario() -> None:
        lane = Waiting("small", 2)
        assert lane.wait(0.0) == 0.0
        worker(lane), worker(lane)
        for _ in range(4):
            ticket(lane, 1.0, 100.0)
        lane.hand_out(0.0)
        assert lane.wait(0.0) == pytest.approx((2 + 2) / 2)
        assert lane.wait(0.5) == pytest.approx((2 + 1) / 2)
        lane.correction.learn(3.0, 1.0)
        assert lane.wait(0.0) == pytest.approx(3 * (2 + 2) / 2)

    run(scenario())


def test_who_would_be_late_is_refused() -> None:
    """With the time after which one would not be."""

    async def scenario() -> None:
        lane = Waiting("small", 1)
        worker(lane)
        lane.admit(1000.0, 1.0, 0.0)  # a guess alone refuses nobody whom nobody is before
        for _ in range(5):
            ticket(lane, 1.0, 100.0)
        lane.hand_out(0.0)
        lane.admit(1.0, SLACK * 6 + 0.1, 0.0)
        with pytest.raises(OverloadedError) as refusal:
            lane.admit(1.0, SLACK * 6 - 3.1, 0.0)
        assert refusal.value.retry_after == 4

    run(scenario())


def test_who_cannot_be_done_in_time_makes_room() -> None:
    """While others wait; the last one is tried."""

    async def scenario() -> None:
        lane = Waiting("small", 1)
        late, last = ticket(lane, 1.0, 5.5), ticket(lane, 1.0, 5.5)
        slot = worker(lane)
        lane.hand_out(5.0)
        assert isinstance(late.turn.exception(), OverloadedError)
        assert last.turn.result() is slot
        assert len(lane) == 0
        assert not lane.idle

    run(scenario())


def test_a_correction_follows_and_is_bounded() -> None:
    """Recent orders count most, long ones more than short ones, and no order sets it for good."""
    correction = Correction()
    assert correction.factor == 1.0
    for _ in range(200):
        correction.learn(2.0, 1.0)
    assert correction.factor == pytest.approx(2.0)
    for _ in range(200):
        correction.learn(0.5, 1.0)
    assert correction.factor == pytest.approx(0.5, rel=1e-3)
    correction.learn(1e9, 0.0)
    assert correction.factor <= 1000


def test_a_quarantine_ends() -> None:
    """After its time."""
    now = 0.0
    held = Quarantine(10.0, lambda: now)
    held.add("a")
    assert "a" in held
    assert "b" not in held
    now = 10.0
    assert "a" not in held


def test_a_quarantine_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest keys go."""
    monkeypatch.setattr(quarantine, "KEYS", 2)
    held = Quarantine(10.0, lambda: 0.0)
    for key in ("a", "b", "a", "c"):
        held.add(key)
    assert [key in held for key in "abc"] == [True, False, True]


def test_a_message_arrives_in_pieces() -> None:
    """One byte at a time, and two at once."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        inbox = Inbox(theirs)
        data = frame({"a": 1}, b"body")
        for number, byte in enumerate(data + data):
            if number % len(data):
                assert inbox.next() is None
            ours.send(bytes([byte]))
            assert inbox.read()
            if not (number + 1) % len(data):
                message = inbox.next()
                assert message is not None
                assert (message.head, bytes(message.body())) == ({"a": 1}, b"body")
        ours.sendall(data + data)
        assert inbox.read()
        assert inbox.next()
        assert inbox.next()
        assert inbox.next() is None
        ours.close()
        assert not inbox.read()


@pytest.mark.parametrize("data", [b"\xff" * 16, b"\x02\0\0\0\0\0\0\0" + bytes(8) + b"{]"])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    """Lengths out of bounds, and a head that is not JSON."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(data)
        inbox = Inbox(theirs)
        assert inbox.read()
        with pytest.raises(BrokenFrameError):
            inbox.next()


def test_a_body_without_its_descriptor_is_lost() -> None:
    """The stream goes on, and the next message is whole."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(frame({}, size=100_000) + frame({"next": True}))
        inbox = Inbox(theirs)
        assert inbox.read()
        first, second = inbox.next(), inbox.next()
        assert first is not None
        with pytest.raises(LostBodyError):
            first.body()
        assert second is not None
        assert second.head == {"next": True}


def test_shared_memory_can_only_be_read() -> None:
    """Neither side changes what the other may be reading."""
    descriptor = shared(b"x" * 100_000)
    for change in (lambda: os.ftruncate(descriptor, 10), lambda: os.pwrite(descriptor, b"y", 0)):
        with pytest.raises(PermissionError):
            change()
    view = mapped(descriptor, 100_000)
    assert view.readonly
    assert bytes(view) == b"x" * 100_000


def test_memory_of_another_length_is_refused() -> None:
    """And its descriptor is closed."""
    descriptor = shared(b"x" * 100)
    with pytest.raises(OSError, match="as long"):
        mapped(descriptor, 101)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_machine_without_nameless_memory_has_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Files whose names are gone."""
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    descriptor = shared(b"x" * 100_000)
    assert not list(tmp_path.iterdir())
    assert bytes(mapped(descriptor, 100_000)) == b"x" * 100_000


def test_leaving_while_memory_is_written_leaves_no_descriptor() -> None:
    """The thread ends, and what it wrote is closed."""

    async def scenario() -> None:
        await asyncio.to_thread(lambda: None)
        before = psutil.Process().num_fds()
        writing = asyncio.ensure_future(shared_soon(bytes(64 << 20)))
        await asyncio.sleep(0)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await asyncio.get_running_loop().shutdown_default_executor()
        await asyncio.sleep(0)
        assert psutil.Process().num_fds() <= before

    run(scenario())


def test_there_are_always_workers() -> None:
    """Two small ones and a large one at least, on any machine; as many as asked for, if asked."""
    assert PoolBounds().slots("small") >= 2
    assert PoolBounds().slots("large") >= 1
    assert PoolBounds(workers=1).slots("small") == 1
    assert PoolBounds(large_workers=3).slots("large") == 3

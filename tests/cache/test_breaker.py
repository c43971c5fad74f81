"""When a server that fails is asked, on a clock that the test turns."""

from __future__ import annotations

import pytest

from service.cache.breaker import Breaker
from tests.cache.test_memory import Clock


@pytest.fixture
def clock() -> Clock:
    """Midnight."""
    return Clock()


def opened(clock: Clock) -> Breaker:
    """One that has seen three failures."""
    breaker = Breaker(3, 1.0, 5.0, clock)
    for _ in range(3):
        assert breaker.admits()
        breaker.failed()
    return breaker


def test_opens_after_failures_in_a_row(clock: Clock) -> None:
    """A success between them starts the count again."""
    breaker = Breaker(3, 1.0, 5.0, clock)
    for report in (breaker.failed, breaker.failed, breaker.succeeded, breaker.failed, breaker.failed):
        report()
        assert breaker.state == "closed"
    breaker.failed()
    assert breaker.state == "open"
    assert not breaker.admits()


def test_one_probe_at_a_time(clock: Clock) -> None:
    """When the wait is over, one is let through, and its success lets all through."""
    breaker = opened(clock)
    clock.now = 1.0
    assert breaker.state == "half-open"
    assert [breaker.admits() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert [breaker.admits() for _ in range(3)] == [True, True, True]


def test_waits_grow_up_to_a_bound(clock: Clock) -> None:
    """A server that stays away is asked less and less often."""
    breaker = opened(clock)
    probes = []
    for tenth in range(300):
        clock.now = tenth / 10
        if breaker.admits():
            probes.append(clock.now)
            breaker.failed()
    assert probes == [1.0, 3.0, 7.0, 12.0, 17.0, 22.0, 27.0]


def test_failures_that_come_late_do_not_lengthen_the_wait(clock: Clock) -> None:
    """Those that were under way when it opened are no news."""
    breaker = opened(clock)
    for _ in range(50):
        breaker.failed()
    clock.now = 1.0
    assert breaker.admits()


def test_a_probe_that_never_reports_keeps_nobody_out(clock: Clock) -> None:
    """A cancelled probe is followed by the next one."""
    breaker = opened(clock)
    clock.now = 1.0
    assert breaker.admits()
    clock.now = 3.0
    assert breaker.admits()

"""The experiments of `python -m benchmarks.faults`, short: nothing fails, no answer is wrong, the service recovers."""

from __future__ import annotations

import pytest

from benchmarks.faults import crowds, redis_faults, worker_faults
from benchmarks.faults.finding import Finding
from benchmarks.faults.load import LOST, Answer, late
from benchmarks.faults.page import PAGE, written
from benchmarks.faults.shown import LINE
from benchmarks.faults.soak import Sample, growth
from benchmarks.faults.table import faults

pytestmark = pytest.mark.timeout(300)


def check(row: str, finding: Finding) -> None:
    """Prints the figure; nothing may be broken."""
    print(f"{row} {finding.figure}")
    assert not finding.broken


def test_redis_is_killed() -> None:
    """Under load, and comes back empty."""
    check("F1", redis_faults.killed(quick=True))


def test_redis_hangs() -> None:
    """Under load, and goes on."""
    check("F2", redis_faults.hung(quick=True))


def test_stored_values_are_spoilt() -> None:
    """While they are served: none of them is."""
    check("F4", redis_faults.corrupted(quick=True))


def test_workers_are_killed() -> None:
    """Every half a second: what they were at is done elsewhere, with the same bits."""
    check("F5", worker_faults.killed(quick=True))


def test_a_request_that_ends_its_worker() -> None:
    """Is refused the second time, and from then on at once."""
    check("F6", worker_faults.poison(quick=True))


def test_a_request_that_takes_too_long() -> None:
    """Is refused at its deadline."""
    check("F7", worker_faults.too_long(quick=True))


def test_ten_times_too_much() -> None:
    """Every request is answered or told that it cannot be in time, and afterwards nobody waits."""
    check("F9", crowds.overload(quick=True))


def test_small_requests_beside_long_ones() -> None:
    """Each is answered, and right."""
    check("F10", crowds.beside(quick=True))


def test_clients_leave() -> None:
    """What they asked for is not computed any more."""
    check("F12", worker_faults.leaving(quick=True))


def test_growth_is_seen() -> None:
    """A leak is, and noise is not taken for one."""
    steady = [Sample(100 + number % 2, 1, 1) for number in range(100)]
    leaking = [Sample(100 + number, 1, 1) for number in range(100)]
    assert growth(steady, 10) == pytest.approx(0, abs=0.02)
    assert growth(leaking, 10) > 0.5


def test_late_is_a_percentile() -> None:
    """The largest of a hundred is not in it, the second largest is."""
    answers = [Answer(number, 0.0, float(number), LOST) for number in range(1, 101)]
    assert (late(answers), late(answers, 0.5), late([])) == (99.0, 50.0, 0.0)


def test_figures_are_found_among_dots() -> None:
    """Pytest prints its dots into the same lines."""
    assert LINE.findall("..F1 one\nF19 two\n.F3 three F4\nFAILED F1\n") == [
        ("F1", "one"),
        ("F19", "two"),
        ("F3", "three F4"),
    ]


def test_figures_stand_in_their_rows() -> None:
    """Every row that is measured is on the page, and only its last cell changes."""
    page = PAGE.read_text(encoding="utf-8")
    after = written(page, {row: Finding(f"figure of {row}", ["broken"]) for row in faults()})
    assert all(f"| {row} |" in page and f"figure of {row}; **broken**" in after for row in faults())
    assert len(after.splitlines()) == len(page.splitlines())
    with pytest.raises(ValueError, match="F99"):
        written(page, {"F99": Finding("")})

"""What is asked while things break: requests that cost little, something, or much, all different from each other."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from benchmarks.faults.load import OK, Answer, Request, ask_all
from tests.server.processes import Served

HEAVY_ROWS = 400
LONGEST = 7990  # powers of a power, as many as the bound on tokens allows
STORED_ENTRIES = 1500
POOL = 60  # requests of which it is known what the answers are


def small(number: int) -> Request:
    """A fraction of a millisecond."""
    return Request.of("gradient", {"expression": "x.T @ x", "at": {"x": [number, 0.5]}, "forms": []})


def heavy(number: int, rows: int = HEAVY_ROWS, **headers: str) -> Request:
    """The inverse of a matrix, some 20 ms of a worker's time."""
    x = [1 + number / 1e7, *(1 + k / rows for k in range(1, rows))]
    fields = {"expression": f"sum(inv(outer(x, x) + {rows}*eye({rows})))", "at": {"x": x}, "forms": []}
    return Request.of("gradient", fields, **headers)


def stored(number: int) -> Request:
    """A body long enough that its answer is kept in Redis, if there is no place in memory."""
    x = [k / 997 + number for k in range(STORED_ENTRIES)]
    return Request.of("gradient", {"expression": "sum(sin(x)*exp(-x/1000))", "at": {"x": x}, "forms": []})


def endless(number: int, powers: int = LONGEST, **headers: str) -> Request:
    """Some seconds, although the body is short and within every bound."""
    fields = {"expression": "x" + "**x" * powers, "at": {"x": 1.5 + number / 1e6}, "forms": []}
    return Request.of("gradient", fields, **headers)


def truth(served: Served, requests: Sequence[Request]) -> list[bytes]:
    """The answers while nothing is broken; every one is 200."""
    answers = asyncio.run(ask_all(served.port, requests))
    assert all(status == OK for status, _ in answers), answers
    return [body for _, body in answers]


def compare(answers: Sequence[Answer], right: Sequence[bytes]) -> tuple[int, int]:
    """How many failed, and how many are wrong in at least one bit; request k is the k-th of the pool, over and over."""
    failed = sum(answer.status != OK for answer in answers)
    return failed, sum(a.status == OK and a.body != right[a.number % len(right)] for a in answers)


def counter(served: Served, name: str) -> float:
    """The sum of a metric's values over its labels."""
    text = served.ask("/metrics")[1].decode()
    found = re.findall(rf"^fluxion_{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.MULTILINE)
    assert found, f"{name} is no metric"
    return sum(map(float, found))

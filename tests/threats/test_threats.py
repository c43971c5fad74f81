"""Every known way to attack a service like this one is tried on a running one, which answers, and goes on."""

from __future__ import annotations

import ast
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

import pytest

from tests.server.processes import Served, service
from tests.server.raw import connect, rest
from tests.service_process import ROOT
from tests.threats.bodies import BODIES
from tests.threats.rows import Attack, Row, Shown
from tests.threats.texts import TEXTS
from tests.threats.wire import WIRE

THREATS: dict[str, Row] = TEXTS | BODIES | WIRE
ATTACKS = {
    f"{row} {number}: {part.about}": part
    for row, parts in THREATS.items()
    for number, part in enumerate(parts, 1)
    if isinstance(part, Attack)
}
PLACES = sorted({(part.path, part.name) for parts in THREATS.values() for part in parts if isinstance(part, Shown)})
PROBLEM_BYTES = 8192
AIM = 2.0  # seconds
_numbers = count(1)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """One service for every attack."""
    with service(log_level="critical") as running:
        yield running


@pytest.fixture(scope="module")
def seconds() -> Iterator[dict[str, float]]:
    """How long each answer took, told at the end."""
    found: dict[str, float] = {}
    yield found
    slowest = sorted(found, key=found.__getitem__)[-3:]
    told = "; ".join(f"{found[name]:.2f} s {name}" for name in reversed(slowest))
    late = sum(after > AIM for after in found.values())
    print(f"T1-T49 {len(found)} attacks answered, {late} after more than {AIM:.0f} s; the slowest: {told}")


def refuse(token: str) -> float:
    """Not what JSON has."""
    raise ValueError(token)


def is_well(served: Served) -> bool:
    """Whether it computes what it has not computed before."""
    number = next(_numbers)
    body = json.dumps({"expression": "x.T @ x", "at": {"x": [number, 2]}, "forms": []}).encode()
    status, answer = served.ask("/v1/gradient", body, {"Content-Type": "application/json"})
    return status == 200 and json.loads(answer)["derivatives"][0]["value"]["data"] == [2.0 * number, 4.0]


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_answered(served: Served, seconds: dict[str, float], name: str) -> None:
    """With the status and the code that the row requires, as a short problem document, and the service is well."""
    attack = ATTACKS[name]
    with connect(served) as raw:
        start = time.perf_counter()
        with suppress(OSError):  # it may answer before it has everything
            raw.sendall(attack.sent)
        head, _, body = rest(raw).partition(b"\r\n\r\n")
        seconds[name] = time.perf_counter() - start
    status = int(head.split(b" ", 2)[1])
    if b"application/problem+json" in head:
        problem = json.loads(body, parse_constant=refuse)
        assert (status, problem["code"]) == attack.required, problem["detail"]
        assert len(body) <= PROBLEM_BYTES
    else:
        assert (status, None) == attack.required
        assert attack.holds in body
    if b"application/json" in head:
        json.loads(body, parse_constant=refuse)
    assert is_well(served)


@pytest.mark.parametrize(("path", "name"), PLACES)
def test_what_no_request_shows_is_shown(path: str, name: str) -> None:
    """The tests that stand for a row are there."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    names = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert name in names


def test_every_threat_has_its_row() -> None:
    """From the first to the last, each with something in it."""
    assert list(THREATS) == [f"T{number}" for number in range(1, 50)]
    assert all(THREATS.values())

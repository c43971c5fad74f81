"""Calls in which something was replaced, removed or added at random: each is answered or refused, none ends badly."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.tesseract.calling import CASES, post, registered
from tests.tesseract.test_description import bodies

CALLS = 150  # of each function
PIECES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, 2**70, 1e308, -0.0, "", "x", "NaN", "Infinity", "\ud83d", "a" * 3000,
    [], {}, [[]], {"": 0}, [None], ["x"], [0, [1]], [1] * 50, {"shape": [1], "data": [1]},
    {"shape": [3], "dtype": "float64", "data": {"buffer": "AAAA", "encoding": "base64"}},
)  # fmt: skip
NAMES = ("z", "x", "shape", "dtype", "buffer", "compression", "inputs")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to all values within one."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in parts:
        yield (*path, step)
        yield from places(part, (*path, step))


def changed(body: Any, rng: random.Random) -> Any:
    """The body with a change at one place."""
    body = copy.deepcopy(body)
    *path, last = rng.choice([*places(body)])
    inner = body
    for step in path:
        inner = inner[step]
    piece, how = copy.deepcopy(rng.choice(PIECES)), rng.random()
    if how < 0.6:
        inner[last] = piece
    elif how < 0.8:
        del inner[last]
    elif isinstance(inner, dict):
        inner[rng.choice(NAMES)] = piece
    else:
        inner.append(piece)
    return body


@pytest.mark.parametrize("name", CASES)
def test_no_call_ends_badly(server: str, name: str) -> None:
    """No defect is answered, and every refusal has the form that the client reads."""
    rng, calls = random.Random(name), bodies(CASES[name])  # noqa: S311 - the same calls each time
    address, statuses = registered(server, CASES[name].registration), set()
    for _ in range(CALLS):
        call = rng.choice([*calls])
        body = changed(calls[call], rng)
        status, answer, _ = post(f"{address}/{call}", json.dumps(body).encode())
        statuses.add(status)
        assert status in {200, 400, 422}, (body, answer)
        if status != 200:
            assert answer["code"] != "internal"
            assert bool(answer["detail"])
            assert isinstance(answer["detail"], list if status == 422 else str)
    assert statuses == {200, 400, 422}

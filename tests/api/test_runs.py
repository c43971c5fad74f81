"""Long lists of numbers are read as the JSON parser reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from service.api import runs
from service.api.runs import loads
from tests.api.asserting import pointers, problem

JSON = {"Content-Type": "application/json"}
NUMBER = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**30), 10**30).map(str),
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?", fullmatch=True),
)
WRONG = st.sampled_from(
    [
        "",
        " ",
        "NaN",
        '"NaN"',
        '"1"',
        "true",
        "null",
        "[1]",
        "{}",
        "1e999",
        "01",
        "+1",
        ".5",
        "1.",
        "1 2",
        "0x1",
        "1_0",
        "e",
    ]
)
PLACES = {
    "at": '{"at": {"x": %s}}',
    "flat": '{"at": {"x": {"shape": [3], "data": %s}, "y": 1}}',
    "alone": '{"cotangent": %s, "expression": "x"}',
    "two": '{"tangents": {"x": %s}, "evaluate_at" :{"x": {"data":\n %s}}}',
    "twice": '{"at": {"x": %s, "x": %s}}',
    "rows": '{"at": {"x": [%s, %s]}}',
    "graph": '{"graph": {"constants": [{"data": %s}]}, "at": {"x": %s}}',
    "shape": '{"at": {"x": {"shape": %s, "data": [1]}}}',
    "text": '{"expression": "x:%s", "at": {"x": %s}}',
    "escaped": '{"expression": "\\":%s", "at": {"x": %s}}',
    "list": "[%s]",
    "bare": "%s",
    "broken": '{"at": {"x": %s}',
}


@pytest.fixture(autouse=True, scope="module")
def _short() -> Any:
    """Lists of a few numbers count as long."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "STRIDE", 8)
        patch.setattr(runs, "SHORTEST", 16)
        patch.setattr(runs, "PIECE", 40)
        yield


def plain(value: Any) -> Any:
    """Arrays as lists of the bits of doubles, and so all lists of numbers."""
    if isinstance(value, np.ndarray):
        return value.view(np.int64).tolist()
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, list) and value and all(type(entry) in {int, float} for entry in value):
        return np.array(value, np.float64).view(np.int64).tolist()
    return [plain(entry) for entry in value] if isinstance(value, list) else value


def arrays(value: Any) -> int:
    """How many arrays a value has."""
    if isinstance(value, dict | list):
        return sum(map(arrays, value.values() if isinstance(value, dict) else value))
    return isinstance(value, np.ndarray)


def result(read: Any, raw: bytes) -> Any:
    """What is read, or the error."""
    try:
        return plain(read(raw))
    except orjson.JSONDecodeError as error:
        return str(error)


@given(
    place=st.sampled_from(sorted(PLACES)),
    numbers=st.lists(NUMBER, min_size=1, max_size=40),
    wrong=st.none() | st.tuples(st.integers(0, 40), WRONG),
    comma=st.sampled_from([",", ", ", " ,\n\t", ",\r\n"]),
)
@example("at", ["1"] * 40, (40, ""), ",")
@example("at", ["1"] * 40, (0, ""), ",")
@example("at", ["1" * 60, "2"], None, ",")
def test_it_is_the_same_value(place: str, numbers: list[str], wrong: tuple[int, str] | None, comma: str) -> None:
    """Every list of numbers, and everything that is none, is read or refused as by the parser itself, bit for bit."""
    if wrong:
        numbers = [*numbers[: wrong[0]], wrong[1], *numbers[wrong[0] :]]
    raw = PLACES[place].replace("%s", f"[{comma.join(numbers)}]").encode()
    assert result(loads, raw) == result(orjson.loads, raw)


@pytest.mark.parametrize(
    ("place", "count"), [("at", 1), ("flat", 1), ("alone", 1), ("two", 2), ("rows", 0), ("text", 0)]
)
def test_long_lists_of_tensors_are_arrays(place: str, count: int) -> None:
    """The way that is quicker is taken where it can be."""
    raw = PLACES[place].replace("%s", str(list(range(30)))).encode()
    assert arrays(loads(raw)) == count


def test_long_lists_are_tensors(client: TestClient) -> None:
    """Shapes, limits and faults are those of short lists."""

    def ask(text: str) -> Any:
        return client.post("/v1/gradient", content=f'{{"expression": "x", "at": {{"x": {text}}}}}', headers=JSON)

    many = list(range(50))
    assert ask(f'{{"shape": [5, 10], "data": {many}}}').json()["derivatives"][0]["value"]["shape"] == [5, 10]
    assert ask(f"{many}").json()["derivatives"][0]["value"]["data"] == [2.0 * entry for entry in many]
    found = problem(ask(f'{{"shape": [51], "data": {many}}}'), 422, "invalid-request")
    assert (pointers(found), found["detail"]) == (["/at/x/data"], "the shape [51] has 51 entries, but `data` has 50")
    assert pointers(problem(ask(f"{[0] * 10_001}"), 422, "limit-exceeded")) == ["/at/x"]
    assert pointers(problem(ask(f"{[*many, True]}".replace("T", "t")), 422, "invalid-request")) == ["/at/x"]
    assert pointers(problem(ask(f"{many}".replace("49", "1e400")), 422, "invalid-request")) == ["/at/x/49"]

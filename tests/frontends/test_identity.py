"""Which functions are the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from service.errors import FluxionError
from service.frontends.identity import function_id
from service.frontends.text import Scope, read_text
from service.ir.node import make
from service.ir.op import find
from service.ir.size import Shape
from tests.frontends.reading import LIMITS, SHAPES, output, read
from tests.frontends.reading import given as given_variable
from tests.frontends.spellings import Report
from tests.frontends.test_precedence import EXPRESSIONS
from tests.frontends.test_precedence import SCOPE as SQUARES


def identity(source: str) -> str:
    """The identity of a text's function over all variables of the scope."""
    return function_id([output(source)], SHAPES.items())


def test_its_form() -> None:
    """`fn_` and 32 hexadecimal digits, the same in every process and on every machine."""
    assert re.fullmatch(r"fn_[0-9a-f]{32}", identity("t"))
    assert function_id([output("sin(t)")], [("t", ())]) == "fn_e51ba29b0920dfcba7c6d6d8d111d9c6"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = sin(t)\na*a", "inner = sin(t)\ninner*inner"),
        ("t + s", "s + t"),
        ("sin(t*s) + x", "x + sin(s*t)"),
        ("maximum(t, 2)", "maximum(2, t)"),
        ("hypot(s, t)", "hypot(t, s)"),
        ("logaddexp(s, t)", "logaddexp(t, s)"),
        ("ln(t)", "np.log(t)"),
        ("sum(X, -1)", "sum(X, axis=1, keepdims=False)"),
        ("2*t", "2.0*t"),
        ("A @ x", "matmul(A, x)"),
        ("x.T @ A @ x", "x @ A @ x"),
    ],
)
def test_spelling_does_not_matter(one: str, other: str) -> None:
    """Inner names, aliases, defaults and the order of commutative operands are not the function."""
    assert identity(one) == identity(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("t - s", "s - t"),
        ("t / s", "s / t"),
        ("s**t", "t**s"),
        ("A @ A.T", "A.T @ A"),
        ("sum(A.T, axis=0)", "sum(A, axis=0)"),
        ("t + s", "t*s"),
        ("0.0*t", "-0.0*t"),
        ("[1, 0]", "[0, 1]"),
        ("[0.0]", "[-0.0]"),
        ("[1, 2]", "[[1, 2]]"),
        ("sum(X, 0)", "sum(X, 1)"),
        ("sum(A, 0, keepdims=True)", "sum(A, 0)"),
        ("t + (s + 1)", "(t + s) + 1"),
        ("[s, t]", "[t, s]"),
        ("where(t < s, 1, 2)", "where(t < s, 2, 1)"),
        ("-(2)", "-2"),
    ],
)
def test_meaning_does(one: str, other: str) -> None:
    """Another function, or the same one re-associated, is another identity."""
    assert identity(one) != identity(other)


def test_inputs_are_part_of_it() -> None:
    """Their names and shapes, used or not, but not their order."""
    t = given_variable("t")
    plain = function_id([t], [("t", ()), ("s", ())])
    assert plain == function_id([t], [("s", ()), ("t", ())])
    others: list[list[tuple[str, Shape]]] = [
        [("t", ())],
        [("t", ()), ("s", (1,))],
        [("t", ()), ("u", ())],
        [("t", ()), ("s", ()), ("u", ())],
    ]
    assert len({plain, *(function_id([t], inputs) for inputs in others)}) == 5
    bound = read("x", Scope({"x": SHAPES["x"]}, {"n": 3}))
    assert function_id([bound.output], bound.variables.items()) != function_id(
        [given_variable("x")], [("x", SHAPES["x"])]
    )


def test_outputs_are_ordered() -> None:
    """Two outputs are a list."""
    s, t = given_variable("s"), given_variable("t")
    assert function_id([s, t], []) != function_id([t, s], [])
    assert function_id([s], []) != function_id([s, s], [])


def test_kinds_of_attributes_are_told_apart() -> None:
    """1, 1.0 and True are equal to Python and different attributes."""
    op = find("sum")
    assert op is not None
    nodes = [make(op, (given_variable("t"),), (("axis", value),), ()) for value in (1, 1.0, True, "1", (1,), 0.0, -0.0)]
    assert len({function_id([node], []) for node in nodes}) == len(nodes)


@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS)
def test_sums_commute(one: str, other: str) -> None:
    """Whatever the operands are."""
    try:
        left = read_text(f"({one}) + ({other})", SQUARES, LIMITS).output
        right = read_text(f"({other}) + ({one})", SQUARES, LIMITS).output
    except FluxionError:
        return
    assert function_id([left], []) == function_id([right], [])


def test_random_pairs() -> None:
    """Ids are equal where functions are, only there; `python -m tests.frontends.spellings` compares 10^5 pairs."""
    report = Report()
    for seed in range(1500):
        report.pair(seed)
    assert not report.wrong, report.wrong[0]
    assert report.equal > 750
    assert report.different > 300
    assert len(report.by_number) == len(report.ids)


def test_the_count_of_wrong_ids_can_fail() -> None:
    """Two functions with one id, and one function with two ids, are found."""
    report = Report()
    shapes: dict[str, Shape] = {"t": ()}
    number = report.enter("sin(t)", shapes)
    report.by_number[number] = "fn_other"
    report.enter("np.sin(t)", shapes)
    report.ids[function_id([output("cos(t)", Scope(shapes))], shapes.items())] = number
    report.enter("cos(t)", shapes)
    assert report.wrong == ["np.sin(t)", "cos(t)"]


def test_a_long_function() -> None:
    """No recursion: a graph may be as deep as the text is long."""
    assert identity("t" + "+t" * 7999) != identity("t" + "+t" * 7998)
    assert identity("t" + "**t" * 7999) != identity("t" + "**t" * 7998)

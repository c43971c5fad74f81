"""MathOptFormat: what its operators mean, its functions and models, and what is refused."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import mpmath
import pytest

from service.frontends.mathoptformat import read_mathoptformat
from service.frontends.mathoptformat_operators import OPERATORS
from tests.frontends.foreign import check, computed, identity_of_graph, identity_of_text, refusal
from tests.frontends.mathoptformat import affine, call, model, node, nonlinear, read, squares
from tests.frontends.reading import LIMITS

RELATIVE = 1e-15  # one division and one function


INSIDE, POSITIVE, ABOVE, SIGNED = (0.3, -0.7), (0.4, 1.7, 30.0), (1.3, 4.0), (0.4, -1.3, 2.5)
Exact = Callable[..., Any]
degrees, radians = mpmath.degrees, mpmath.radians

# What Julia computes, by mpmath; with points on either side of what is special.
UNARY: dict[str, tuple[Exact, tuple[float, ...]]] = {
    "+": (lambda x: x, SIGNED),
    "-": (lambda x: -x, SIGNED),
    "abs": (abs, SIGNED),
    "abs2": (lambda x: x * x, SIGNED),
    "sign": (mpmath.sign, SIGNED),
    "sqrt": (mpmath.sqrt, POSITIVE),
    "cbrt": (lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)), (*SIGNED, 1e10)),
    "inv": (lambda x: 1 / x, SIGNED),
    "log": (mpmath.log, POSITIVE),
    "log10": (mpmath.log10, POSITIVE),
    "log2": (lambda x: mpmath.log(x, 2), POSITIVE),
    "log1p": (mpmath.log1p, (-0.5, 1e-9, 3.0)),
    "exp": (mpmath.exp, SIGNED),
    "exp2": (lambda x: mpmath.mpf(2) ** x, SIGNED),
    "expm1": (mpmath.expm1, (1e-9, *SIGNED)),
    "sin": (mpmath.sin, SIGNED),
    "cos": (mpmath.cos, SIGNED),
    "tan": (mpmath.tan, SIGNED),
    "sec": (mpmath.sec, SIGNED),
    "csc": (mpmath.csc, SIGNED),
    "cot": (mpmath.cot, SIGNED),
    "asin": (mpmath.asin, INSIDE),
    "acos": (mpmath.acos, INSIDE),
    "atan": (mpmath.atan, SIGNED),
    "asec": (lambda x: mpmath.acos(1 / x), (1.3, -4.0)),
    "acsc": (lambda x: mpmath.asin(1 / x), (1.3, -4.0)),
    "acot": (lambda x: mpmath.atan(1 / x), SIGNED),
    "sinh": (mpmath.sinh, SIGNED),
    "cosh": (mpmath.cosh, SIGNED),
    "tanh": (mpmath.tanh, SIGNED),
    "sech": (mpmath.sech, SIGNED),
    "csch": (mpmath.csch, SIGNED),
    "coth": (mpmath.coth, SIGNED),
    "asinh": (mpmath.asinh, SIGNED),
    "acosh": (mpmath.acosh, ABOVE),
    "atanh": (mpmath.atanh, INSIDE),
    "asech": (mpmath.asech, (0.3, 0.8)),
    "acsch": (mpmath.acsch, SIGNED),
    "acoth": (mpmath.acoth, (1.3, -4.0)),
    "sind": (lambda x: mpmath.sin(radians(x)), (30.0, -100.0)),
    "cosd": (lambda x: mpmath.cos(radians(x)), (30.0, -100.0)),
    "tand": (lambda x: mpmath.tan(radians(x)), (30.0, -100.0)),
    "secd": (lambda x: mpmath.sec(radians(x)), (30.0, -100.0)),
    "cscd": (lambda x: mpmath.csc(radians(x)), (30.0, -100.0)),
    "cotd": (lambda x: mpmath.cot(radians(x)), (30.0, -100.0)),
    "asind": (lambda x: degrees(mpmath.asin(x)), INSIDE),
    "acosd": (lambda x: degrees(mpmath.acos(x)), INSIDE),
    "atand": (lambda x: degrees(mpmath.atan(x)), SIGNED),
    "asecd": (lambda x: degrees(mpmath.acos(1 / x)), (1.3, -4.0)),
    "acscd": (lambda x: degrees(mpmath.asin(1 / x)), (1.3, -4.0)),
    "acotd": (lambda x: degrees(mpmath.atan(1 / x)), SIGNED),
    "deg2rad": (radians, SIGNED),
    "rad2deg": (degrees, SIGNED),
    "erf": (mpmath.erf, SIGNED),
    "erfc": (mpmath.erfc, (*SIGNED, 5.0)),
    "gamma": (mpmath.gamma, (0.4, 5.0, 20.3, -0.5, -1.3, -2.7)),
    "lgamma": (lambda x: mpmath.log(abs(mpmath.gamma(x))), (0.4, 20.3, -1.3)),
    "digamma": (mpmath.digamma, (0.4, 20.3, -1.3)),
    "trigamma": (lambda x: mpmath.psi(1, x), (0.4, 20.3, -1.3)),
    "floor": (mpmath.floor, SIGNED),
    "ceil": (mpmath.ceil, SIGNED),
    "*": (lambda x: x, SIGNED),
    "min": (lambda x: x, SIGNED),
    "max": (lambda x: x, SIGNED),
}
PAIRS = ((0.4, 1.3), (1.7, -0.6), (2.5, 2.0))
BINARY: dict[str, Exact] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
    "/": lambda x, y: x / y,
    "^": lambda x, y: x**y,
    "atan": mpmath.atan2,
    "min": min,
    "max": max,
    "<": lambda x, y: mpmath.mpf(x < y),
    "<=": lambda x, y: mpmath.mpf(x <= y),
    ">": lambda x, y: mpmath.mpf(x > y),
    ">=": lambda x, y: mpmath.mpf(x >= y),
    "==": lambda x, y: mpmath.mpf(x == y),
}


@pytest.mark.parametrize("name", UNARY)
def test_operators_of_one(name: str) -> None:
    """Value and slope are those of the function it is called after."""
    exact, points = UNARY[name]
    graph = read(nonlinear(call(name, "x")))
    for point in points:
        check(graph, exact, {"x": point})


@pytest.mark.parametrize("name", BINARY)
def test_operators_of_two(name: str) -> None:
    """The first operand is the first."""
    graph = read(model(nonlinear(call(name, "x", "y")), "x", "y"))
    for pair in PAIRS:
        check(graph, BINARY[name], dict(zip("xy", pair, strict=True)))


def test_every_operator_is_tested() -> None:
    """With each number of operands."""
    of_one = {name for name, operator in OPERATORS.known.items() if 1 in operator.by_count}
    of_two = {name for name, operator in OPERATORS.known.items() if 2 in operator.by_count}
    assert of_one == set(UNARY)
    assert of_two == {*BINARY, "&&", "||"}
    assert not set(OPERATORS.known) & set(OPERATORS.refused)


@pytest.mark.parametrize("name", ["+", "*", "min", "max"])
def test_any_number_of_operands(name: str) -> None:
    """They are joined, numbers among them."""
    graph = read(model(nonlinear(call(name, "x", 1.5, "y", {"type": "real", "value": 0.25}, "x")), "x", "y"))
    folded = {"+": lambda x, y: 2 * x + y + 1.75, "*": lambda x, y: x * x * y * 0.375}
    exact = folded.get(name, lambda x, y: (min if name == "min" else max)(x, 1.5, y, 0.25))
    for pair in PAIRS:
        check(graph, exact, dict(zip("xy", pair, strict=True)))


@pytest.mark.parametrize(("x", "y"), [*itertools.product((-1.0, 2.0), repeat=2)])
def test_conditions(x: float, y: float) -> None:
    """`ifelse` asks comparisons, and what is joined of them."""
    first, second = call("<", "x", 0), call(">=", "y", "x")
    for joined, holds in (("&&", x < 0 and y >= x), ("||", x < 0 or y >= x)):
        graph = read(model(nonlinear(call("ifelse", call(joined, first, second), call("*", "x", "y"), "y")), "x", "y"))
        value, slopes = computed(graph, {"x": x, "y": y})
        assert value == (x * y if holds else y)
        assert (slopes["x"], slopes["y"]) == ((y, x) if holds else (0.0, 1.0))
    assert computed(read(nonlinear(call("ifelse", 1, "x", 2))), {"x": 3.0})[0] == 3.0


def test_inverses_of_julia() -> None:
    """`acot` jumps at 0 as `atan(1/x)` does."""
    assert computed(read(nonlinear(call("acot", "x"))), {"x": -1.0})[0] == pytest.approx(-math.pi / 4, rel=RELATIVE)


def test_nodes_are_shared_and_in_any_order() -> None:
    """2x + sin(x)^2 + y, with nodes that come before what they are made of, and one used twice."""
    nodes = [call("+", node(2), node(4), "y"), call("*", 2, "x"), call("sin", "x"), call("^", node(3), 2.0)]
    graph = read(model(nonlinear(node(1), *nodes), "x", "y"))
    assert identity_of_graph(graph) == identity_of_text("2*x + sin(x)**2 + y", x=(), y=())
    twice = read(nonlinear(call("*", node(1), node(1)), call("exp", "x")))
    assert [entry["op"] for entry in twice["nodes"]] == ["exp", "multiply"]


def test_operations_within_operations() -> None:
    """A list of nodes is not needed, and a number or a name can be the whole function."""
    graph = read(nonlinear(call("exp", call("-", call("^", "x", 2)))))
    assert identity_of_graph(graph) == identity_of_text("exp(-x**2)", x=())
    assert computed(read(nonlinear("x")), {"x": 2.0}) == (2.0, {"x": 1.0})
    assert read(nonlinear(2.5))["constants"][0]["data"] == [2.5]


def test_affine() -> None:
    """Terms with one variable are summed, also where there is none."""
    graph = read(affine((2.0, "x"), (3.0, "y"), (0.5, "x"), constant=-1.0))
    assert computed(graph, {"x": 2.0, "y": 5.0}) == (19.0, {"x": 2.5, "y": 3.0})
    assert computed(read(model(affine(constant=4.0), "x")), {"x": 1.0}) == (4.0, {"x": 0.0})
    assert computed(read({"type": "Variable", "name": "x"}), {"x": 3.0}) == (3.0, {"x": 1.0})


def test_quadratic() -> None:
    """`x'Qx/2`: the square of a variable is halved, a product of two is not, whichever is first."""
    terms = squares((2.0, "x", "x"), (1.0, "x", "y"), (3.0, "y", "x"), (5.0, "y", "y"))
    function = {"type": "ScalarQuadraticFunction", "quadratic_terms": terms, "constant": 7.0}
    graph = read(model({**function, "affine_terms": affine((11.0, "y"))["terms"]}, "x", "y"))
    check(graph, lambda x, y: x**2 + 4 * x * y + 2.5 * y**2 + 11 * y + 7, {"x": 0.3, "y": -1.2})


ROWS: dict[str, dict[str, Any]] = {
    "VectorOfVariables": {"variables": ["x", "y"]},
    "VectorAffineFunction": {
        "constants": [1.0, 0.0],
        "terms": [
            {"output_index": 2, "scalar_term": {"coefficient": 2.0, "variable": "x"}},
            {"output_index": 1, "scalar_term": {"coefficient": 3.0, "variable": "y"}},
        ],
    },
    "VectorQuadraticFunction": {
        "constants": [0.0, 1.0],
        "affine_terms": [{"output_index": 1, "scalar_term": {"coefficient": 3.0, "variable": "y"}}],
        "quadratic_terms": [{"output_index": 2, "scalar_term": squares((4.0, "x", "x"))[0]}],
    },
    "VectorNonlinearFunction": {"rows": [node(1), call("*", node(1), "y")], "node_list": [call("sin", "x")]},
}  # fmt: skip
TEXTS = {
    "VectorOfVariables": "stack([x, y])",
    "VectorAffineFunction": "stack([3*y + 1, 2*x])",
    "VectorQuadraticFunction": "stack([3*y, 2*square(x) + 1])",
    "VectorNonlinearFunction": "stack([sin(x), sin(x)*y])",
}


@pytest.mark.parametrize("kind", ROWS)
def test_vector_functions(kind: str) -> None:
    """They are one output with an axis."""
    graph = read(model({"type": kind, **ROWS[kind]}, "x", "y"))
    assert identity_of_graph(graph) == identity_of_text(TEXTS[kind], x=(), y=())


def test_inputs() -> None:
    """All of a model's variables in order, those that a function uses, or those that the request declares."""
    function = nonlinear(call("-", "b", "a"))
    assert [entry["name"] for entry in read(model(function, "a", "unused", "b"))["inputs"]] == ["a", "unused", "b"]
    assert [entry["name"] for entry in read(function)["inputs"]] == ["b", "a"]
    declared = read_mathoptformat(function, LIMITS, {"a": [], "b": [], "c": []})
    assert [entry["name"] for entry in declared["inputs"]] == ["a", "b", "c"]


def test_names_are_made_plain() -> None:
    """JuMP's `x[1,2]` is `x_1_2`; two that would be one are refused."""
    graph = read(model(affine((1.0, "x[1,2]"), (2.0, "lambda")), "x[1,2]", "lambda"))
    assert [entry["name"] for entry in graph["inputs"]] == ["x_1_2", "lambda"]
    used = read_mathoptformat(affine((1.0, "x[1]")), LIMITS, {"x_1": []})
    assert [entry["name"] for entry in used["inputs"]] == ["x_1"]
    error = refusal(read_mathoptformat, affine((1.0, "x[1]"), (1.0, "x_1")))
    assert (error.pointer, error.detail) == (
        "/model/content/terms/1/variable",
        "variable 'x_1': the name 'x_1' is taken by 'x[1]': both are written x_1",
    )

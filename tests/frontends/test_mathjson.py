"""MathJSON: what its operators mean, numbers and symbols in all their spellings, and arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from service.frontends.mathjson_forms import FORMS
from service.frontends.mathjson_operators import CONSTANTS, OPERATORS, RESERVED
from service.tasks.compute import compute
from service.tasks.messages import Task
from tests.frontends.foreign import check, computed
from tests.frontends.mathjson import read, same

INSIDE, POSITIVE, ABOVE, SIGNED = (0.3, -0.7), (0.4, 1.7, 30.0), (1.3, 4.0), (0.4, -1.3, 2.5)
Exact = Callable[..., Any]


def arccot(x: Any) -> Any:
    """The Compute Engine's, between 0 and pi."""
    return mpmath.atan2(1, x)


# What the Compute Engine computes over the real numbers, by mpmath.
UNARY: dict[str, tuple[Exact, tuple[float, ...]]] = {
    "Negate": (lambda x: -x, SIGNED),
    "Abs": (abs, SIGNED),
    "Sqrt": (mpmath.sqrt, POSITIVE),
    "Square": (lambda x: x * x, SIGNED),
    "Exp": (mpmath.exp, SIGNED),
    "Exp2": (lambda x: mpmath.mpf(2) ** x, SIGNED),
    "Ln": (mpmath.log, POSITIVE),
    "Log": (mpmath.log10, POSITIVE),
    "Lb": (lambda x: mpmath.log(x, 2), POSITIVE),
    "Lg": (mpmath.log10, POSITIVE),
    "Log2": (lambda x: mpmath.log(x, 2), POSITIVE),
    "Log10": (mpmath.log10, POSITIVE),
    "Sin": (mpmath.sin, SIGNED),
    "Cos": (mpmath.cos, SIGNED),
    "Tan": (mpmath.tan, SIGNED),
    "Sec": (mpmath.sec, SIGNED),
    "Csc": (mpmath.csc, SIGNED),
    "Cot": (mpmath.cot, SIGNED),
    "Arcsin": (mpmath.asin, INSIDE),
    "Arccos": (mpmath.acos, INSIDE),
    "Arctan": (mpmath.atan, SIGNED),
    "Arcsec": (lambda x: mpmath.acos(1 / x), (1.3, -4.0)),
    "Arccsc": (lambda x: mpmath.asin(1 / x), (1.3, -4.0)),
    "Arccot": (arccot, (*SIGNED, 0.0)),
    "Sinh": (mpmath.sinh, SIGNED),
    "Cosh": (mpmath.cosh, SIGNED),
    "Tanh": (mpmath.tanh, SIGNED),
    "Sech": (mpmath.sech, SIGNED),
    "Csch": (mpmath.csch, SIGNED),
    "Coth": (mpmath.coth, SIGNED),
    "Arsinh": (mpmath.asinh, SIGNED),
    "Arcosh": (mpmath.acosh, ABOVE),
    "Artanh": (mpmath.atanh, INSIDE),
    "Arsech": (mpmath.asech, (0.3, 0.8)),
    "Arcsch": (mpmath.acsch, SIGNED),
    "Arcoth": (mpmath.acoth, (1.3, -4.0)),
    "Haversine": (lambda x: (1 - mpmath.cos(x)) / 2, (1e-6, *SIGNED)),
    "InverseHaversine": (lambda x: 2 * mpmath.asin(mpmath.sqrt(x)), (0.2, 0.9)),
    "Sinc": (lambda x: mpmath.sin(x) / x, (1e-3, *SIGNED)),
    "Sign": (mpmath.sign, SIGNED),
    "Floor": (mpmath.floor, SIGNED),
    "Ceil": (mpmath.ceil, SIGNED),
    "Truncate": (lambda x: mpmath.sign(x) * mpmath.floor(abs(x)), SIGNED),
    "Fract": (lambda x: x - mpmath.floor(x), SIGNED),
    "Heaviside": (lambda x: mpmath.mpf(x > 0), SIGNED),
    "Gamma": (mpmath.gamma, (0.4, 5.0, 20.3, -0.5, -1.3, -2.7, -7.9, -8.1)),
    "GammaLn": (lambda x: mpmath.log(mpmath.gamma(x)), (0.4, 20.3)),
    "Digamma": (mpmath.digamma, (0.4, 20.3, -1.3)),
    "Trigamma": (lambda x: mpmath.psi(1, x), (0.4, 20.3, -1.3)),
    "Erf": (mpmath.erf, SIGNED),
    "Erfc": (mpmath.erfc, (*SIGNED, 5.0)),
    "Add": (lambda x: x, SIGNED),
    "Subtract": (lambda x: x, SIGNED),
    "Multiply": (lambda x: x, SIGNED),
    "Max": (lambda x: x, SIGNED),
    "Min": (lambda x: x, SIGNED),
}
PAIRS = ((1.4, 2.3), (1.7, 0.6), (2.5, 2.0))
BINARY: dict[str, Exact] = {
    "Add": lambda x, y: x + y,
    "Subtract": lambda x, y: x - y,
    "Multiply": lambda x, y: x * y,
    "Divide": lambda x, y: x / y,
    "Power": lambda x, y: x**y,
    "Ln": mpmath.log,
    "Log": mpmath.log,
    "Arctan2": mpmath.atan2,
    "Hypot": mpmath.hypot,
    "Max": max,
    "Min": min,
    "Less": lambda x, y: mpmath.mpf(x < y),
    "LessEqual": lambda x, y: mpmath.mpf(x <= y),
    "Greater": lambda x, y: mpmath.mpf(x > y),
    "GreaterEqual": lambda x, y: mpmath.mpf(x >= y),
}
LOGIC = {"And", "Or", "Not", "Boole", "If"}
ARRAYS = {name for name, operator in OPERATORS.known.items() if operator.ranks and "0" not in operator.ranks[0]}


@pytest.mark.parametrize("name", UNARY)
def test_operators_of_one(name: str) -> None:
    """Value and slope are those of the function it is called after."""
    exact, points = UNARY[name]
    for point in points:
        check(read([name, "x"]), exact, {"x": point})


@pytest.mark.parametrize("name", BINARY)
def test_operators_of_two(name: str) -> None:
    """The first operand is the first: of Arctan2, y; of Log, not the base."""
    for pair in PAIRS:
        check(read([name, "x", "y"], x=[], y=[]), BINARY[name], dict(zip("xy", pair, strict=True)))


def test_every_operator_is_tested() -> None:
    """Each has an entry above, or stands in a test below."""
    of_one = {name for name, operator in OPERATORS.known.items() if 1 in operator.by_count} - ARRAYS - LOGIC
    of_two = {name for name, operator in OPERATORS.known.items() if 2 in operator.by_count} - ARRAYS - LOGIC
    assert of_one == set(UNARY)
    assert of_two == set(BINARY)
    rest = set(OPERATORS.known) - of_one - of_two - ARRAYS - LOGIC
    assert rest == {"Clamp"}
    assert set(OPERATORS.special) == set(FORMS)
    assert not set(OPERATORS.known) & (set(OPERATORS.refused) | set(FORMS))
    assert not set(CONSTANTS) & RESERVED


def test_any_number_of_operands() -> None:
    """From the left, numbers among them."""
    same(["Add", "x", 1, "y", "x"], "x + 1 + y + x", x=(), y=())
    same(["Subtract", "x", "y", 1], "x - y - 1", x=(), y=())
    same(["Multiply", 2, "x", "y"], "2*x*y", x=(), y=())
    same(["Divide", "x", "y", 2], "x/y/2", x=(), y=())
    same(["Max", "x", 1, "y"], "maximum(maximum(x, 1), y)", x=(), y=())
    same(["Clamp", "x", "y", 3], "minimum(maximum(x, y), 3)", x=(), y=())


@pytest.mark.parametrize(
    ("index", "exact"),
    [(1, lambda x: x), (2, mpmath.sqrt), (3, mpmath.cbrt), *((k, lambda x, k=k: mpmath.root(x, k)) for k in (4, 5))],
)
def test_roots(index: int, exact: Exact) -> None:
    """Of an odd index the real root, of an even one none of a negative number."""
    graph = read(["Root", "x", index])
    check(graph, exact, {"x": 1.7})
    if index % 2:
        check(graph, lambda x: -exact(-x), {"x": -1.7})
    else:
        assert math.isnan(computed(graph, {"x": -1.7})[0])


def test_numbers_that_are_written_out() -> None:
    """A rational is one number; orders of families are no operands."""
    same(["Power", "x", ["Rational", 1, 2]], "x**0.5", x=())
    assert read(["Rational", -1, 3])["constants"][0]["data"] == [-1 / 3]
    check(read(["PolyGamma", 2, "x"]), lambda x: mpmath.psi(2, x), {"x": 1.7})
    check(read(["PolyGamma", 0, "x"]), mpmath.digamma, {"x": 1.7})


@pytest.mark.parametrize("x", [-1.0, 0.0, 2.0])
def test_conditions(x: float) -> None:
    """Comparisons may be chained and joined; Which takes the first that holds."""
    chained = ["Less", -0.5, "x", 1]
    cases = {
        "If": (["If", chained, "x", 7], x if -0.5 < x < 1 else 7),
        "And": (["Boole", ["And", ["Less", "x", 1], ["Greater", "x", -0.5]]], float(-0.5 < x < 1)),
        "Or": (["Or", ["Less", "x", -0.5], ["Greater", "x", 1], "False"], float(x < -0.5 or x > 1)),
        "Not": (["Not", chained], float(not -0.5 < x < 1)),
        "Which": (["Which", ["Less", "x", -0.5], 1, ["Less", "x", 1], 2, "True", 3], 1 + (x >= -0.5) + (x >= 1)),
    }
    for content, expected in cases.values():
        assert computed(read(content, x=[]), {"x": x})[0] == expected


@pytest.mark.parametrize("point", [1.0, 2.0, 5.0, -0.5, -1.5, -2.5])
def test_gamma_has_derivatives(point: float) -> None:
    """At whole numbers too, where the floor in its formula is of something else."""
    answer = compute(Task("gradient", graph=read(["Gamma", "x"]), at={"x": np.array(point)}, nonsmooth="error"))
    assert answer.warnings == ()


def test_at_zero() -> None:
    """Conventions of the Compute Engine at special points."""
    at = {"x": 0.0}
    assert computed(read(["Heaviside", "x"]), at)[0] == 0.5
    assert computed(read(["Sinc", "x"]), at)[0] == 1.0
    assert computed(read(["Arccot", "x"]), {"x": -1.0})[0] == pytest.approx(3 * math.pi / 4, rel=1e-15)


@pytest.mark.parametrize(
    ("number", "value"),
    [(2, 2.0), (-0.5, -0.5), ("-12.34", -12.34), ("1e3", 1000.0), ({"num": "0.234e-56"}, 0.234e-56), ({"num": 3}, 3.0),
     ({"num": "1.(3)"}, 4 / 3), ({"num": "0.(9)"}, 1.0), ({"num": "-0.1(6)e2"}, -16 - 2 / 3), ({"num": "+5"}, 5.0),
     ({"num": "-0"}, -0.0), ({"num": "3.14159265358979323846264338327950288419716939937510"}, math.pi),
     ({"num": "NaN"}, "NaN"), ({"num": "+Infinity"}, "Infinity"), ({"num": "-Infinity"}, "-Infinity"),
     ("NaN", "NaN"), ("-oo", "-Infinity"), ("PositiveInfinity", "Infinity"), ("NegativeInfinity", "-Infinity"),
     ("Pi", math.pi), ("ExponentialE", math.e), ("e", math.e), ("Half", 0.5), ("True", 1.0), ("False", 0.0),
     ("GoldenRatio", float(mpmath.phi)), ("EulerGamma", float(mpmath.euler)), ("MachineEpsilon", 2.0**-52),
     ("CatalanConstant", float(mpmath.catalan)), ({"num": "1", "comment": "one"}, 1.0)],
)  # fmt: skip
def test_numbers(number: Any, value: float | str) -> None:
    """To the nearest double, whatever the spelling."""
    graph = read(number)
    assert repr(graph["constants"][0]["data"]) == repr([value])


@pytest.mark.parametrize(
    "spelling", ["x", "`x`", {"sym": "x"}, {"sym": "x", "wikidata": "Q1"}, ["Delimiter", "x"], {"fn": ["Add", "x"]}]
)
def test_symbols(spelling: Any) -> None:
    """All are the variable x."""
    assert read(spelling)["outputs"] == ["x"]
    same({"fn": ["Sin", spelling], "latex": "\\sin x"}, "sin(x)", x=())


def test_inputs() -> None:
    """Scalars in order of use; or what is declared, in order, used or not."""
    names = [entry["name"] for entry in read(["Subtract", "b", ["Sin", "a"]])["inputs"]]
    assert names == ["b", "a"]
    declared = read(["At", "v", 1], u=["n"], v=[3], e=[])
    assert declared["inputs"] == [
        {"name": "u", "shape": ["n"]},
        {"name": "v", "shape": [3]},
        {"name": "e", "shape": []},
    ]
    assert read("e", e=[])["outputs"] == ["e"]
    assert read("i", i=[])["outputs"] == ["i"]
    assert [entry["name"] for entry in read(["Add", "aéb", "x_1"])["inputs"]] == ["a_b", "x_1"]

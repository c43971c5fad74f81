"""Every row that needs a fact, and random programs under random facts, by value where the facts hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.ir.node import Node
from service.render.text import text_form
from service.rewrite.facts import FACT_ROWS, assuming
from service.rewrite.row import by_op
from service.rewrite.simplify import simplify
from tests.assumed import satisfying
from tests.functions import Function, run

SHAPES = {"s": (), "t": (), "x": (3,), "y": (3,), "z": (3,), "A": (3, 3), "B": (3, 3), "C": (3, 3)}
IMPLIED = {"positive_definite": {"symmetric"}, "diagonal": {"symmetric"}}
POINTS = 4
RTOL = 1e-9  # an inverse is taken on one side and a transpose on the other
Facts = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Case:
    """What a text becomes under facts, which are about x and s (positive) unless others are given."""

    before: str
    after: str
    facts: Facts = field(default_factory=lambda: {"x": ("positive",), "s": ("positive",)})


SYMMETRIC: Facts = {"A": ("symmetric",), "C": ("symmetric",)}
ORTHOGONAL: Facts = {"A": ("orthogonal",)}
DIAGONAL: Facts = {"A": ("diagonal", "symmetric"), "C": ("diagonal", "symmetric")}
CASES: Mapping[str, tuple[Case, ...]] = {
    "abs(x) -> x for x >= 0": (Case("abs(x)", "x"), Case("abs(1 + x*s + exp(y))", "1 + x*s + exp(y)")),
    "abs(x*y) -> x*abs(y) for x >= 0": (Case("abs(x*y)", "x*abs(y)"), Case("abs(-3*s*y)", "s*abs(-3*y)")),
    "sign(x) -> 1 for x > 0": (Case("sign(sqrt(x))", "ones(3)"), Case("sign(x + s)", "ones(3)")),
    "sign(x*y) -> sign(y) for x > 0": (Case("sign(x*y)", "sign(y)"), Case("sign(-s*y)", "sign(-y)")),
    "relu(x) -> x for x >= 0": (Case("relu(x/s)", "x/s"),),
    "maximum(x, c) -> x for x >= c": (Case("maximum(x, 0)", "x"), Case("maximum(-1, x)", "x")),
    "minimum(x, c) -> c for x >= c": (Case("minimum(x, -2)", "-2 + 0*x"), Case("clip(x, -1, 2)", "minimum(x, 2)")),
    "x > c -> 1 for x > c": (Case("where(x > 0, y, z)", "y"), Case("where(-1 > x, y, z)", "z")),
    "x >= c -> 1 for x >= c": (Case("where(x >= 0, y, z)", "y"), Case("where(0 >= x, y, z)", "z")),
    "x < c -> 0 for x >= c": (Case("where(x < 0, y, z)", "z"), Case("where(0 < x, y, z)", "y")),
    "x <= c -> 0 for x > c": (Case("where(x <= 0, y, z)", "z"), Case("where(0 <= x, y, z)", "y")),
    "x == c -> 0 for x > c": (Case("where(x == 0, y, z)", "z"),),
    "x != c -> 1 for x > c": (Case("where(0 != x, y, z)", "y"),),
    "(x**a*y)**b -> x**(a*b)*y**b for x >= 0": (
        Case("sqrt(x**2*y)", "x*sqrt(y)"),
        Case("(x**4*abs(y))**0.25", "x*abs(y)**0.25"),
    ),
    "x/(x*y) -> 1/y for x > 0": (Case("x*z/(x*y)", "z/y"), Case("s*z/(2*s**2*y)", "z/(2*s)/y")),
    "log(x**y) -> y*log(x) for x > 0": (Case("log(x**2)", "2*log(x)"), Case("log(x**y)", "y*log(x)")),
    "log(x*y) - log(x) -> log(y) for x > 0": (
        Case("log(x*y) - log(x)", "log(y)"),
        Case("y - 2*log(s*x) + 2*log(s)", "y - 2*log(x)"),
    ),
    "exp(y*log(x)) -> x**y for x >= 0": (
        Case("exp(log(x))", "x"),
        Case("exp(y*log(x) + z)", "x**y*exp(z)"),
        Case("exp(2*log(s) + 3*log(x))", "s**2*x**3"),
    ),
    "A.T -> A for symmetric A": (
        Case("A + A.T", "2*A", SYMMETRIC),
        Case("x.T @ A.T @ B", "x.T @ A @ B", SYMMETRIC),
        Case("inv(A).T + inv(A)", "2*inv(A)", SYMMETRIC),
        Case("exp(A).T*A", "exp(A)*A", SYMMETRIC),
        Case("inv(B.T @ A @ B).T @ y", "inv(B.T @ A @ B) @ y", SYMMETRIC),
        Case("trace(A.T @ C @ A)", "trace(A @ A @ C)", SYMMETRIC),
        Case("(A @ B @ C).T - C @ B.T @ A", "zeros((3, 3))", SYMMETRIC),
        Case("A*A.T", "A**2", SYMMETRIC),
        Case("(A + 2*C + eye(3)).T @ x", "(A + 2*C + eye(3)) @ x", SYMMETRIC),
        Case("B @ B.T @ A @ B @ B.T - B @ B.T @ A.T @ B @ B.T", "zeros((3, 3))", SYMMETRIC),
    ),
    "Q.T @ Q -> eye(n) for orthogonal Q": (
        Case("A.T @ A @ x", "x", ORTHOGONAL),
        Case("A @ A.T", "eye(3)", ORTHOGONAL),
        Case("trace(A @ B @ A.T)", "trace(B)", ORTHOGONAL),
        Case("sum((A @ x)**2)", "sum(x**2)", ORTHOGONAL),
        Case("sum(A**2)", "3 + 0*s", ORTHOGONAL),
        Case("sum((A.T @ (x*y))**2)", "sum(x**2*y**2)", ORTHOGONAL),
        Case("A @ A @ x", "x", {"A": ("orthogonal", "symmetric")}),
    ),
    "inv(Q) -> Q.T for orthogonal Q": (Case("inv(A)", "A.T", ORTHOGONAL), Case("inv(A) @ A", "eye(3)", ORTHOGONAL)),
    "cofactor(Q) -> det(Q)*Q for orthogonal Q": (Case("cofactor(A)", "det(A)*A", ORTHOGONAL),),
    "norm(Q @ x) -> norm(x) for orthogonal Q": (Case("norm(A @ x)*s", "norm(x)*s", ORTHOGONAL),),
    "abs(det(Q)) -> 1 for orthogonal Q": (Case("abs(det(A)) + s", "1 + s", ORTHOGONAL),),
    "det(Q)**2 -> 1 for orthogonal Q": (
        Case("det(A)**2 + s", "1 + s", ORTHOGONAL),
        Case("1/det(A) + s", "det(A) + s", ORTHOGONAL),
    ),
    "D -> diag(diag(D)) for diagonal D": (
        Case("A @ x", "diag(A)*x", DIAGONAL),
        Case("A @ C - C @ A", "zeros((3, 3))", DIAGONAL),
        Case("A[0, 1] + s", "s", DIAGONAL),
        Case("diag(diag(A))", "A", DIAGONAL),
        Case("sum(A)", "trace(A)", DIAGONAL),
    ),
    "inv(D) -> diag(1/diag(D)) for diagonal D": (Case("inv(A) @ x", "x/diag(A)", DIAGONAL),),
}  # fmt: skip
each_case = pytest.mark.parametrize(
    "case", [pytest.param(case, id=case.before) for cases in CASES.values() for case in cases]
)


def test_every_row_has_a_case() -> None:
    """A row without a case is untested."""
    assert [row.identity for row in FACT_ROWS] == list(dict.fromkeys(row.identity for row in FACT_ROWS))
    assert {row.identity for row in FACT_ROWS} == set(CASES)


@pytest.mark.parametrize("row", FACT_ROWS, ids=lambda row: row.identity)
def test_the_row_is_needed(row) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Without it, one of its cases comes out otherwise."""
    others = by_op([other for other in FACT_ROWS if other is not row])
    for case in CASES[row.identity]:
        before = assuming(Function(case.before, SHAPES).kernel, case.facts)
        plain = simplify([assuming_no_rows(case)], others)[0]
        if plain is not before:
            return
    pytest.fail("the row changes nothing")


def assuming_no_rows(case: Case) -> Node:
    """The graph with the facts in its leaves, and nothing made of them."""
    return assuming(Function(case.before, SHAPES).kernel, case.facts, {})


def values(nodes: list[Node], facts: Facts, seed: int) -> list[Any]:
    """The engine's numbers where the facts hold."""
    point = {name: satisfying(shape, facts.get(name, ()), seed * 100 + k) for k, (name, shape) in
             enumerate(SHAPES.items())}  # fmt: skip
    with np.errstate(all="ignore"):
        return run(nodes, point)


@each_case
def test_value(case: Case) -> None:
    """Both sides, and the left one under the facts, are equal at random points of which the facts hold."""
    before, after = Function(case.before, SHAPES).kernel, Function(case.after, SHAPES).kernel
    for seed in range(POINTS):
        left, right = values([before, after], case.facts, seed)
        (better,) = values([assuming(before, case.facts)], case.facts, seed)
        defined = np.isfinite(left)
        assert seed or case.before.startswith(("sqrt", "log")) or defined.all()
        np.testing.assert_allclose(np.broadcast_to(right, left.shape)[defined], left[defined], RTOL, RTOL)
        np.testing.assert_allclose(better[defined], left[defined], RTOL, RTOL)


@each_case
def test_result(case: Case) -> None:
    """Under the facts, the left side becomes the right one: one node, and a fixed point."""
    before = assuming(Function(case.before, SHAPES).kernel, case.facts)
    assert before is assuming(Function(case.after, SHAPES).kernel, case.facts)
    assert assuming(before, case.facts) is before


ENTRYWISE = (
    "abs({0})", "sqrt({0}**2)", "sign({0})*{1}", "where({0} > 0, {1}, {0}**2)", "maximum({0}, 0)*{1}", "relu({0})",
    "minimum({0}, -1) + {1}", "exp({1}*log(abs({0})))", "log({0}**2*{1}**2)", "log(2*abs({0})) - log(abs({0}))",
    "sqrt({0})*sqrt({0})", "abs({0}*{1})", "{0}*{1}", "{0} + {1}", "{0} - 2*{1}", "sin({0})", "{0}**3",
    "(1 + {0}**2)**{1}",
    "sqrt({0}**2*{1}**4)", "clip({0}, -0.3, 5)", "abs({0})**1.5", "1/(1 + {0}**2)", "where({0} <= -1, 0, {1})",
)  # fmt: skip
SQUARE = (
    "{0}.T", "{0} @ {1}", "{0}.T @ {1}", "{0} @ {1}.T", "{0} + {1}", "{0} + {0}.T", "{0}*{1}", "{0} @ diag(x) @ {1}",
    "inv(9*eye(3) + tanh({0}))", "{0} - {1}", "outer(x, y) + {0}", "{0} @ {1} @ {0}.T", "tanh({0})",
)  # fmt: skip
LEAF = ("inv({0})", "inv({0}).T", "cofactor({0})", "det({0})*{0}", "inv({0}) @ {0}.T", "{0} @ {0}", "{0}[::-1]")
TO_VECTOR = ("{0} @ x", "x.T @ {0}", "{0} @ ({0} @ y)", "sum({0}, axis=0)", "diag({0})", "{0}[0]", "{0}.T @ ({0} @ x)")
TO_SCALAR = (
    "sum({0})", "sum({0}**2)", "norm(2 + tanh({0}))", "s*sum({0}**3)", "exp(-sum({0}**2)/50)",
)  # fmt: skip
MATRIX_FACTS = ("symmetric", "positive_definite", "diagonal", "orthogonal", "positive")


@st.composite
def assumed_programs(draw: st.DrawFn) -> tuple[str, str, dict[str, tuple[str, ...]]]:
    """A scalar program, a variable to differentiate by, and facts about its variables."""
    # Products are kept from abs and sign: what is 0 but for rounding has any sign.
    square, vector, products = ["A", "B", "C"], ["x", "y", "z"], list[str]()
    lines = []
    for number in range(draw(st.integers(2, 5))):
        templates, sources, kinds = draw(st.sampled_from([
            (LEAF, square[:3], square), (SQUARE, square, square), (SQUARE, square, square),
            (ENTRYWISE, vector, vector), (ENTRYWISE, vector, vector), (TO_VECTOR, square, products),
        ]))  # fmt: skip
        operands = [draw(st.sampled_from(sources)) for _ in range(2)]
        lines.append(f"v{number} = {draw(st.sampled_from(templates)).format(*operands)}")
        kinds.extend([f"v{number}"] * 2)
    used = [f"v{number}" for number in range(len(lines))][-3:]
    lines.append(" + ".join(draw(st.sampled_from(TO_SCALAR)).format(name) for name in used))
    facts: dict[str, tuple[str, ...]] = {name: (draw(st.sampled_from(MATRIX_FACTS)),) for name in "ABC"}
    facts |= {name: ("positive",) if draw(st.integers(0, 3)) else () for name in "xyzs"}
    return "\n".join(lines), draw(st.sampled_from("xyAB")), facts


@settings(max_examples=250)
@given(assumed_programs())
def test_random_programs(drawn: tuple[str, str, dict[str, tuple[str, ...]]]) -> None:
    """A derivative under facts, and its text, have the plain one's numbers wherever those exist and the facts hold."""
    text, wrt, facts = drawn
    facts = {name: (*known, *(more for fact in known for more in IMPLIED.get(fact, ()))) for name, known in
             facts.items()}  # fmt: skip
    function = Function(text, SHAPES)
    nodes = [function.kernel, function.derivative(wrt)]
    better = [assuming(node, facts) for node in nodes]
    form = function.again(text_form(function.closed_form(better[1]), list(SHAPES)))
    for seed in range(2):
        value, derivative = values(nodes, facts, seed)
        if not np.isfinite(value).all():
            continue
        simpler = values(better, facts, seed)
        for wanted, found in (
            (value, simpler[0]),
            (derivative, simpler[1]),
            (derivative, values([form.lowered], facts, seed)[0]),
        ):
            defined = np.isfinite(wanted)
            scale = np.max(np.abs(np.asarray(wanted)[defined]), initial=1.0)
            np.testing.assert_allclose(
                np.asarray(found)[defined], np.asarray(wanted)[defined], 1e-7, 1e-9 * scale, err_msg=f"{text} {facts}"
            )

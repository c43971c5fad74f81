"""The steps of an explanation can be followed: they name the right rules, and worked out they give its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from service.execute.program import compile_program
from service.frontends.text import Scope, read_text
from service.ir.walk import rebuild
from service.tasks.function import lower
from service.tasks.messages import Limits
from service.tasks.rules import RULES
from tests.diff.expressions import SHAPES, programs
from tests.functions import random_point
from tests.tasks.explaining import Explained, explain

Array = Any
POINT = random_point(SHAPES, (-0.9, 1.1), seed=3)


def value(text: str, known: Mapping[str, Array]) -> Array:
    """A formula worked out with what is known."""
    scope = Scope({name: np.shape(entry) for name, entry in known.items()})
    return compile_program(rebuild([read_text(text, scope, Limits()).output], lower)).run(known)[0]


def followed(found: Explained, tangents: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
    """The tangents and adjoints that the steps make, one after the other."""
    known = {name: node["value"] for name, node in found.nodes.items()}
    known |= {f"d_{name}": tangent for name, tangent in tangents.items()}
    for step in found.steps("forward"):
        if step["expression"] and step["of"] not in known:
            known[step["of"]] = value(step["expression"]["text"], known)
    for mode, accent in (("forward", "dot_"), ("reverse", "bar_")):
        for step in found.steps(mode):
            target = accent + (step["of"] if mode == "forward" else step["wrt"])
            part = np.broadcast_to(value(step["running"]["text"], known), np.shape(known[target.removeprefix(accent)]))
            known[target] = part if step["operation"] is None else known.get(target, 0.0) + part
    return tuple(  # type: ignore[return-value]
        {name.removeprefix(accent): entry for name, entry in known.items() if name.startswith(accent)}
        for accent in ("dot_", "bar_")
    )


@settings(max_examples=60)
@given(programs(4))
def test_they_lead_to_the_numbers(text: str) -> None:
    """Each formula is a program; followed in order they give every tangent and adjoint, partials included."""
    tangents = random_point(SHAPES, (-1, 1), seed=4)
    found = explain(text, POINT, shapes=SHAPES, tangents=tangents)
    made = followed(found, tangents)
    for name, node in found.nodes.items():
        for field, computed in zip(("tangent", "adjoint"), made, strict=True):
            wanted = node[field]
            largest = max(1.0, np.max(np.abs(wanted), initial=0.0))
            np.testing.assert_allclose(computed.get(name, 0 * wanted), wanted, 1e-9, 1e-9 * largest, err_msg=text)


@settings(max_examples=60)
@given(programs(3))
def test_partials_are_written_as_they_are(text: str) -> None:
    """The closed form of every local partial, worked out at the nodes' values, is its number."""
    found = explain(text, POINT, shapes=SHAPES, mode="reverse")
    known = found.column("value")
    for edge in found.parts["edges"]:
        wanted = edge["value"]
        assert edge["shape"] == wanted.shape
        computed = value(edge["forms"]["text"], known)
        assert computed.shape == wanted.shape, text
        np.testing.assert_allclose(computed, wanted, 1e-9, 1e-9 * max(1.0, np.max(np.abs(wanted))), err_msg=text)


CASES = [
    ("exp(x)", ["chain rule"]),
    ("sqrt(x)", ["power rule"]),
    ("x**y", ["chain rule", "chain rule"]),
    ("x + y", ["sum rule", "sum rule"]),
    ("3 - x", ["sum rule"]),
    ("x*y", ["product rule", "product rule"]),
    ("x*x", ["product rule", "product rule"]),
    ("2*x", ["linearity"]),
    ("x/y", ["quotient rule", "quotient rule"]),
    ("x/7", ["linearity"]),
    ("1/x", ["power rule"]),
    ("v @ A @ v", ["product rule"] * 4),
    ("A.T", ["linearity"]),
    ("trace(A)", ["linearity"]),
    ("[x, y]", ["linearity", "linearity"]),
    ("inv(A)", ["chain rule"]),
    ("norm(v)", ["chain rule"]),
    ("floor(x)", ["zero derivative"]),
    ("where(x > 0, x, 2)", ["chain rule"]),
]


@pytest.mark.parametrize(("expression", "rules"), CASES, ids=[case[0] for case in CASES])
def test_rules_are_named(expression: str, rules: Sequence[str]) -> None:
    """The rule is told from what the operation is made of, for each operand."""
    shapes = {"x": (), "y": (), "v": ("n",), "A": ("n", "n")}
    found = explain(expression, shapes=shapes, mode="forward")
    applied = [step for step in found.parts["steps"] if step["operation"] not in {None, "greater"}]
    assert [step["rule"] for step in applied if step["wrt"] != "u1" or "@" in expression] == rules
    assert all(step["words"].startswith(f"{step['rule']}: {RULES[step['rule']]}") for step in found.parts["steps"])


def test_words_and_symbols() -> None:
    """A step says its rule as it applies, as text and as an equation; factors keep their order."""
    found = explain("Y = inv(X)\nY @ b", shapes={"X": ("n", "n"), "b": ("n",)}, wrt=("X",), mode="reverse")
    seed, product, inverse = found.parts["steps"]
    assert (seed["rule"], seed["running"]["text"], seed["latex"]) == (
        "seed",
        "ones(n)",
        r"\bar{\mathbf{output}} = \mathbf{1}_{n}",
    )
    assert product["running"]["text"] == "outer(bar_output, b)"
    assert inverse["words"].endswith("inv (inverse of a square matrix): d(inv(X)) = -inv(X) @ dot_X @ inv(X).")
    assert inverse["running"]["text"] == "-inv(X).T @ bar_Y @ inv(X).T"
    assert inverse["latex"].startswith(r"\bar{X} \mathrel{+}= -")
    assert inverse["shape"] == ("n", "n", "n", "n")


def test_several_ways_are_added_up() -> None:
    """Where a node is used several times, a step adds what the uses pass back, before the node is differentiated."""
    found = explain("c = x + 1\nsqrt(c) + cos(c)", {"x": 2}, mode="reverse")
    rules = [(step["rule"], step["of"]) for step in found.parts["steps"]]
    assert rules.index(("sum over paths", "c")) == len(rules) - 2
    (added,) = [step for step in found.parts["steps"] if step["rule"] == "sum over paths"]
    assert added["running"]["text"] == "bar_u1/(2*sqrt(c)) - sin(c)*bar_u2"
    assert added["node"] == "c"


def test_they_keep_to_what_is_asked_for() -> None:
    """Steps lead to the variables of `wrt` only, and only from nodes on which an output depends."""
    text = "a = x*y\nlost = exp(a)\na + y"
    found = explain(text, {"x": 1, "y": 2}, wrt=("x",), mode="reverse")
    assert {(step["of"], step["wrt"]) for step in found.parts["steps"]} == {
        ("output", "output"), ("output", "a"), ("a", "x"),
    }  # fmt: skip
    assert explain(text, {"x": 1, "y": 2}, forms=("numpy",)).parts["steps"] == []
    (partial, *_) = explain(text, {"x": 1, "y": 2}, forms=("latex",)).parts["edges"]
    assert partial["forms"] == {"latex": "y"}


def test_names_keep_clear_of_the_users() -> None:
    """Inner results, tangents and adjoints are called as nothing of the user's is."""
    found = explain("bar_x = u1*x\nexp(sin(bar_x))*x", {"u1": 2, "x": 3}, mode="reverse")
    called = {step["of"] for step in found.parts["steps"]} - {"bar_x", "output", "x"}
    assert called == {"u_1", "u_2"}
    assert found.parts["steps"][0]["latex"] == r"\bar{\mathrm{output}} = 1"
    last = next(step for step in found.parts["steps"] if step["of"] == "bar_x" and step["wrt"] == "x")
    assert last["running"]["text"] == "u1*bar__bar_x"
    assert last["latex"] == r"\bar{x} \mathrel{+}= u_{1} \, \bar{\mathrm{bar\_x}}"


def test_a_name_of_its_second_meaning_is_set_apart() -> None:
    """`x#2` is written so as text and as x with a (2) in LaTeX."""
    found = explain("x = x**2\nexp(x)", {"x": 1})
    edge = found.edges["output", "x#2"]
    assert edge["forms"] == {"text": "exp(x#2)", "latex": r"\exp\left(x^{(2)}\right)"}


def test_long_programs_are_cut_short_and_say_so() -> None:
    """Numbers are complete; of closed forms there are as many as are of use."""
    lines = [f"x{k + 1} = sin(x{k})" for k in range(300)]
    found = explain("\n".join([*lines, "x300"]), {"x0": 1}, tangents={"x0": 1})
    assert len(found.steps("forward")) == len(found.steps("reverse")) == 250
    assert [bool(edge["forms"]) for edge in found.parts["edges"]] == [True] * 250 + [False] * 50
    assert all(edge["value"] is not None for edge in found.parts["edges"])
    assert [(n.code, n.where) for n in found.answer.warnings] == [
        ("too-long", "/explain/edges"), ("too-long", "/explain/steps"), ("too-long", "/explain/steps"),
    ]  # fmt: skip

"""Random programs agree with JAX in value, first and second derivative, and so do their closed forms."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given, settings

from service.frontends.graph import read_graph
from service.frontends.write_graph import write_graph
from service.render.text import text_form
from service.tasks.messages import Limits
from tests import oracle
from tests.diff.expressions import SHAPES, programs
from tests.functions import Function, random_point, run

POINT = random_point(SHAPES, (-0.9, 1.1), seed=3)
RTOL = 1e-10  # the gate against JAX in float64; entries are compared relative to the largest one
REASSOCIATED = 1e-11  # a closed form is evaluated in another order, and its sums may cancel


def close(actual: Any, wanted: Any, rtol: float, text: str) -> None:
    """Equal shapes, and numbers equal relative to the largest, or to 1."""
    wanted = np.asarray(wanted)
    assert np.shape(actual) == wanted.shape, text
    np.testing.assert_allclose(actual, wanted, rtol, rtol * np.max(np.abs(wanted), initial=1.0), err_msg=text)


def used(function: Function) -> list[str]:
    """The variables a program depends on, at most three: the rest is alike."""
    from service.ir.walk import topological

    names = [node.attributes for node in topological([function.user]) if node.op.name == "variable"]
    return names[:3]


@settings(max_examples=80)
@given(programs())
def test_value_and_jacobian(text: str) -> None:
    """The Jacobian by every variable, and the value before and after rewriting."""
    function = Function(text, SHAPES)
    wanted = oracle.evaluate(function.user, POINT)
    for value in run([function.lowered, function.kernel], POINT):
        close(value, wanted, RTOL, text)
    for name in used(function):
        (value,) = run([function.derivative(name)], POINT)
        close(value, oracle.derivative(function.user, POINT, name), RTOL, text)


@settings(max_examples=40)
@given(programs(scalar=True))
def test_hessian(text: str) -> None:
    """Second derivatives by every pair, which are also symmetric."""
    function = Function(text, SHAPES)
    names = used(function)
    for first, second in zip(names, names[::-1], strict=True):
        (value,) = run([function.derivative(first, second)], POINT)
        close(value, oracle.derivative(function.user, POINT, first, second), RTOL, text)
        (mirrored,) = run([function.derivative(second, first)], POINT)
        lead, rank = len(function.user.shape), len(SHAPES[first])
        axes = [*range(lead), *range(lead + rank, value.ndim), *range(lead, lead + rank)]
        close(mirrored, value.transpose(axes), RTOL, text)


@settings(max_examples=250)
@given(programs())
def test_closed_forms(text: str) -> None:
    """Text and JSON of the function and its derivatives read back to the same node, which has the same numbers."""
    function = Function(text, SHAPES)
    nodes = [function.kernel]
    for name in used(function):
        nodes += [function.derivative(name), function.derivative(name, name)]
    for node in nodes:
        form = function.closed_form(node)
        written = text_form(form, list(SHAPES))
        again = function.again(written)
        assert again.user is form, f"{text}\n->\n{written}"
        graph = json.loads(json.dumps(write_graph([form], list(SHAPES.items()))))
        assert read_graph(graph, Limits(), {}).outputs == (form,)
        wanted, value = run([node, again.lowered], POINT)
        close(value, wanted, REASSOCIATED, f"{text}\n->\n{written}")


@settings(max_examples=250)
@given(programs())
def test_written_programs(text: str) -> None:
    """The user's own graph reads back from its text, too."""
    function = Function(text, SHAPES)
    written = text_form(function.user, list(SHAPES))
    assert function.again(written).user is function.user, f"{text}\n->\n{written}"

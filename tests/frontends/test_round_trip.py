"""Text, graph and JSON are spellings of the same nodes."""

from __future__ import annotations

import json
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import FluxionError, UnsupportedOperationError
from service.frontends.graph import read_graph
from service.frontends.identity import function_id
from service.frontends.sizes import declared_shape
from service.frontends.text import Scope, read_text
from service.frontends.write_graph import write_graph
from service.ir.leaves import constant, delta
from service.ir.op import operations
from tests.frontends.reading import LIMITS, SCOPE, N, call, output
from tests.frontends.reading import given as given_variable
from tests.frontends.test_precedence import EXPRESSIONS
from tests.frontends.test_precedence import SCOPE as SQUARES

TEXTS = [
    "t",
    "2",
    "-0.0",
    "[1, -inf, 2.5]",
    "[[], []]",
    "x.T @ A @ x",
    "a = [cos(t), sin(t)]\nsum(a, axis=0)",
    "K[..., None, 0]",
    "K[0, 1:, ::-2]",
    "concatenate([v, [1, 2]], axis=-1)",
    "norm(x, ord=inf)",
    "norm(A, ord='fro')",
    "zeros((n, n*m - 1))",
    "reshape(B, (m*n,))",
    "reshape(K, -1)",
    "einsum('ij,j->i', A, x)",
    "n*t",
    "eye(n - 1)",
    "where(t < 0, -inf, inf)",
    "sum(K, axis=(0, -1), keepdims=True)",
    "polygamma(2, t)",
    "softmax(X, axis=0)",
    "transpose(K, (2, 0, 1))",
    "clip(x, 0, t)",
    "prod_except(v, 2)",
    "diag(v, k=-1)",
    "kron(X, A)",
    "zeros(())",
    "ones(3)",
]


def round_trip(source: str, scope: Scope = SCOPE) -> None:
    """Read, write, send, read again."""
    inputs = tuple(scope.variables.items())
    node = read_text(source, scope, LIMITS).output
    written = write_graph([node], inputs)
    sent = json.loads(json.dumps(written, allow_nan=False))
    reading = read_graph(sent, LIMITS)
    assert reading.outputs == (node,)
    assert reading.inputs == inputs
    assert write_graph(reading.outputs, reading.inputs) == written
    assert function_id(reading.outputs, reading.inputs) == function_id([node], inputs)


@pytest.mark.parametrize("source", TEXTS)
def test_texts(source: str) -> None:
    """Everything that a text can say is kept."""
    round_trip(source)


@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS)
def test_any_expression(source: str) -> None:
    """A text that is read can be written as a graph."""
    try:
        read_text(source, SQUARES, LIMITS)
    except FluxionError:
        return
    round_trip(source, SQUARES)


@settings(max_examples=100, deadline=None)
@given(st.floats(), st.lists(st.integers(0, 3) | st.sampled_from(["n", "m"]), max_size=3))
def test_any_constant(value: float, sizes: list[int | str]) -> None:
    """Every double, with any shape, not-a-numbers and signed zeros included."""
    node = constant(value, declared_shape(sizes, {}, LIMITS))
    sent = json.loads(json.dumps(write_graph([node], []), allow_nan=False))
    assert read_graph(sent, LIMITS).outputs == (node,)


@pytest.mark.parametrize("name", [name for name, op in operations().items() if op.example and not op.internal])
def test_the_example_of_every_operation(name: str) -> None:
    """Each declaration's example is read and written under some shapes."""
    example = operations()[name].example
    shapes: list[dict[str, Any]] = [
        dict.fromkeys(ascii_lowercase, shape) | dict.fromkeys(ascii_uppercase, (2, 2))
        for shape in [(), (2,), (2, 2), (6,)]
    ]
    read_under = []
    for variables in shapes:
        try:
            read_text(example, Scope(variables), LIMITS)
        except FluxionError as error:
            assert error.code in {"shape-error", "invalid-request"}, error.detail  # noqa: PT017 - wrong is only the shape
        else:
            read_under.append(variables)
            round_trip(example, Scope(variables))
    assert read_under


def test_the_written_form() -> None:
    """Names are short, constants apart, defaults left out, and the order is that of use."""
    node = call("sum", call("multiply", given_variable("A"), constant(2)), axis=(0,))
    assert write_graph([node, node.inputs[0]], [("A", (N, N)), ("n1", ())]) == {
        "version": 1,
        "inputs": [{"name": "A", "shape": ["n", "n"]}, {"name": "n1", "shape": []}],
        "constants": [{"name": "c1", "shape": [], "data": [2.0]}],
        "nodes": [
            {"name": "n2", "op": "multiply", "inputs": ["A", "c1"]},
            {"name": "n3", "op": "sum", "inputs": ["n2"], "attributes": {"axis": [0]}},
        ],
        "outputs": ["n3", "n2"],
    }


def test_kernel_terms_are_refused() -> None:
    """Only what a user can write is written."""
    with pytest.raises(UnsupportedOperationError, match="delta is internal"):
        write_graph([delta(N)], [])


def test_a_long_graph() -> None:
    """Writing walks no deeper than reading."""
    node = output("t" + "+t" * 7999)
    sent = write_graph([node], [("t", ())])
    assert len(sent["nodes"]) == 7999
    assert read_graph(sent, LIMITS).outputs == (node,)

"""Python's own parser says how an expression is bracketed; ours must agree."""

from __future__ import annotations

import ast
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.errors import ShapeError
from service.frontends.text import Scope
from service.ir.leaves import constant, variable
from service.ir.node import Node
from tests.frontends.reading import call, output

SQUARE = (2, 2)
SCOPE = Scope(dict.fromkeys("abc", SQUARE))
BINARY = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.MatMult: "matmul",
    ast.Pow: "power", ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal",
    ast.Eq: "equal", ast.NotEq: "not_equal",
}  # fmt: skip


def literal(tree: ast.expr) -> float | None:
    """The number that is written out here, with at most one minus."""
    if isinstance(tree, ast.Constant):
        return float(str(tree.value))
    if isinstance(tree, ast.UnaryOp):
        value = literal(tree.operand)
        if value is not None and isinstance(tree.op, ast.UAdd):
            return value
        if value is not None and math.copysign(1, value) > 0:
            return -value
    return None


def oracle(tree: ast.expr) -> Node:
    """The graph of Python's syntax tree."""
    value = literal(tree)
    if value is not None:
        return constant(value)
    match tree:
        case ast.Name():
            return variable(tree.id, SQUARE)
        case ast.UnaryOp():
            operand = oracle(tree.operand)
            return call("negative", operand) if isinstance(tree.op, ast.USub) else operand
        case ast.BinOp():
            return call(BINARY[type(tree.op)], oracle(tree.left), oracle(tree.right))
        case ast.Compare():
            return call(BINARY[type(tree.ops[0])], oracle(tree.left), oracle(tree.comparators[0]))
        case ast.Attribute():
            return call("transpose", oracle(tree.value))
        case ast.Subscript():
            assert isinstance(tree.slice, ast.Constant)
            return call("getitem", oracle(tree.value), index=(tree.slice.value,))
        case ast.Call():
            assert isinstance(tree.func, ast.Name)
            return call(tree.func.id, *map(oracle, tree.args))
    raise AssertionError(ast.dump(tree))


def operands(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Things that need no brackets, with signs before and postfixes behind."""
    comparison = st.builds("{} {} {}".format, inner, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), inner)
    grouped = st.one_of(inner.map("({} + a)".format), comparison.map("({})".format))
    calls = st.one_of(inner.map("sin({})".format), st.builds("maximum({}, {})".format, inner, inner))
    atoms = st.one_of(st.sampled_from(["a", "b", "c", "2", "0.5", "3e-1"]), grouped, calls)
    tails = st.sampled_from(["", "", "", ".T", "[0]", ".T[0]", "[None].T"])
    signs = st.sampled_from(["", "", "-", "+", "- -", "-+"])
    named = st.builds("{}{}{}".format, signs, st.sampled_from(["a", "b", "(a @ b)"]), tails)
    return st.one_of(st.builds("{}{}".format, signs, atoms), named)


def chains(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Operands with operators between them, and no brackets to help."""
    pair = st.builds("{}{}".format, st.sampled_from(["+", " - ", "*", "/", " @ ", "**"]), operands(inner))
    return st.builds(lambda first, rest: first + "".join(rest), operands(inner), st.lists(pair, max_size=6))


EXPRESSIONS = st.recursive(st.sampled_from(["a", "b", "c"]), chains, max_leaves=12)


@settings(max_examples=400, deadline=None)
@given(EXPRESSIONS)
@example("-a**-b**2")
@example("2**-a**-2 * -3")
@example("a @ b * c / a @ b")
@example("-a.T[0]**2")
@example("- -2")
def test_brackets_are_those_of_python(source: str) -> None:
    """Both parsers build the same graph, or its shapes do not fit under either."""
    try:
        expected = oracle(ast.parse(source, mode="eval").body)
    except ShapeError:
        with pytest.raises(ShapeError):
            output(source, SCOPE)
    else:
        assert output(source, SCOPE) is expected


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">=", "==", "!="])
def test_comparisons_bind_least(operator: str) -> None:
    """Sums stand on either side of a comparison without brackets."""
    source = f"a + b {operator} b - c"
    assert output(source, SCOPE) is oracle(ast.parse(source, mode="eval").body)

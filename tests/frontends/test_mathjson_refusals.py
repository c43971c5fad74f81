"""What of MathJSON is refused, and how; and its bounds."""

from __future__ import annotations

from typing import Any

import pytest

from service.errors import LimitError
from service.frontends.mathjson import read_mathjson
from service.frontends.mathjson_operators import OPERATORS, RESERVED
from service.tasks.messages import Limits
from tests.frontends.foreign import refusal
from tests.frontends.reading import LIMITS

SHAPES: dict[str, list[int | str]] = {"x": [], "v": [3], "w": [4], "M": [2, 2], "B": [2, 3]}
TOP = "/model/content"
REFUSED: list[tuple[Any, str, str, str]] = [
    (["Sine", "x"], "unknown-name", TOP, "'Sine' at the top: 'Sine' is not an operator of MathJSON that is supported"),
    (["Add", 1, ["Rott", "x", 2]], "unknown-name", f"{TOP}/2", "'Rott' at '/2': 'Rott' is not an operator"),
    (["Add", 1, ["Rott", "x", 2]], "unknown-name", f"{TOP}/2", "did you mean Root"),
    ({"fn": ["Add", 1, {"fn": ["Round", "x"]}]}, "unsupported-operation", f"{TOP}/fn/2/fn", "rounds halves"),
    (["Equal", "x", 1], "unsupported-operation", TOP, "within a tolerance"),
    (["Sin", "x", 2], "parse-error", TOP, "Sin takes 1 operands, got 2"),
    (["Add"], "parse-error", TOP, "Add takes 1 or more operands, got 0"),
    (["Divide", "x"], "parse-error", TOP, "Divide takes 2 or more operands, got 1"),
    (["Less", "x"], "parse-error", TOP, "Less takes 2 or more operands, got 1"),
    (["If", "x", 1, 2], "parse-error", TOP, "operand 1 of If is a condition"),
    (["If", ["Less", "x", 1], 1], "parse-error", TOP, "If takes 3 operands"),
    (["And", ["Less", "x", 1], ["Less", "x", 2], ["Less", "x", 3], "x"], "parse-error", TOP, "operand 4 of And"),
    (["Which", ["Less", "x", 1], 1], "parse-error", TOP, "the last condition is True"),
    (["Which", "x", 1, "True", 2], "parse-error", TOP, "operand 1 of If is a condition"),
    (["Rational", 1, 0], "parse-error", TOP, "is 0"),
    (["Rational", "x", 2], "unsupported-operation", TOP, "a whole number, written out"),
    (["Rational", 1.5, 2], "unsupported-operation", TOP, "a whole number, written out"),
    (["Root", "x", "x"], "unsupported-operation", TOP, "the index of a Root is a whole number"),
    (["Root", "x", 0], "unsupported-operation", TOP, "the index of a Root is 1 or more"),
    (["PolyGamma", -1, "x"], "unsupported-operation", TOP, "the order of a PolyGamma is 0 or more"),
    (["MatrixPower", "B", 2], "shape-error", TOP, "square"),
    (["Multiply", "v", "v"], "shape-error", TOP, "Multiply takes 1 array among its operands, got 2"),
    (["Divide", 1, "v"], "shape-error", TOP, "operand 2 of Divide has 0 axes, got 1"),
    (["Power", "M", 2], "shape-error", TOP, "operand 1 of Power has 0 or 1 axes, got 2"),
    (["Add", "v", "M"], "shape-error", TOP, "Add takes arrays of one shape, got (3,) and (2, 2)"),
    (["Sin", ["Add", 1, ["Dot", "v", "w"]]], "shape-error", f"{TOP}/1/2", "'Dot' at '/1/2': matmul needs equal inner"),
    (["Erf", "v"], "shape-error", TOP, "Erf takes no array"),
    (["Determinant", "B"], "shape-error", TOP, "square"),
    (["Determinant", "x"], "shape-error", TOP, "operand 1 of Determinant has 2 axes, got 0"),
    (["Mean", "M"], "shape-error", TOP, "operand 1 of Mean has 1 axes, got 2"),
    (["Sum", "M"], "shape-error", TOP, "Sum of one operand takes a list"),
    (["Sum"], "parse-error", TOP, "Sum takes 1 or more operands"),
    (["Sum", "k", ["Limits", "k", 1, "x"]], "unsupported-operation", TOP, "a bound of a range is a whole number"),
    (["Sum", "k", ["Limits", "k", 1]], "unsupported-operation", TOP, "a range is an index and two"),
    (["Sum", "k", "k"], "unsupported-operation", TOP, "a range is an index and two"),
    (["Sum", "k", ["Limits", 3, 1, 2]], "parse-error", TOP, "the index of a range is a symbol"),
    (["Sum", "k", ["Limits", "k", 1, 2], ["Limits", "k", 1, 2]], "parse-error", TOP, "the same index"),
    (["Sum", "k", ["Limits", "k", 1, 10**6]], "limit-exceeded", TOP, "nodes: 1000000 is over the limit"),
    (["Sum", "k", ["Limits", "k", 1, 10**30]], "unsupported-operation", TOP, "a bound of a range is a whole number"),
    (["At", "v", 0], "parse-error", TOP, "indices count from 1"),
    (["At", "v", "x"], "unsupported-operation", TOP, "an index is a whole number"),
    (["At", "v", 4], "shape-error", TOP, "out of range"),
    (["At", "v", 1, 1], "parse-error", TOP, "At takes 2 operands, got 3"),
    (["At"], "parse-error", TOP, "At takes 2 operands, got 0"),
    (["Norm", "v", 3], "unsupported-operation", TOP, "a norm is that of a vector"),
    (["Norm", "M", 2], "unsupported-operation", TOP, "Frobenius's of a matrix"),
    (["Norm"], "parse-error", TOP, "Norm takes 1 to 2 operands, got 0"),
    (["Norm", "v", []], "invalid-request", f"{TOP}/2/0", "the name of an operator"),
    (["List"], "parse-error", TOP, "at least one entry"),
    (["List", "v", "w"], "shape-error", TOP, "'List' at the top: stack"),
    (["Matrix", "v"], "shape-error", TOP, "a Matrix has two axes"),
    (["Matrix", "M", 2], "parse-error", TOP, "strings only"),
    (["IdentityMatrix", "x"], "unsupported-operation", TOP, "a whole number, written out"),
    (["IdentityMatrix", -1], "shape-error", TOP, "negative"),
    ("y", "unknown-name", TOP, "'y' at the top: the symbol is not declared"),
    (["Add", "x", "ImaginaryUnit"], "unsupported-operation", f"{TOP}/2", "no real number of its own"),
    (["Add", "x", "i"], "unsupported-operation", f"{TOP}/2", "no real number of its own"),
    ("\u03b1", "parse-error", TOP, "has no letter or digit"),
    ("", "parse-error", TOP, "a symbol has letters"),
    ("_", "parse-error", TOP, "has no letter or digit"),
    ("'text'", "parse-error", TOP, "a string is no number"),
    ({"str": "x"}, "parse-error", TOP, "a string is no number"),
    ([], "invalid-request", f"{TOP}/0", "the name of an operator"),
    ([["f"], 1], "invalid-request", f"{TOP}/0", "the name of an operator"),
    ([1, 2], "invalid-request", f"{TOP}/0", "the name of an operator"),
    (["'Sin'", "x"], "invalid-request", f"{TOP}/0", "the name of an operator"),
    (["Sin", None], "invalid-request", f"{TOP}/1", "an expression is"),
    (["Sin", True], "invalid-request", f"{TOP}/1", "an expression is"),
    ({}, "invalid-request", TOP, "one of num, sym, str and fn"),
    ({"dict": {}}, "invalid-request", TOP, "one of num, sym, str and fn"),
    ({"num": "1", "sym": "x"}, "invalid-request", f"{TOP}/sym", "has no field 'sym'"),
    ({"num": []}, "invalid-request", f"{TOP}/num", "an expression is"),
    ({"sym": 1}, "invalid-request", f"{TOP}/sym", "a text is expected"),
    ({"fn": "Sin"}, "invalid-request", f"{TOP}/fn", "an array is expected"),
    ({"num": "one"}, "invalid-request", f"{TOP}/num", "'one' is not a number"),
    ({"num": "1."}, "invalid-request", f"{TOP}/num", "is not a number"),
    ({"num": "--1"}, "invalid-request", f"{TOP}/num", "is not a number"),
    ({"num": "0x10"}, "invalid-request", f"{TOP}/num", "is not a number"),
    ({"num": "1_000"}, "invalid-request", f"{TOP}/num", "is not a number"),
    ({"num": "\u0661"}, "invalid-request", f"{TOP}/num", "is not a number"),
    ({"num": "1e999"}, "unsupported-operation", f"{TOP}/num", "beyond the range of a double"),
    ({"num": "1e-999"}, "unsupported-operation", f"{TOP}/num", "beyond the range of a double"),
    ({"num": "1e999999999999999999"}, "unsupported-operation", f"{TOP}/num", "beyond the range of a double"),
    ({"num": "9" * 401}, "limit-exceeded", f"{TOP}/num", "number length"),
    (10**400, "unsupported-operation", TOP, "beyond the range of a double"),
    (float("inf"), "unsupported-operation", TOP, "beyond the range of a double"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "code", "pointer", "message"), REFUSED, ids=[f"{k} {case[3][:40]}" for k, case in enumerate(REFUSED)]
)
def test_refusals(content: Any, code: str, pointer: str, message: str) -> None:
    """An error points at the operation and names it."""
    error = refusal(read_mathjson, content, shapes=SHAPES)
    assert (error.code, error.pointer) == (code, pointer), error.detail
    assert message in error.detail


@pytest.mark.parametrize("name", sorted(OPERATORS.refused))
def test_operators_without_a_meaning(name: str) -> None:
    """Each is refused with its reason."""
    error = refusal(read_mathjson, [name, "x", "x"])
    assert error.code == "unsupported-operation"
    assert OPERATORS.refused[name] in error.detail


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_symbols_that_are_no_variables(name: str) -> None:
    """What means something to the Compute Engine is never taken for a variable."""
    assert refusal(read_mathjson, ["Add", name, 1]).code == "unsupported-operation"


def test_names_that_would_be_one() -> None:
    """`aéb` and `a_b` are written alike."""
    assert "both are written a_b" in refusal(read_mathjson, ["Subtract", "aéb", "a_b"]).detail
    assert "both are written a_b" in refusal(read_mathjson, ["Subtract", "aéb", "a_b"], shapes={"a_b": []}).detail


@pytest.mark.parametrize("content", ['["Sin","x"]', r"\sin x", "x+1", "y x", {"sym": '["Sin","x"]'}])
def test_a_text_that_is_a_whole_expression(content: Any) -> None:
    """It is no variable with an odd name."""
    assert "a function is an array" in refusal(read_mathjson, content).detail


@pytest.mark.parametrize(
    "content",
    [
        ["Add", *[f"x{k}" for k in range(6)]],
        ["Sum", ["Sum", ["Sum", 1, ["Limits", "k", 1, 5]], ["Limits", "j", 1, 5]], ["Limits", "i", 1, 5]],
        ["Sum", 1, ["Limits", "i", 1, 3], ["Limits", "j", 1, 3]],
        ["Add", *["x"] * 6],
    ],
)
def test_bounds(content: Any) -> None:
    """Terms are counted, those that sums repeat among them."""
    with pytest.raises(LimitError, match="nodes"):
        read_mathjson(content, Limits(nodes=5))


def test_a_deep_expression() -> None:
    """Depth is bounded by the JSON body alone: reading is a loop."""
    deep: Any = "x"
    for _ in range(9000):
        deep = ["Sin", deep]
    assert len(read_mathjson(deep, LIMITS)["nodes"]) == 9000

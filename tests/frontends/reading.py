"""How the tests of this folder read: a scope with arrays of every rank, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from service.errors import FluxionError
from service.frontends.text import Reading, Scope, read_text
from service.ir.leaves import variable
from service.ir.node import Node
from service.ir.op import find
from service.ir.size import Shape, named
from service.ops.signature import apply
from service.tasks.messages import Limits

LIMITS = Limits()
M, N = named("m"), named("n")
SHAPES: Mapping[str, Shape] = {
    "s": (), "t": (), "x": (N,), "y": (N,), "A": (N, N), "B": (M, N), "v": (3,), "X": (2, 3), "K": (2, 3, 4),
}  # fmt: skip
SCOPE = Scope(SHAPES)


def read(source: str, scope: Scope = SCOPE, limits: Limits = LIMITS) -> Reading:
    """The whole reading of a text."""
    return read_text(source, scope, limits)


def output(source: str, scope: Scope = SCOPE) -> Node:
    """The output of a text."""
    return read(source, scope).output


def given(name: str) -> Node:
    """A variable of the scope."""
    return variable(name, SHAPES[name])


def call(name: str, *inputs: Node, **attributes: object) -> Node:
    """A user's operation, built without any frontend."""
    op = find(name)
    assert op is not None
    return apply(op, inputs, attributes)


def refusal(source: str, scope: Scope = SCOPE, limits: Limits = LIMITS) -> FluxionError:
    """The error that a text is refused with; all of them have a place, and say little."""
    with pytest.raises(FluxionError) as caught:
        read_text(source, scope, limits)
    error = caught.value
    assert len(error.detail) < 400
    return error


def caret(error: FluxionError) -> tuple[int, int, str]:
    """Line, column, and the text that is underlined, after a look at the caret."""
    assert error.place is not None
    line, mark = error.place.excerpt.split("\n")
    start = mark.index("^")
    assert mark == " " * start + "^" + "~" * (len(mark) - start - 1)
    return error.place.line, error.place.column, line[start : len(mark)]

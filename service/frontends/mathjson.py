"""MathJSON, the expressions of the Compute Engine, into a JSON graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from service.frontends.bounds import Limits
from service.frontends.formulas import run
from service.frontends.mathjson_expression import Expression
from service.frontends.mathjson_forms import FORMS

__all__ = ["read_mathjson"]


def read_mathjson(
    content: Any,
    limits: Limits,
    shapes: Mapping[str, Sequence[int | str]] | None = None,
    pointer: str = "/model/content",
) -> dict[str, Any]:
    """The graph format's object for a decoded expression, over the real numbers.

    `shapes` are those of its variables, with sizes that are numbers or names; they are all inputs, in order. Without
    any, every symbol is a scalar, in order of use. Refused is what is not exactly expressible, with the place of the
    operation in the expression.
    """
    reading = Expression(limits, pointer, shapes or {}, FORMS)
    for name, shape in reading.shapes.items():
        reading.assembly.input(name, shape, by_client=True)
    output = run(reading.term(content, pointer, {}))
    return reading.assembly.graph([output])

"""Expressions of MathJSON for the tests."""

from __future__ import annotations

from typing import Any

from service.frontends.mathjson import read_mathjson
from tests.frontends.foreign import identity_of_graph, identity_of_text
from tests.frontends.reading import LIMITS


def read(content: Any, **shapes: list[int | str]) -> dict[str, Any]:
    """The graph of an expression."""
    return read_mathjson(content, LIMITS, shapes)


def same(content: Any, text: str, **shapes: tuple[int, ...]) -> None:
    """An expression is the function that a text is."""
    graph = read_mathjson(content, LIMITS, {name: list(shape) for name, shape in shapes.items()})
    assert identity_of_graph(graph) == identity_of_text(text, **shapes)

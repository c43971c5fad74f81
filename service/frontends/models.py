"""Formats of other tools, each read into a graph of ours; what reads it is imported when it is first needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from service.frontends.bounds import Limits

__all__ = ["BYTES", "read_model"]

Shapes = Mapping[str, Sequence[int | str]]
BYTES = frozenset({"onnx"})  # the formats whose content is bytes
_READERS: Mapping[str, str] = {
    "onnx": "service.frontends.onnx:read_onnx",
    "mathoptformat": "service.frontends.mathoptformat:read_mathoptformat",
    "mathjson": "service.frontends.mathjson:read_mathjson",
}


def read_model(named: str, content: Any, shapes: Shapes, limits: Limits) -> dict[str, Any]:
    """The graph, as an object of the graph format; `shapes` are those of declared variables.

    Raises:
        FluxionError: the content is not one function that the language can say; the message names the node.
    """
    module, _, function = _READERS[named].partition(":")
    reader: Callable[..., dict[str, Any]] = getattr(import_module(module), function)
    return reader(content, limits, shapes)

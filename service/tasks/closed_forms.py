"""The closed form of a derivative in every spelling asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from service.frontends.write_graph import write_graph
from service.ir import size
from service.ir.node import Node
from service.ir.size import Shape
from service.render.latex import latex_form
from service.render.matrix_form import matrix_form
from service.render.numpy_code import numpy_form
from service.render.terms import COLUMN, ROW
from service.render.text import text_form
from service.rewrite.collect import collect
from service.tasks.messages import Form, Layout


def closed_forms(
    node: Node, inputs: Mapping[str, Shape], forms: Sequence[Form], *, scalar_output: bool, layout: Layout, name: str
) -> dict[str, Any]:
    """Each form is a whole program in the request's variables that evaluates to exactly the node's shape."""
    if not forms:
        return {}
    orientation = (ROW if layout == "numerator" else COLUMN) if scalar_output and len(node.shape) == 1 else ""
    (readable,) = collect([node])
    return written_forms(matrix_form(readable, list(inputs), orientation), inputs, forms, name)


def written_forms(term: Node, inputs: Mapping[str, Shape], forms: Sequence[Form], name: str) -> dict[str, Any]:
    """A user graph in each notation; `inputs` are the arguments of the function `name` that `numpy` writes."""
    taken = [*inputs, *(found for shape in inputs.values() for entry in shape for found in size.names(entry))]
    writers: dict[str, Callable[[], Any]] = {
        "text": lambda: text_form(term, taken),
        "latex": lambda: latex_form(term),
        "numpy": lambda: numpy_form(term, inputs, name),
        "graph": lambda: write_graph([term], list(inputs.items())),
    }
    return {form: writers[form]() for form in forms}

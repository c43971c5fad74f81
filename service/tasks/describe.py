"""A function by itself: its variables, its outputs and its canonical graph, the same for every spelling of it."""

from __future__ import annotations

from typing import Any

from service.frontends.identity import canonical
from service.frontends.write_graph import write_graph
from service.ir.leaves import ARRAY
from service.ir.node import Node
from service.ir.size import Shape
from service.ir.walk import topological
from service.tasks.closed_forms import written_forms
from service.tasks.function import written_shape
from service.tasks.messages import Answer, Form
from service.tasks.problem import Problem, answer

FORMS: tuple[Form, ...] = ("text", "latex", "numpy")
MOST_NUMBERS = 4096  # of the constants of a function that is written as text: more of them nobody reads
NAME = "f"  # what code calls the function


def describe(problem: Problem) -> Answer:
    """The function's document. Its variables are in the order of their names, since no order is part of a function."""
    function = problem.function
    inputs = dict(sorted(function.inputs.items()))
    outputs = canonical(function.outputs)
    is_brief = _numbers(outputs) <= MOST_NUMBERS
    written = [{"shape": written_shape(node), "forms": _forms(node, inputs) if is_brief else {}} for node in outputs]
    graph = write_graph(outputs, inputs.items())
    variables = [{"name": entry["name"], "shape": entry["shape"]} for entry in graph["inputs"]]
    return answer(problem, variables=variables, outputs=written, forms=written[0]["forms"], graph=graph)


def _forms(node: Node, inputs: dict[str, Shape]) -> dict[str, Any]:
    return written_forms(node, inputs, FORMS, NAME)


def _numbers(outputs: tuple[Node, ...]) -> int:
    return sum(len(node.attributes.content) // 8 for node in topological(outputs) if node.op is ARRAY)

"""Random programs over every operation: text, graph and derivative graph are spellings of the same functions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.frontends.graph import GraphReading, read_graph
from service.frontends.identity import canonical, function_id
from service.frontends.text import Scope, read_text
from service.frontends.write_graph import write_graph
from service.ir.node import Node
from service.render.text import text_form
from service.tasks.compute import compute
from service.tasks.messages import Declaration, Task
from tests.diff.random_programs import EVERY, draw
from tests.frontends.reading import LIMITS

SEEDS = range(len(EVERY))  # each sample of each operation comes up


def sent(graph: Any) -> GraphReading:
    """The reading of a graph that went through JSON."""
    return read_graph(json.loads(json.dumps(graph, allow_nan=False)), LIMITS)


def identity(reading: GraphReading) -> str:
    """The id of what was read."""
    return function_id(reading.outputs, reading.inputs)


@pytest.mark.parametrize("start", range(0, len(SEEDS), 50))
def test_text_to_graph_to_text(start: int) -> None:
    """The same nodes all the way, and the same id; also of the one graph that stands for all with that id."""
    for seed in SEEDS[start : start + 50]:
        program = draw(seed)
        shapes = {name: value.shape for name, value in program.point.items()}

        def read(text: str, shapes: dict[str, Any] = shapes) -> Node:
            return read_text(text, Scope(shapes), LIMITS).output

        node = read(program.text)
        reading = sent(write_graph([node], shapes.items()))
        assert reading.outputs == (node,), program.text
        assert read(text_form(reading.outputs[0], list(shapes))) is node, program.text
        chosen = sent(write_graph(canonical([node]), shapes.items()))
        assert identity(chosen) == identity(reading) == function_id([node], shapes.items()), program.text
        assert sent(write_graph(canonical(chosen.outputs), shapes.items())).outputs == chosen.outputs, program.text


@pytest.mark.parametrize("seed", [*SEEDS[::6]])
def test_graph_to_derivative_graph_to_graph(seed: int) -> None:
    """The derivative of a graph is that of the text, written as a graph that reads back to the function in its text."""
    program = draw(seed)
    shapes = {name: value.shape for name, value in program.point.items()}
    names = tuple(shapes)[:2]
    reading = read_text(program.text, Scope(shapes), LIMITS)
    # A text's variables are in the order of their use, which decides the order of terms in a form.
    graph = write_graph([reading.output], {**reading.variables, **shapes}.items())
    declared = {name: Declaration(shape) for name, shape in shapes.items()}
    forms: Any = ("text", "graph")
    of_text = compute(Task("jacobian", program.text, variables=declared, wrt=names, forms=forms))
    of_graph = compute(Task("jacobian", graph=graph, wrt=names, forms=forms))
    assert of_graph.function_id == of_text.function_id
    assert [block.forms for block in of_graph.blocks] == [block.forms for block in of_text.blocks]
    for block in of_graph.blocks:
        derivative = sent(block.forms["graph"])
        assert write_graph(derivative.outputs, derivative.inputs) == block.forms["graph"]
        again = read_text(block.forms["text"], Scope(shapes), LIMITS).output
        assert identity(derivative) == function_id([again], shapes.items()), program.text

"""A graph in place of a text: the same answer to every kind of request, to the last bit."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from service.frontends.text import Scope, read_text
from service.frontends.write_graph import write_graph
from service.ir.size import Shape, named
from service.tasks.compute import COMPUTE, compute
from service.tasks.messages import Limits, Task
from tests.tasks.deriving import spelled, tasks

TASKS = [task for task in tasks() if task.expression is not None and task.variables is not None]


def as_graph(task: Task) -> Task:
    """The same request with its function as a graph, whose inputs have the shapes and facts that were declared."""
    assert task.expression is not None
    assert task.variables is not None
    shapes: dict[str, Shape] = {
        name: tuple(entry if isinstance(entry, int) else named(entry) for entry in declared.shape)
        for name, declared in task.variables.items()
    }
    node = read_text(task.expression, Scope(shapes), Limits(), task.syntax).output
    graph = write_graph([node], shapes.items())
    for entry in graph["inputs"]:
        entry["assume"] = list(task.variables[entry["name"]].assume)
    return dataclasses.replace(task, expression=None, variables=None, graph=graph)


def told(task: Task) -> Any:
    """An answer but for what a line is called: `explain` shows the lines of a text, and the nodes of a graph."""
    answer = compute(task)
    parts = {name: value for name, value in answer.parts.items() if task.kind != "explain"}
    return spelled(dataclasses.replace(answer, parts=parts))


@pytest.mark.parametrize("place", range(len(TASKS)), ids=[f"{place} {task.kind}" for place, task in enumerate(TASKS)])
def test_answers_are_those_to_the_text(place: int) -> None:
    """Forms, numbers, warnings and ids."""
    assert told(as_graph(TASKS[place])) == told(TASKS[place])


def test_every_kind_is_among_them() -> None:
    """But what describes a function, which tests/registry does, and its plain value, which all of them have."""
    assert {task.kind for task in TASKS} >= set(COMPUTE) - {"function", "evaluate", "derivative"} - {"derivative"}
    assert {"evaluate", "derivative", "function"} <= set(COMPUTE)

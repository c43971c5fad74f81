"""How the readers of other formats are tested: what their graphs compute, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np
import pytest

from service.errors import FluxionError
from service.frontends.graph import read_graph
from service.frontends.identity import function_id
from service.frontends.text import Scope, read_text
from service.tasks.compute import compute
from service.tasks.messages import Task
from tests.frontends.reading import LIMITS

DIGITS = 40
# The value of one operator loses a few units in the last place, that of gamma functions as many as their logarithm has
# times more; slopes are made of several such factors.
RELATIVE = 2e-13
Point = Mapping[str, Any]


def computed(graph: Mapping[str, Any], at: Point) -> tuple[Any, dict[str, Any]]:
    """Value and gradient of a scalar function at a point."""
    values = {name: np.asarray(value, dtype=float) for name, value in at.items()}
    answer = compute(Task("gradient", graph=graph, at=values, forms=()))
    assert answer.values is not None
    return float(answer.values[0]), {block.wrt[0]: block.value for block in answer.blocks}


def check(graph: Mapping[str, Any], exact: Callable[..., Any], at: Mapping[str, float]) -> None:
    """The graph's value and every slope are those of an independent function of the same variables, in order."""
    value, slopes = computed(graph, at)
    with mpmath.workdps(DIGITS):
        point = [mpmath.mpf(entry) for entry in at.values()]
        assert value == pytest.approx(float(exact(*point)), rel=RELATIVE)
        for place, name in enumerate(at):
            order = tuple(int(k == place) for k in range(len(point)))
            slope = float(mpmath.diff(exact, tuple(point), order))
            # A numeric derivative with 40 digits is exact to a double, unless it is 0.
            assert float(slopes[name]) == pytest.approx(slope, rel=RELATIVE, abs=1e-15), name


def identity_of_graph(graph: Mapping[str, Any]) -> str:
    """The id of a graph's function."""
    reading = read_graph(graph, LIMITS)
    return function_id(reading.outputs, reading.inputs)


def identity_of_text(text: str, **shapes: tuple[int, ...]) -> str:
    """The id of a text's function over variables of these shapes."""
    return function_id([read_text(text, Scope(shapes), LIMITS).output], shapes.items())


def refusal(read: Callable[..., Any], content: Any, **more: Any) -> FluxionError:
    """The error that a document is refused with: short, and it points into the document."""
    with pytest.raises(FluxionError) as caught:
        read(content, LIMITS, **more)
    error = caught.value
    assert len(error.detail) < 400
    assert (error.pointer or "").startswith(("/model/content", "/variables"))
    assert error.place is None
    return error

"""Documents of MathOptFormat for the tests."""

from __future__ import annotations

from typing import Any

from service.frontends.mathoptformat import read_mathoptformat
from service.tasks.messages import Limits
from tests.frontends.reading import LIMITS


def nonlinear(root: Any, *nodes: Any) -> dict[str, Any]:
    """A nonlinear function."""
    return {"type": "ScalarNonlinearFunction", "root": root, "node_list": list(nodes)}


def call(operator: str, *operands: Any) -> dict[str, Any]:
    """An operation."""
    return {"type": operator, "args": list(operands)}


def node(index: int) -> dict[str, Any]:
    """A reference, counted from 1."""
    return {"type": "node", "index": index}


def model(objective: Any, *variables: str, sense: str = "min") -> dict[str, Any]:
    """A model without constraints."""
    return {
        "version": {"major": 1, "minor": 7},
        "variables": [{"name": name} for name in variables],
        "objective": {"sense": sense, "function": objective},
        "constraints": [],
    }


def read(content: Any, limits: Limits = LIMITS) -> dict[str, Any]:
    """The graph of a document."""
    return read_mathoptformat(content, limits)


def affine(*terms: tuple[float, str], constant: float = 0.0) -> dict[str, Any]:
    """An affine function."""
    listed = [{"coefficient": factor, "variable": name} for factor, name in terms]
    return {"type": "ScalarAffineFunction", "terms": listed, "constant": constant}


def squares(*terms: tuple[float, str, str]) -> list[dict[str, Any]]:
    """Quadratic terms."""
    return [{"coefficient": factor, "variable_1": one, "variable_2": other} for factor, one, other in terms]

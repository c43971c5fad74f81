"""How these tests ask for explanations and read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from service.tasks.compute import compute
from service.tasks.messages import Answer, Declaration, Task

Array = Any


@dataclass(frozen=True)
class Explained:
    """An answer with its explanation by name."""

    answer: Answer

    @property
    def parts(self) -> Mapping[str, Any]:
        """The explanation as it was answered."""
        found: Mapping[str, Any] = self.answer.parts["explain"]
        return found

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        """The nodes by name, each of which stands once."""
        found = {node["name"]: node for node in self.parts["nodes"]}
        assert len(found) == len(self.parts["nodes"])
        return found

    @property
    def edges(self) -> dict[tuple[str, str], dict[str, Any]]:
        """The local partials by both names, each pair of which stands once."""
        found = {(edge["of"], edge["wrt"]): edge for edge in self.parts["edges"]}
        assert len(found) == len(self.parts["edges"])
        return found

    def steps(self, mode: str) -> list[dict[str, Any]]:
        """The steps of one mode."""
        return [step for step in self.parts["steps"] if step["mode"] == mode]

    def column(self, field: str) -> dict[str, Array]:
        """One field of every node."""
        return {name: node[field] for name, node in self.nodes.items()}


def arrays(values: Mapping[str, Any]) -> dict[str, Array]:
    """Numbers and lists as float64 arrays."""
    return {name: np.asarray(value, float) for name, value in values.items()}


def explain(expression: str | None = None, at: Mapping[str, Any] | None = None, **more: Any) -> Explained:
    """The explanation of a text, or of a graph in `more`; `shapes` in `more` declares the variables."""
    shapes = more.pop("shapes", None)
    declared = None if shapes is None else {name: Declaration(tuple(shape)) for name, shape in shapes.items()}
    if "tangents" in more:
        more["tangents"] = arrays(more["tangents"])
    if "cotangent" in more:
        more["cotangent"] = np.asarray(more["cotangent"], float)
    point = None if at is None else arrays(at)
    return Explained(compute(Task("explain", expression, variables=declared, at=point, **more)))


def contracted(left: Array, right: Array, axes: int) -> Array:
    """The product summed over the last axes of one and the first of the other."""
    return np.tensordot(left, right, axes) if axes else np.multiply.outer(left, right)

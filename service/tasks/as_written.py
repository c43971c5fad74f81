"""The function evaluated operation by operation, as it was written, where numbers are not finite.

Simplifying is right for numbers: x - x is 0. For infinite ones it is not, and whether a value exists is then up to the
function as it stands.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from service.execute.program import compile_program
from service.ir.leaves import ARRAY, FILL, VARIABLE, variable
from service.ir.node import Node
from service.ir.walk import topological
from service.tasks.inputs import Point
from service.tasks.messages import Array, Limits


def has_nonfinite(outputs: Sequence[Node], point: Point) -> bool:
    """Whether an input that the user's graph uses, or a constant of it, is not finite."""
    for node in topological(outputs):
        if node.op is VARIABLE and not np.isfinite(point.arrays.get(node.attributes, 0.0)).all():
            return True
        if node.op is FILL and not np.isfinite(node.attributes):
            return True
        if node.op is ARRAY and not np.isfinite(np.frombuffer(node.attributes.content)).all():
            return True
    return False


def values_as_written(outputs: Sequence[Node], point: Point, limits: Limits) -> list[Array]:
    """The values of a user's graph, each operation lowered and run on its own."""
    values, batched = dict[Node, Array](), set[Node]()
    for node in topological(outputs):
        names = [f"v{k}" for k in range(len(node.inputs))]  # an input that stands twice is two: x - x is not 0 yet
        many = frozenset(name for child, name in zip(node.inputs, names, strict=True) if child in batched)
        if node.op is VARIABLE:
            values[node] = point.arrays[node.attributes]
            many = frozenset({node.attributes}) & point.batched
        else:
            leaves = [variable(name, child.shape) for child, name in zip(node.inputs, names, strict=True)]
            term = node if node.op.lower is None else node.op.lower(*leaves, **dict(node.attributes))
            (values[node],) = compile_program([term], many, limits.elements).run(
                {name: values[child] for child, name in zip(node.inputs, names, strict=True)}
            )
        if many:
            batched.add(node)
    return [values[output] for output in outputs]

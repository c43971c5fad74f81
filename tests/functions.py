"""A function under test: a text and shapes, its user's and kernel graphs, a random point, and the engine's numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from service.diff.reverse import jacobian
from service.execute.program import compile_program
from service.frontends.text import Scope, read_text
from service.ir.leaves import variable
from service.ir.node import Node
from service.ir.size import Shape, named
from service.ir.walk import rebuild
from service.render.matrix_form import matrix_form
from service.rewrite.collect import collect
from service.rewrite.simplify import simplify
from service.tasks.function import lower
from service.tasks.messages import Limits

Array = Any
Domain = tuple[float, float] | Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Function:
    """A text over variables of given shapes."""

    text: str
    shapes: Mapping[str, Shape]
    syntax: str = "python"

    @property
    def scope(self) -> Scope:
        """What the text may name."""
        return Scope(self.shapes)

    @cached_property
    def user(self) -> Node:
        """The graph as it was written."""
        return read_text(self.text, self.scope, Limits(), self.syntax).output

    @cached_property
    def lowered(self) -> Node:
        """The kernel graph, before any rewriting."""
        return rebuild([self.user], lower)[0]

    @cached_property
    def kernel(self) -> Node:
        """The kernel graph that the service differentiates."""
        return simplify([self.lowered])[0]

    def derivative(self, *names: str) -> Node:
        """The derivative by each name in turn, simplified as the service does it."""
        node = self.kernel
        for name in names:
            (node,) = jacobian(node, [variable(name, self.shapes[name])])
        return simplify([node])[0]

    def closed_form(self, node: Node) -> Node:
        """A derivative as a user's graph."""
        (readable,) = collect([node])
        return matrix_form(readable, list(self.shapes))

    def again(self, text: str, syntax: str = "python") -> Function:
        """Another text over the same variables."""
        return Function(text, self.shapes, syntax)


def kernel_of(node: Node) -> Node:
    """The kernel graph of a user's graph: one and the same for spellings of one function."""
    return simplify(rebuild([node], lower))[0]


def shapes(**given: Sequence[int | str]) -> dict[str, Shape]:
    """Shapes with names for sizes."""
    return {name: tuple(named(n) if isinstance(n, str) else n for n in shape) for name, shape in given.items()}


def random_point(
    given: Mapping[str, Shape], domain: Domain = (0.4, 1.6), seed: int = 1, **sizes: int
) -> dict[str, Array]:
    """Values in a domain; a matrix that must be invertible is made so by a heavier diagonal, see `heavy`."""
    generator = np.random.default_rng(seed)
    point = {}
    for name, shape in given.items():
        low, high = domain[name] if isinstance(domain, Mapping) else domain
        numbers = tuple(n if isinstance(n, int) else sizes[repr(n)] for n in shape)
        point[name] = generator.uniform(low, high, numbers)
    return point


def run(nodes: Sequence[Node], point: Mapping[str, Array], batched: frozenset[str] = frozenset()) -> list[Array]:
    """The engine's numbers."""
    return compile_program(nodes, batched).run(point)


def heavy(point: Mapping[str, Array]) -> dict[str, Array]:
    """Square matrices get a heavier diagonal: well away from singular, and of positive determinant."""
    return {
        name: value + 2 * np.eye(len(value)) if value.ndim == 2 and len(set(value.shape)) == 1 else value
        for name, value in point.items()
    }

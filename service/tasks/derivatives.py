"""Which derivatives a request asks for, and the kernel graphs of them in the layout asked for."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, Literal

from service.diff.reverse import jacobian
from service.errors import InvalidRequestError, ShapeError, UnknownNameError, nearest
from service.ir.contraction import permute
from service.ir.leaves import variable
from service.ir.node import Node
from service.ir.packed import read_nodes, write_nodes
from service.ir.size import written
from service.ir.walk import topological
from service.rewrite.factors import DENSE, ZERO, Structure
from service.rewrite.simplify import simplify
from service.rewrite.structure import structure_of
from service.tasks.function import Function
from service.tasks.messages import Layout
from service.tasks.remembered import remembered
from service.tasks.sharing import Entry


@dataclass(frozen=True)
class Derivative:
    """One block: the output it is of, the names it is by, its graph, and what is known of its zeros.

    `layout` is that of its axes; `variable` has those of the variable alone. Read as a matrix, its first
    `rows` axes are rows. `is_jacobian` tells a first derivative of an output by a variable from all others.
    """

    output: int
    wrt: tuple[str, ...]
    node: Node
    structure: Structure = DENSE
    rows: int = 0
    layout: Layout | Literal["variable"] = "numerator"
    is_jacobian: bool = False


def chosen_names(function: Function, wrt: Sequence[str] | None, *, once: bool = True) -> tuple[str, ...]:
    """The variables to differentiate by: those asked for, or all, in order of first use.

    `once` refuses a name that is asked for again.
    """
    if wrt is None:
        return tuple(function.inputs)
    for place, name in enumerate(wrt):
        if name not in function.inputs:
            message = f"wrt names {name}, which is not a variable{nearest(name, function.inputs)}"
            raise UnknownNameError(message, pointer=f"/wrt/{place}")
    if once and len(set(wrt)) != len(wrt):
        message = "wrt names a variable twice"
        raise InvalidRequestError(message, pointer="/wrt")
    return tuple(wrt)


def write_blocks(blocks: Sequence[Derivative], function: Function, *_: object) -> dict[str, Any]:
    """Blocks as data for JSON; graphs are written from the function's on."""
    about = [
        [b.output, [*b.wrt], b.structure.name, b.structure.numbers, b.rows, b.layout, b.is_jacobian] for b in blocks
    ]
    return {"graphs": write_nodes([block.node for block in blocks], function.kernel), "blocks": about}


def read_blocks(data: Mapping[str, Any], function: Function, *_: object) -> list[Derivative]:
    """What `write_blocks` wrote of a function; the factors of structures are found when asked for."""
    nodes = read_nodes(data["graphs"], function.kernel)
    return [
        Derivative(output, tuple(wrt), node, _structure(node, name, numbers, rows), rows, layout, is_jacobian)
        for node, (output, wrt, name, numbers, rows, layout, is_jacobian) in zip(nodes, data["blocks"], strict=True)
    ]


def _structure(node: Node, name: str, numbers: int, rows: int) -> Structure:
    known = next((structure for structure in (DENSE, ZERO) if structure.name == name), None)
    return known or Structure(name, numbers, lambda: structure_of(node, rows).factors())


def nodes_in(blocks: Sequence[Derivative]) -> int:
    """How many nodes the graphs of blocks have."""
    return len(topological([block.node for block in blocks]))


def _content(function: Function, kind: str, names: Sequence[str], layout: Layout) -> list[Any]:
    return [function.content, kind, [*names], layout]


def _asked(function: Function, kind: str, names: Sequence[str], layout: Layout) -> Hashable:
    return function, kind, tuple(names), layout


@remembered(nodes_in, _asked, Entry("derivatives", _content, write_blocks, read_blocks))
def derivatives(function: Function, kind: str, names: Sequence[str], layout: Layout) -> list[Derivative]:
    """Every block of a gradient, Jacobian or Hessian, or the one of the mixed partial along `names`.

    Shapes are the output's axes, then the variables' (numerator), or the other way round (denominator).
    """
    blocks = []
    for number, output in enumerate(function.kernel):
        if kind == "gradient" and output.shape:
            message = f"a gradient is of a scalar; the output has shape {written(output.shape)}: ask for its jacobian"
            raise ShapeError(message)
        for wrt, node in _of_output(output, function, kind, names):
            rank = len(output.shape)
            axes = range(len(node.shape))
            turned = permute(node, [*axes[rank:], *axes[:rank]]) if layout == "denominator" else node
            rows = _rows(function, rank, wrt, layout)
            structure = structure_of(turned, rows)
            blocks.append(Derivative(number, wrt, turned, structure, rows, layout, kind == "jacobian"))
    return blocks


def _rows(function: Function, rank: int, wrt: Sequence[str], layout: Layout) -> int:
    """How many of the first axes are the rows: a second derivative is read as the derivative of a derivative."""
    ranks = [len(function.inputs[name]) for name in wrt]
    if layout == "numerator":
        return rank + sum(ranks[:-1])
    return sum(ranks[:-1]) if len(ranks) > 1 else ranks[0]


def _of_output(output: Node, function: Function, kind: str, names: Sequence[str]) -> list[tuple[tuple[str, ...], Node]]:
    variables = [variable(name, function.inputs[name]) for name in names]
    if kind == "derivative":
        return [(tuple(names), mixed_partial(output, variables))]
    first = simplify(jacobian(output, variables))
    if kind != "hessian":
        return [((name,), node) for name, node in zip(names, first, strict=True)]
    pairs = list(combinations_with_replacement(range(len(names)), 2))
    second = [jacobian(node, variables[k:]) for k, node in enumerate(first)]
    nodes = simplify([second[i][j - i] for i, j in pairs])
    return [((names[i], names[j]), node) for (i, j), node in zip(pairs, nodes, strict=True)]


def mixed_partial(node: Node, variables: Sequence[Node]) -> Node:
    """The derivative by each variable in turn: the node's axes, then theirs in order."""
    for one in variables:
        (node,) = simplify(jacobian(node, [one]))
    return node
